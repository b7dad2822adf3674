/** Problems in the API documentation: one schema and one response per code, and the problems of each route. */
import { Type } from 'typebox';
import { problemType } from '../../problem.ts';
import { PROBLEMS, type ProblemCode } from '../../protocol/problems.ts';
import { count, instant, text } from '../fields.ts';
import { PROBLEM_TYPE } from '../problem.ts';
import type { Route, RouteProblem } from '../route.ts';
import { Conflict } from '../routes/refusal.ts';

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

const Problem = Type.Object({
  type: text('Address of the page that explains the code, relative to this server'),
  title: text('What the code means, for people'),
  status: count('HTTP status'),
  code: text('What went wrong, for programs: it does not change between versions'),
  detail: text('What is wrong with this request and what to do, for people'),
  requestId: text('x-request-id of the response; correlationId in the log'),
  errorCode: Type.Optional(text('Only of guards: the code that older clients expect')),
});

/** Additional members of a code. */
const MEMBERS: { readonly [C in ProblemCode]?: ReturnType<typeof Type.Object> } = {
  invalid_request: Type.Object({
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          path: text('Name of the field, such as userId or ids.0; or body, query, headers, path'),
          message: text('What is wrong with it'),
        }),
        { description: 'Invalid fields' },
      ),
    ),
  }),
  concurrency_limit: Type.Object({
    current: count('Live sessions of the user'),
    max: count('Limit: how many sessions the user may have at once'),
    conflicts: Type.Array(Conflict, { description: 'Sessions that use up the limit, oldest first' }),
    nextFreeAt: instant('Earliest end of one of these sessions, unless it is renewed'),
  }),
  session_ended: Type.Object({
    reason: Type.Enum(['evicted', 'replaced', 'kicked', 'left'], {
      description:
        'evicted: by the limit; replaced: by its user; kicked: by an admin; left: it ended by itself a moment ago',
    }),
    retryAfterMs: count('After this time, in ms, heartbeats are taken again without fresh: true'),
  }),
};

interface Header {
  readonly required: boolean;
  readonly description: string;
  readonly schema: object;
}

const RETRY_AFTER: Header = {
  required: true,
  description: 'When to try again, in seconds from now',
  schema: { type: 'string', pattern: '^\\d+$' },
};

/** Additional headers of a code. */
const HEADERS: { readonly [C in ProblemCode]?: Readonly<Record<string, Header>> } = {
  unauthenticated: {
    'www-authenticate': { required: false, description: 'Challenge (RFC 6750)', schema: { type: 'string' } },
  },
  method_not_allowed: {
    allow: { required: true, description: 'Methods that this path allows', schema: { type: 'string' } },
  },
  rate_limited: { 'retry-after': RETRY_AFTER },
  overloaded: { 'retry-after': RETRY_AFTER },
  history_unavailable: { 'retry-after': RETRY_AFTER },
  store_unavailable: { 'retry-after': RETRY_AFTER },
};

const REQUEST_ID: Header = {
  required: true,
  description: 'x-request-id of the request, or a new UUID',
  schema: { type: 'string' },
};

/** Headers of every response, and those of the codes: required if every code has them. */
export function responseHeaders(codes: readonly ProblemCode[] = []): Record<string, object> {
  const headers: Record<string, object> = { 'x-request-id': REQUEST_ID };
  const isAlways = (name: string): boolean => codes.every((code) => HEADERS[code]?.[name]?.required === true);
  for (const code of codes) {
    for (const [name, header] of Object.entries(HEADERS[code] ?? {})) {
      headers[name] = { ...header, required: isAlways(name) };
    }
  }
  return headers;
}

/** Schema of a code, with all statuses that routes use for it. */
function schemaOf(code: ProblemCode, routes: readonly Route[]): object {
  const own = routes.flatMap(({ problems = [] }) => problems.filter((problem) => problem.code === code));
  const statuses = [
    ...new Set([PROBLEMS[code].status, ...own.map(({ status = PROBLEMS[code].status }) => status)]),
  ].sort();
  const { properties = {}, required = [] } = (MEMBERS[code] ?? {}) as { properties?: object; required?: string[] };
  const fixed = {
    type: { const: problemType(code) },
    code: { const: code },
    status: { enum: statuses },
    title: { const: PROBLEMS[code].title },
  };
  const added = { type: 'object', properties: { ...fixed, ...properties }, required: ['code', ...required] };
  return { allOf: [{ $ref: '#/components/schemas/Problem' }, added] };
}

/** `components.schemas` and `components.responses`, one per code. */
export function problemComponents(routes: readonly Route[]) {
  const schemas: Record<string, object> = { Problem };
  const responses: Record<string, object> = {};
  for (const code of CODES) {
    schemas[code] = schemaOf(code, routes);
    responses[code] = responseOf([code], {});
  }
  return { schemas, responses };
}

function responseOf(codes: readonly ProblemCode[], examples: Record<string, object>): object {
  const refs = codes.map((code) => ({ $ref: `#/components/schemas/${code}` }));
  const schema = refs.length === 1 ? refs[0] : { oneOf: refs };
  const content = { schema, ...(Object.keys(examples).length > 0 && { examples }) };
  return {
    description: codes.map((code) => PROBLEMS[code].title).join('; or: '),
    headers: responseHeaders(codes),
    content: { [PROBLEM_TYPE]: content },
  };
}

/** The route's own problems first, then those that follow from its scope and schemas. */
function problemsOf({ schema, scope, problems = [] }: Route): RouteProblem[] {
  const codes: ProblemCode[] = ['uri_too_long', 'internal'];
  if (schema.params ?? schema.query ?? schema.body) codes.push('invalid_request');
  // A path that cannot be decoded matches no route.
  if (schema.params) codes.push('not_found');
  if (schema.body) codes.push('payload_too_large', 'unsupported_media_type');
  if (schema.body !== undefined || scope !== 'none') codes.push('overloaded');
  if (scope !== 'none') codes.push('unauthenticated', 'forbidden', 'rate_limited', 'store_unavailable');
  const others = codes.filter((code) => !problems.some((own) => own.code === code));
  return [...problems, ...others.map((code) => ({ code }))];
}

/**
 * The problems of a route by status.
 * @param examples by status, then by title
 */
export function problemResponses(
  route: Route,
  examples: Record<number, Record<string, object> | undefined>,
): Record<string, object> {
  const byStatus: Record<number, ProblemCode[]> = {};
  for (const { code, status = PROBLEMS[code].status } of problemsOf(route)) {
    byStatus[status] = [...(byStatus[status] ?? []), code];
  }
  const responses: Record<string, object> = {};
  for (const [status, codes] of Object.entries(byStatus)) {
    const shown = examples[Number(status)];
    const shared = codes.length === 1 && !shown;
    responses[status] = shared ? { $ref: `#/components/responses/${codes[0]}` } : responseOf(codes, shown ?? {});
  }
  return responses;
}
