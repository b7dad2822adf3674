/**
 * The way of a request, whatever server carried it: route, read, validate, handle, answer, log.
 *
 * An adapter (node-server.ts, uws-server.ts) hands over an `IncomingRequest` and writes the `Answer`.
 */
import { randomUUID } from 'node:crypto';
import findMyWay from 'find-my-way';
import type { Logger } from 'pino';
import type { AnsweredRequest } from '../metrics/http-metrics.ts';
import { type CallerOptions, createIdentify } from './caller.ts';
import { createCors, type Headers } from './cors.ts';
import { compileOwnUser, type OwnUser } from './own-user.ts';
import { bodyOf, PROBLEM_TYPE, Problem, toProblem } from './problem.ts';
import { parseQuery } from './query.ts';
import { createRequestLog } from './request-log.ts';
import { type HttpRequest, MAX_BODY_BYTES, type Route } from './route.ts';
import { parseBody } from './server/body.ts';
import { compileCheck, type RequestCheck } from './validation.ts';

/** The address and both methods are asked for only before `dispatch` first yields: uWebSockets.js forbids it later. */
export interface IncomingRequest {
  /** In upper case. */
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** Of the peer. */
  readonly remoteAddress: string;
  header(name: string): string | undefined;
  /**
   * The whole body.
   * @throws Problem `payload_too_large` beyond `maxBytes`
   */
  readBody(maxBytes: number): Promise<Buffer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Empty when there is none. The adapter leaves it out of an answer to HEAD, and adds `content-length`. */
  readonly body: string;
}

/** Whether an answer has neither a body nor the length of one (RFC 9110, 8.6). */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}

/** Never rejects. */
export type Dispatch = (incoming: IncomingRequest) => Promise<Answer>;

export interface DispatchOptions extends CallerOptions {
  readonly routes: readonly Route[];
  readonly log: Logger;
  readonly logRequests: 'errors' | 'all';
  readonly allowedOrigins: readonly string[];
  /** Told of each request once it is answered. */
  readonly answered: (request: AnsweredRequest) => void;
}

const MAX_URL_LENGTH = 16_384;
const SANE_REQUEST_ID = /^[\w.:-]{1,64}$/;
const NO_BODY = Promise.resolve(undefined);

interface Entry {
  readonly route: Route;
  readonly check: RequestCheck;
  readonly ownUser: OwnUser;
}

interface Match {
  readonly entry: Entry;
  readonly params: unknown;
  readonly query: unknown;
}

/** What is known of a request when it is answered, however far it came. */
interface Seen {
  route: string | undefined;
  body: unknown;
}

/** The answer that tells a problem. */
export function answerProblem(problem: Problem, requestId: string): Answer {
  const headers: Headers = {
    ...problem.headers,
    'content-type': PROBLEM_TYPE,
    'x-request-id': requestId,
  };
  return { status: problem.status, headers, body: JSON.stringify(bodyOf(problem, requestId)) };
}

export function createDispatch(options: DispatchOptions): Dispatch {
  const { routes, log, logRequests, allowedOrigins, answered } = options;
  // Ids are checked by their schema; the router must not cut them short.
  const router = findMyWay({ maxParamLength: MAX_URL_LENGTH, querystringParser: parseQuery });
  for (const route of routes) {
    const entry: Entry = { route, check: compileCheck(route), ownUser: compileOwnUser(route) };
    router.on(route.method, route.path, () => undefined, entry);
  }
  const methods = [...new Set(routes.map(({ method }) => method))];
  const identify = createIdentify(options);
  const cors = createCors(allowedOrigins);
  const logRequest = createRequestLog(log, logRequests);

  function find(method: string, url: string): Match | undefined {
    const found = router.find(method as Route['method'], url);
    return found ? { entry: found.store as Entry, params: found.params, query: found.searchParams } : undefined;
  }

  /** @throws Problem `not_found` when no method is served there. */
  function allowedAt(url: string): string {
    const allowed: string[] = methods.filter((method) => find(method, url));
    if (allowed.length === 0) throw new Problem('not_found', 'There is no such resource.');
    if (allowed.includes('GET')) allowed.push('HEAD');
    return [...allowed, 'OPTIONS'].join(', ');
  }

  function match(method: string, url: string): Match {
    const found = find(method === 'HEAD' ? 'GET' : method, url);
    if (found) return found;
    const allow = allowedAt(url);
    throw new Problem('method_not_allowed', `${method} is not among ${allow}.`, { headers: { allow } });
  }

  function preflight(url: string, origin: string | undefined): Answer {
    const allow = allowedAt(url);
    const headers: Headers = { allow };
    cors.preflight(headers, origin, allow);
    return { status: 204, headers, body: '' };
  }

  async function serve(incoming: IncomingRequest, requestId: string, seen: Seen): Promise<Answer> {
    const { method, url } = incoming;
    const { entry, params, query } = match(method, url);
    seen.route = entry.route.path;
    const { schema, maxBodyBytes = MAX_BODY_BYTES } = entry.route;
    const headers: Record<string, string> = {};
    for (const name of entry.check.headerNames) {
      const value = incoming.header(name);
      if (value) headers[name] = value;
    }
    const contentType = incoming.header('content-type');
    const contentEncoding = incoming.header('content-encoding');
    const reading = schema.body ? incoming.readBody(maxBodyBytes) : NO_BODY;
    // Whoever may not call is told so without waiting for the body, whose fate is then of no interest.
    reading.catch(() => undefined);
    const identity = await identify(incoming, entry.route);
    const bytes = await reading;
    seen.body = bytes && parseBody(bytes, contentType, contentEncoding);
    const parts = entry.check.run(entry.ownUser.fill({ params, query, headers, body: seen.body }, identity));
    entry.ownUser.check(parts, identity);
    const reply = await entry.route.handler({ method, url, requestId, identity, ...parts } as HttpRequest);
    const answer = { status: reply.status, headers: { ...reply.headers } as Headers, body: '' };
    if (reply.text !== undefined) {
      answer.headers['content-type'] ??= 'text/plain';
      answer.body = reply.text;
    } else if (reply.body !== undefined) {
      answer.headers['content-type'] ??= 'application/json';
      answer.body = JSON.stringify(reply.body);
    }
    return answer;
  }

  return async function dispatch(incoming) {
    const startedAt = performance.now();
    const { method, url } = incoming;
    const given = incoming.header('x-request-id');
    const requestId = given !== undefined && SANE_REQUEST_ID.test(given) ? given : randomUUID();
    const origin = incoming.header('origin');
    const seen: Seen = { route: undefined, body: undefined };
    let problem: Problem | undefined;
    let answer: Answer;
    try {
      if (url.length > MAX_URL_LENGTH) throw new Problem('uri_too_long', `At most ${MAX_URL_LENGTH} characters.`);
      answer = method === 'OPTIONS' ? preflight(url, origin) : await serve(incoming, requestId, seen);
      answer.headers['x-request-id'] = requestId;
    } catch (error) {
      problem = toProblem(error);
      answer = answerProblem(problem, requestId);
    }
    cors.mark(answer.headers, origin);
    const durationMs = performance.now() - startedAt;
    answered({ method, route: seen.route, status: answer.status, durationMs });
    logRequest({ requestId, method, url, status: answer.status, durationMs, problem, body: seen.body });
    return answer;
  };
}
