/** The examples of a route as requests, responses and commands. */
import { PROBLEMS } from '../../protocol/problems.ts';
import { PROBLEM_TYPE, Problem, toProblemBody } from '../problem.ts';
import type { Example, Route } from '../route.ts';

/** The time of all examples, epoch ms: 2026-11-21T20:00:00Z. */
export const EXAMPLE_AT = 1_795_291_200_000;
/** Request id in the problems of the examples. */
export const EXAMPLE_REQUEST_ID = '7d2f6c1e-0b64-4c1c-9a53-2f6f1f0f7f11';

/** Colons and @ need no escape in a query, and are easier to read without. */
const inQuery = (value: unknown): string =>
  Array.isArray(value)
    ? value.map(inQuery).join(',')
    : encodeURIComponent(String(value)).replace(/%(?:3A|40)/g, decodeURIComponent);

/** Path and query of an example. */
export function exampleUrl(route: Route, { params, query }: Example): string {
  const named = (params ?? {}) as Record<string, string>;
  const path = route.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(named[name] ?? ''));
  const pairs = Object.entries(query ?? {}).map(([name, value]) => (value === '' ? name : `${name}=${inQuery(value)}`));
  return pairs.length > 0 ? `${path}?${pairs.join('&')}` : path;
}

/** With content-type if there is a body. */
export function exampleHeaders({ headers, body }: Example): Record<string, string> {
  return { ...(headers as Record<string, string>), ...(body !== undefined && { 'content-type': 'application/json' }) };
}

function exampleProblem(route: Route, { problem }: Example): Problem | undefined {
  if (!problem) return undefined;
  const { code, detail, members } = problem;
  const status = route.problems?.find((own) => own.code === code)?.status ?? PROBLEMS[code].status;
  return new Problem(code, detail, { status, members: members ?? {} });
}

export interface ExampleResponse {
  readonly status: number;
  /** Undefined: no body. */
  readonly mediaType: string | undefined;
  readonly value?: unknown;
}

export function exampleResponse(route: Route, example: Example): ExampleResponse {
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

/** Replaces the time of the examples by the current time, as old timestamps are refused. */
function quotedUrl(url: string): string {
  const now = url.replace(String(EXAMPLE_AT), '$(date +%s)000');
  if (now !== url) return `"${now}"`;
  return /^[\w:/.,@-]+$/.test(url) ? url : quoted(url);
}

/** @param token whether the command sends credentials, from the shell variable TOKEN. @returns a POSIX shell command. */
export function exampleCommand(route: Route, example: Example, origin: string, token: boolean): string {
  const method = route.method === 'GET' ? '' : `-X ${route.method} `;
  const lines = [`curl ${method}${quotedUrl(origin + exampleUrl(route, example))}`];
  if (token) lines.push('-H "authorization: Bearer $TOKEN"');
  for (const [name, value] of Object.entries(exampleHeaders(example))) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (example.body !== undefined) lines.push(`-d ${quoted(JSON.stringify(example.body))}`);
  return lines.join(' \\\n  ');
}
