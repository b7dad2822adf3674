/** Documents the API as OpenAPI 3.1, from the same table of routes that the dispatch serves. */
import type { TSchema } from 'typebox';
import { isRead, MAX_BODY_BYTES, type Route } from '../route.ts';
import { isUserOptional, userFieldOf } from '../user-access.ts';
import type { ApiDocument, ApiResponse, Examples, Operation, Parameter, Schema } from './api-document.ts';
import { exampleCommand, exampleResponse } from './example.ts';
import { problemComponents, problemResponses, responseHeaders } from './openapi-problems.ts';

export interface ApiOptions {
  readonly version: string;
  /** `off`: no credentials are needed, and every request must name its user. */
  readonly auth: 'off' | 'jwt';
  /** Origin of the example commands, such as http://localhost:8081. */
  readonly origin: string;
}

const DESCRIPTION = [
  'Shows who is online and who watches what on how many screens, and decides whether one more session is allowed.',
  'Bodies are JSON in UTF-8. Fields named …At are instants in epoch milliseconds, fields named …Ms are durations in milliseconds.',
  'Unknown fields of a request are ignored.',
  'Every response has the header x-request-id: the one of the request (1–64 characters of [A-Za-z0-9_.:-]), else a new UUID. The log has it as correlationId.',
  'Ids of a path may be in the query instead, under the same names: /status/user?userId=… . So . and .. are named, which no path can hold.',
  'HEAD works wherever GET does, OPTIONS everywhere.',
].join('\n');

const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description:
      'A JWT of a user. Required claims: sub (user id), exp (expiry), scope (a space-separated list). presence:player may act on its own user, presence:read may read data of all users, presence:admin may do everything. Optional claims: max_streams (session limit of the user), on_limit (reject or evict-oldest).',
  },
  apiKey: {
    type: 'apiKey',
    in: 'header',
    name: 'x-api-key',
    description:
      'An API key of a service, with one of the same scopes (setting API_KEYS). The service names the user it acts for in each request.',
  },
};

const SCHEMES = Object.keys(SECURITY_SCHEMES);

/** In OpenAPI the content types of a response stand for the `accept` header, and the server’s URL for `host`. */
const UNNAMED_HEADERS: readonly string[] = ['accept', 'host'];
const PARTS = [
  ['params', 'path'],
  ['query', 'query'],
  ['headers', 'header'],
] as const;

const templateOf = (path: string): string => path.replace(/:(\w+)/g, '{$1}');

/** `GET /status/user/:userId` → `getStatusUserByUserId` */
function operationId({ method, path }: Route): string {
  const words = path.replaceAll('/:', '/by-').split(/[^A-Za-z]+/);
  const joined = words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('');
  return method.toLowerCase() + joined;
}

/** Values of the examples by title; undefined if no example has one. */
function examplesOf(route: Route, pick: (example: Route['examples'][number]) => unknown): Examples | undefined {
  const shown = route.examples.flatMap((example) => {
    const value = pick(example);
    return value === undefined ? [] : [[example.title, { value }] as const];
  });
  return shown.length > 0 ? Object.fromEntries(shown) : undefined;
}

/** Whether the user may be left out, as the token names it. Undefined: this field is not the user of the request. */
function isOptionalUser(route: Route, { auth }: ApiOptions, part: string, name: string): boolean | undefined {
  const [ownPart, ownName] = userFieldOf(route) ?? [];
  const isHere = ownPart === part && ownName === name && part !== 'params';
  return isHere && !isUserOptional(route) ? auth !== 'off' : undefined;
}

function parametersOf(route: Route, options: ApiOptions): Parameter[] {
  const own = PARTS.flatMap(([part, place]) => {
    const { properties = {}, required = [] } = (route.schema[part] ?? {}) as Schema;
    const names = Object.keys(properties).filter((name) => place !== 'header' || !UNNAMED_HEADERS.includes(name));
    return names.map((name) => {
      const schema = properties[name] as Schema;
      const optional = isOptionalUser(route, options, part, name) ?? !required.includes(name);
      const examples = examplesOf(route, (example) => (example[part] as Record<string, unknown> | undefined)?.[name]);
      return {
        name,
        in: place,
        required: !optional,
        schema,
        ...(schema.type === 'array' && { style: 'form', explode: false }),
        ...(schema.const === '' && { allowEmptyValue: true }),
        ...(examples && { examples }),
      };
    });
  });
  return route.bodyFromQuery ? [...own, ...bodyParametersOf(route)] : own;
}

/** Fields of the body that may come in the query instead. */
function bodyParametersOf({ schema: { body } }: Route): Parameter[] {
  const { properties = {} } = (body ?? {}) as Schema;
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: 'query',
    required: false,
    schema: schema as Schema,
  }));
}

