/** The examples of a route as requests: a URL, headers, a body, a status, a command line. */
import { PROBLEMS } from '../../protocol/problems.ts';
import { PROBLEM_TYPE, Problem, toProblemBody } from '../problem.ts';
import type { Example, Route } from '../route.ts';

/** When all examples happen: 2026-11-21T20:00:00Z. */
export const EXAMPLE_AT = 1_795_291_200_000;
/** Of the requests whose answer tells it. */
export const EXAMPLE_REQUEST_ID = '7d2f6c1e-0b64-4c1c-9a53-2f6f1f0f7f11';

/** These need no escape in a query, and are easier to read without. */
const inQuery = (value: unknown): string =>
  encodeURIComponent(String(value)).replace(/%(?:2C|3A|40)/g, decodeURIComponent);

/** Path and query of an example. */
export function exampleUrl(route: Route, { params, query }: Example): string {
  const named = (params ?? {}) as Record<string, string>;
  const path = route.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(named[name] ?? ''));
  const pairs = Object.entries(query ?? {}).map(([name, value]) => (value === '' ? name : `${name}=${inQuery(value)}`));
  return pairs.length > 0 ? `${path}?${pairs.join('&')}` : path;
}

/** Those that go with a body included. */
export function exampleHeaders({ headers, body }: Example): Record<string, string> {
  return { ...(headers as Record<string, string>), ...(body !== undefined && { 'content-type': 'application/json' }) };
}

/** The problem that an example is answered, as it is told. */
function exampleProblem(route: Route, { problem }: Example): Problem | undefined {
  if (!problem) return undefined;
  const { code, detail, members } = problem;
  const status = route.problems?.find((own) => own.code === code)?.status ?? PROBLEMS[code].status;
  return new Problem(code, detail, { status, members: members ?? {} });
}

export interface ExampleAnswer {
  readonly status: number;
  /** Undefined: no body. */
  readonly mediaType: string | undefined;
  readonly value?: unknown;
}

export function exampleAnswer(route: Route, example: Example): ExampleAnswer {
  const problem = exampleProblem(route, example);
  if (problem) {
    const value = toProblemBody(problem, EXAMPLE_REQUEST_ID);
    return { status: problem.status, mediaType: PROBLEM_TYPE, value };
  }
  if (example.text !== undefined) return { status: 200, mediaType: route.textType, value: example.text };
  if (example.response === undefined) return { status: 204, mediaType: undefined };
  return { status: 200, mediaType: 'application/json', value: example.response };
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** The instant of the examples becomes that of the call, for old timestamps are refused. */
function quotedUrl(url: string): string {
  const now = url.replace(String(EXAMPLE_AT), '$(date +%s)000');
  if (now !== url) return `"${now}"`;
  return /^[\w:/.,@-]+$/.test(url) ? url : quoted(url);
}

/** A command for a POSIX shell. `token`: with credentials, from the variable TOKEN. */
export function exampleCommand(route: Route, example: Example, origin: string, token: boolean): string {
  const method = route.method === 'GET' ? '' : `-X ${route.method} `;
  const lines = [`curl ${method}${quotedUrl(origin + exampleUrl(route, example))}`];
  if (token) lines.push('-H "authorization: Bearer $TOKEN"');
  for (const [name, value] of Object.entries(exampleHeaders(example))) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (example.body !== undefined) lines.push(`-d ${quoted(JSON.stringify(example.body))}`);
  return lines.join(' \\\n  ');
}
