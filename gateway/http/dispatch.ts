/**
 * How a request is processed, whichever server received it: route, authorize, read, validate, handle, respond, log.
 *
 * A server (node-server.ts, uws-server.ts) passes in an `IncomingRequest` and writes the `OutgoingResponse`.
 */
import { randomUUID } from 'node:crypto';
import findMyWay from 'find-my-way';
import type { Logger } from 'pino';
import type { LocalAccess } from '../limits/local-access.ts';
import type { ObservedRequest } from '../metrics/http-metrics.ts';
import { type AuthorizeOptions, createAuthorize } from './authorize.ts';
import { createCors, type Headers } from './cors.ts';
import type { Dispatch, IncomingRequest, OutgoingResponse } from './exchange.ts';
import { Problem, respondWithProblem, toProblem } from './problem.ts';
import { decoded, parseQuery } from './query.ts';
import { createRequestLog } from './request-log.ts';
import { type HttpRequest, MAX_BODY_BYTES, type Route } from './route.ts';
import { parseBody } from './server/body.ts';
import { compileUserAccess, type UserAccess } from './user-access.ts';
import { compileCheck, type RequestCheck } from './validation.ts';

export interface DispatchOptions extends AuthorizeOptions {
  readonly routes: readonly Route[];
  readonly log: Logger;
  readonly logRequests: 'errors' | 'all';
  readonly allowedOrigins: readonly string[];
  readonly localAccess: LocalAccess;
  /** Why what the store answers may not be what is: every answer says so. */
  readonly doubt: () => Doubt | undefined;
  /** Counts each request after its response. */
  readonly observe: (request: ObservedRequest) => void;
}

/**
 * `restoring`: the store may not have all sessions again. `unconfirmed`: it takes no beats of this process, and may be a
 * master that was cut off (P10).
 */
export type Doubt = 'restoring' | 'unconfirmed';

const MAX_URL_LENGTH = 16_384;
/** Servers read other bytes differently. */
const FOREIGN_TO_URLS = /[^!-~]/;
const URL_ENCODED = 'The URL must be percent-encoded UTF-8.';
const VALID_REQUEST_ID = /^[\w.:-]{1,64}$/;
/** Methods that change nothing. */
const READS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);
const NO_BODY = Promise.resolve(undefined);

interface Entry {
  readonly route: Route;
  readonly check: RequestCheck;
  readonly userAccess: UserAccess;
}

/** Routes whose ids are in the query instead of the path, as a URL cannot have a segment `.` or `..`. */
interface ByQuery {
  readonly choices: { readonly names: readonly string[]; readonly entry: Entry }[];
}

interface Match {
  readonly entry: Entry;
  readonly params: unknown;
  readonly query: unknown;
}

/** What the log and the metrics need of a request; filled in as far as its processing came. */
interface Progress {
  route: Route | undefined;
  body: unknown;
}

