/** Problems in the description of the API: one schema and one response per code, and which of them a route can give. */
import { Type } from 'typebox';
import { PROBLEMS, type ProblemCode } from '../../protocol/problems.ts';
import { PROBLEM_TYPE } from '../problem.ts';
import type { Route, RouteProblem } from '../route.ts';
import { Conflict } from '../routes/refusal.ts';

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

const Problem = Type.Object({
  type: Type.String({ description: 'urn:presence:problem: and the code' }),
  title: Type.String(),
  status: Type.Integer({ description: 'as in the status line' }),
  code: Type.String({ description: 'stable; decide by it' }),
  detail: Type.String({ description: 'for people' }),
  requestId: Type.String({ description: 'x-request-id of the answer, correlationId in the log' }),
  errorCode: Type.Optional(Type.String({ description: 'of guards, for clients that know it' })),
});

/** What a code adds to `Problem`. */
const MEMBERS: { readonly [C in ProblemCode]?: ReturnType<typeof Type.Object> } = {
  invalid_request: Type.Object({
    errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  }),
  concurrency_limit: Type.Object({
    current: Type.Integer(),
    max: Type.Integer(),
    conflicts: Type.Array(Conflict, { description: 'who holds the slots, oldest first' }),
    nextFreeAt: Type.Integer({ description: 'when the first of them could free' }),
  }),
  session_ended: Type.Object({ reason: Type.Enum(['evicted', 'replaced', 'kicked']) }),
};

interface Header {
  readonly required: boolean;
  readonly description?: string;
  readonly schema: object;
}

const RETRY_AFTER: Header = { required: true, description: 'seconds', schema: { type: 'string', pattern: '^\\d+$' } };

/** What a code adds to the headers of its answer. */
const HEADERS: { readonly [C in ProblemCode]?: Readonly<Record<string, Header>> } = {
  unauthenticated: { 'www-authenticate': { required: false, schema: { type: 'string' } } },
  method_not_allowed: { allow: { required: true, schema: { type: 'string' } } },
  rate_limited: { 'retry-after': RETRY_AFTER },
  store_unavailable: { 'retry-after': RETRY_AFTER },
};

/** Headers of every answer, and those that the codes add: required when each of them does. */
export function answerHeaders(codes: readonly ProblemCode[] = []): Record<string, object> {
  const headers: Record<string, object> = { 'x-request-id': { required: true, schema: { type: 'string' } } };
  const isAlways = (name: string): boolean => codes.every((code) => HEADERS[code]?.[name]?.required === true);
  for (const code of codes) {
    for (const [name, header] of Object.entries(HEADERS[code] ?? {})) {
      headers[name] = { ...header, required: isAlways(name) };
    }
  }
  return headers;
}

/** With the statuses that the routes give it. */
function schemaOf(code: ProblemCode, routes: readonly Route[]): object {
  const own = routes.flatMap(({ problems = [] }) => problems.filter((problem) => problem.code === code));
  const statuses = [
    ...new Set([PROBLEMS[code].status, ...own.map(({ status = PROBLEMS[code].status }) => status)]),
  ].sort();
  const { properties = {}, required = [] } = (MEMBERS[code] ?? {}) as { properties?: object; required?: string[] };
  const fixed = { code: { const: code }, status: { enum: statuses }, title: { const: PROBLEMS[code].title } };
  const added = { type: 'object', properties: { ...fixed, ...properties }, required: ['code', ...required] };
  return { allOf: [{ $ref: '#/components/schemas/Problem' }, added] };
}

/** `components.schemas` and `components.responses`: one of each per code. */
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
    headers: answerHeaders(codes),
    content: { [PROBLEM_TYPE]: content },
  };
}

/** Its own come first. A header that is checked and not free text is for the route to tell. */
function problemsOf({ schema, scope, problems = [] }: Route): RouteProblem[] {
  const codes: ProblemCode[] = ['uri_too_long', 'internal'];
  if (schema.params ?? schema.query ?? schema.body) codes.push('invalid_request');
  // A path that cannot be decoded is no resource.
  if (schema.params) codes.push('not_found');
  if (schema.body) codes.push('payload_too_large', 'unsupported_media_type');
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