function requestBodyOf(route: Route, options: ApiOptions): Operation['requestBody'] {
  const { schema, maxBodyBytes = MAX_BODY_BYTES } = route;
  if (!schema.body) return undefined;
  const given = schema.body as Schema;
  const required = (given.required ?? []).filter((name) => !isOptionalUser(route, options, 'body', name));
  const examples = examplesOf(route, ({ body }) => body);
  const content = { schema: { ...given, required }, ...(examples && { examples }) };
  return {
    description: `At most ${maxBodyBytes.toLocaleString('en')} bytes.`,
    required: required.length > 0 && !route.bodyFromQuery,
    content: { 'application/json': content },
  };
}

const ETAG = {
  required: true,
  description: 'Version of the content, for if-none-match',
  schema: { type: 'string' },
};
const AGE = {
  required: false,
  description: 'How old the data may be, in ms; only if the response comes from the replica (REPLICA)',
  schema: { type: 'string', pattern: '^\\d+$' },
};
const DEGRADED = {
  required: false,
  description:
    'restoring: Redis lost its data, and not all sessions are open again: those of sockets are within seconds, others at the next heartbeat or refresh; the answer may lack some. unconfirmed: Redis answers, and takes no writes of this process; it may be a master that was cut off, and the answer old',
  schema: { type: 'string', enum: ['restoring', 'unconfirmed'] },
};

const EMPTY_SUCCESS = 'Success, without a body';

function successOf(route: Route): ApiResponse {
  const { schema, textType, revalidates, fromReplica } = route;
  const headers = {
    ...responseHeaders(),
    ...(revalidates && { etag: ETAG }),
    ...(fromReplica && { 'x-presence-age-ms': AGE }),
    'x-presence-degraded': DEGRADED,
  };
  const bodies: [string, TSchema | Schema][] = [];
  if (textType !== undefined) bodies.push([textType, { type: 'string' }]);
  if (schema.response) bodies.push(['application/json', schema.response]);
  if (bodies.length === 0) return { description: EMPTY_SUCCESS, headers };
  const content = bodies.map(([mediaType, bodySchema]) => {
    const examples = examplesOf(route, (example) => {
      const response = exampleResponse(route, example);
      return response.mediaType === mediaType ? response.value : undefined;
    });
    return [mediaType, { schema: bodySchema as Schema, ...(examples && { examples }) }];
  });
  const description = route.bodyIfDegraded
    ? 'The store did not answer, and OUTAGE_POLICY is open: the outcome is unknown'
    : 'Success';
  return { description, headers, content: Object.fromEntries(content) };
}

function responsesOf(route: Route): Operation['responses'] {
  const shown: Record<number, Record<string, object>> = {};
  for (const example of route.examples.filter(({ problem }) => problem)) {
    const { status, value } = exampleResponse(route, example);
    shown[status] = { ...shown[status], [example.title]: { value } };
  }
  const success = successOf(route);
  return {
    [success.content ? 200 : 204]: success,
    ...(route.bodyIfDegraded && { 204: { description: EMPTY_SUCCESS, headers: success.headers } }),
    ...(route.revalidates && { 304: { description: 'The cached copy is still valid', headers: success.headers } }),
    ...problemResponses(route, shown),
  } as Operation['responses'];
}

/** Alternatives, one of which suffices. `presence:admin` always suffices: the scheme says so. */
function securityOf(route: Route, { auth }: ApiOptions): Operation['security'] {
  if (route.scope === 'none') return [];
  const scopes = new Set([route.scope, ...(isRead(route) ? ['read'] : [])]);
  const required = [...scopes].flatMap((scope) => SCHEMES.map((scheme) => ({ [scheme]: [`presence:${scope}`] })));
  return auth === 'off' ? [{}, ...required] : required;
}

function operationOf(route: Route, options: ApiOptions): Operation {
  const requestBody = requestBodyOf(route, options);
  const token = route.scope !== 'none' && options.auth !== 'off';
  const sampleOf = (example: Route['examples'][number]) => ({
    lang: 'Shell',
    label: example.title,
    source: exampleCommand(route, example, options.origin, token),
  });
  return {
    operationId: operationId(route),
    tags: [route.tag.name],
    summary: route.summary,
    ...(route.description !== undefined && { description: route.description }),
    security: securityOf(route, options),
    parameters: parametersOf(route, options),
    ...(requestBody && { requestBody }),
    responses: responsesOf(route),
    'x-codeSamples': route.examples.map(sampleOf),
  };
}

/** Documents exactly these routes, in this order. */
export function describeApi(routes: readonly Route[], options: ApiOptions): ApiDocument {
  const paths: Record<string, Record<string, Operation>> = {};
  for (const route of routes) {
    const path = templateOf(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, options) };
  }
  const document = {
    openapi: '3.1.1',
    info: { title: 'Presence Gateway: HTTP API', version: options.version, description: DESCRIPTION },
    servers: [{ url: '/' }],
    tags: [...new Map(routes.map(({ tag }) => [tag.name, tag])).values()],
    paths,
    components: { ...problemComponents(routes), securitySchemes: SECURITY_SCHEMES },
  };
  // As it is sent: without the non-JSON properties that TypeBox adds to a schema.
  return JSON.parse(JSON.stringify(document)) as ApiDocument;
}