export function createDispatch(options: DispatchOptions): Dispatch {
  const { routes, log, logRequests, allowedOrigins, localAccess, doubt, observe } = options;
  // The schema limits the length of an id: the router must not.
  const router = findMyWay({ maxParamLength: MAX_URL_LENGTH, querystringParser: parseQuery });
  const byQuery = new Map<string, ByQuery['choices']>();
  const choicesAt = (method: string, path: string): ByQuery['choices'] => {
    const where = `${method} ${path}`;
    const choices = byQuery.get(where) ?? [];
    byQuery.set(where, choices);
    return choices;
  };
  for (const route of routes) {
    const entry: Entry = { route, check: compileCheck(route), userAccess: compileUserAccess(route) };
    router.on(route.method, route.path, () => undefined, entry);
    const [path = '', ...names] = route.path.split('/:');
    if (names.length > 0) choicesAt(route.method, path).push({ names, entry });
  }
  for (const [where, choices] of byQuery) {
    const [method, path] = where.split(' ') as [Route['method'], string];
    // A route of its own at that path goes first: it needs no ids.
    if (router.findRoute(method, path) === null) router.on(method, path, () => undefined, { choices });
  }
  const methods = [...new Set(routes.map(({ method }) => method))];
  const authorize = createAuthorize(options);
  const cors = createCors(allowedOrigins);
  const logRequest = createRequestLog(log, logRequests);

  function find(method: string, url: string): Match | undefined {
    const found = router.find(method as Route['method'], url);
    if (!found) return undefined;
    const { params, searchParams: query } = found;
    const store = found.store as Entry | ByQuery;
    return 'choices' in store ? matchByQuery(store, query) : { entry: store, params, query };
  }

  /** @returns the route all of whose ids the query names, and most of them. */
  function matchByQuery({ choices }: ByQuery, query: Record<string, unknown>): Match | undefined {
    const named = choices.filter(({ names }) => names.every((name) => query[name] !== undefined));
    const [best] = named.sort((a, b) => b.names.length - a.names.length);
    if (!best) return undefined;
    return { entry: best.entry, params: best.entry.check.readParams(query), query };
  }

  /** @throws Problem `not_found` when the URL has no route. */
  function allowedAt(url: string): string {
    const allowed: string[] = methods.filter((method) => find(method, url));
    if (allowed.length === 0 && decoded(url) === undefined) throw new Problem('invalid_request', URL_ENCODED);
    if (allowed.length === 0) throw new Problem('not_found', 'No route matches this path.');
    if (allowed.includes('GET')) allowed.push('HEAD');
    return [...allowed, 'OPTIONS'].join(', ');
  }

  function match(method: string, url: string): Match {
    const found = find(method === 'HEAD' ? 'GET' : method, url);
    if (found) return found;
    const allow = allowedAt(url);
    throw new Problem('method_not_allowed', `${method} is not allowed here. Allowed: ${allow}.`, {
      headers: { allow },
    });
  }

  function preflight(url: string, origin: string | undefined): OutgoingResponse {
    const allow = allowedAt(url);
    const headers: Headers = { allow };
    cors.preflight(headers, origin, allow);
    return { status: 204, headers, body: '' };
  }

  async function serve(incoming: IncomingRequest, requestId: string, progress: Progress): Promise<OutgoingResponse> {
    const { method, url } = incoming;
    const { entry, params, query } = match(method, url);
    progress.route = entry.route;
    const { schema, maxBodyBytes = MAX_BODY_BYTES, bodyFromQuery } = entry.route;
    const headers: Record<string, string> = {};
    for (const name of entry.check.headerNames) {
      const value = incoming.header(name);
      if (value) headers[name] = value;
    }
    const contentType = incoming.header('content-type');
    const contentEncoding = incoming.header('content-encoding');
    const reading = schema.body ? incoming.readBody(maxBodyBytes) : NO_BODY;
    // A caller without access is answered before its body has arrived: a failure to read that body is then ignored.
    reading.catch(() => undefined);
    const identity = await authorize(incoming, entry.route);
    const bytes = await reading;
    const isInQuery = bodyFromQuery && bytes?.length === 0;
    progress.body = isInQuery ? query : bytes && parseBody(bytes, contentType, contentEncoding);
    const parts = entry.check.run(entry.userAccess.fill({ params, query, headers, body: progress.body }, identity));
    entry.userAccess.check(parts, identity);
    // Also when it becomes known while the store is asked.
    const doubtBefore = doubt();
    const reply = await entry.route.handler({ method, url, requestId, identity, ...parts } as HttpRequest);
    const response = {
      status: reply.status,
      headers: { ...reply.headers } as Headers,
      body: '' as string | Uint8Array,
    };
    const why = doubtBefore ?? doubt();
    if (why) response.headers['x-presence-degraded'] = why;
    if (reply.text !== undefined) {
      response.headers['content-type'] ??= 'text/plain';
      response.body = reply.text;
    } else if (reply.body !== undefined) {
      response.headers['content-type'] ??= 'application/json';
      response.body = JSON.stringify(reply.body);
    }
    return response;
  }

  return async function dispatch(incoming) {
    const startedAt = performance.now();
    const { method, url } = incoming;
    const given = incoming.header('x-request-id');
    const requestId = given !== undefined && VALID_REQUEST_ID.test(given) ? given : randomUUID();
    const origin = incoming.header('origin');
    const progress: Progress = { route: undefined, body: undefined };
    let problem: Problem | undefined;
    let response: OutgoingResponse;
    try {
      const site = READS.has(method) ? undefined : incoming.header('sec-fetch-site');
      const refusal = localAccess(incoming.header('host'), origin, site);
      if (refusal !== undefined) throw new Problem('forbidden', refusal);
      if (url.length > MAX_URL_LENGTH)
        throw new Problem('uri_too_long', `The URL must have at most ${MAX_URL_LENGTH} characters.`);
      if (FOREIGN_TO_URLS.test(url)) throw new Problem('invalid_request', URL_ENCODED);
      response = method === 'OPTIONS' ? preflight(url, origin) : await serve(incoming, requestId, progress);
      response.headers['x-request-id'] = requestId;
      // Who watches what is for who asked, and only now.
      if (method !== 'OPTIONS') response.headers['cache-control'] ??= 'no-store';
    } catch (error) {
      problem = toProblem(error);
      response = respondWithProblem(problem, requestId);
      response.headers['cache-control'] = 'no-store';
    }
    // Of a caller without access more may still be on its way.
    incoming.dropBody();
    cors.mark(response.headers, origin);
    const durationMs = performance.now() - startedAt;
    const { route, body } = progress;
    const probe = route?.probe && route.path;
    try {
      observe({ method, route: route?.path, status: response.status, durationMs });
      logRequest({ requestId, method, url, probe, status: response.status, durationMs, problem, body });
    } catch (error) {
      // The response is there: it is sent whatever becomes of its line.
      log.error({ err: error, correlationId: requestId }, 'a request could not be logged');
    }
    return response;
  };
}
