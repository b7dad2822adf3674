/** Problems over HTTP (RFC 9457): handlers throw them, the dispatch turns them into responses. */
import { isRetryable } from '../../presence-core/index.ts';
import { HistoryError } from '../history/index.ts';
import { type ProblemMembers, problemBody, storeProblem } from '../problem.ts';
import { PROBLEMS, type ProblemCode } from '../protocol/problems.ts';
import type { FieldError } from '../sessions/decode.ts';
import type { OutgoingResponse } from './exchange.ts';

/** Media type of every problem. */
export const PROBLEM_TYPE = 'application/problem+json';
/** The store is usually back within seconds; clients add their own jitter. */
const STORE_RETRY_AFTER_S = '1';
/** Somebody has to correct a setting. */
const HISTORY_RETRY_AFTER_S = '300';

interface ProblemOptions {
  readonly status?: number;
  /** Additional members of the problem. */
  readonly members?: ProblemMembers;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly members: ProblemMembers;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, { cause: options.cause });
    this.name = 'Problem';
    this.code = code;
    this.status = options.status ?? PROBLEMS[code].status;
    this.members = options.members ?? {};
    this.headers = options.headers ?? {};
  }
}

/** 400 `invalid_request` that names each invalid field. */
export function invalidRequest(errors: readonly FieldError[], members: ProblemMembers = {}) {
  const detail = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
  return new Problem('invalid_request', detail, { members: { errors, ...members } });
}

/** Any thrown value as a problem. The message of an unknown error is logged, and kept from the client. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const options = { headers: { 'retry-after': STORE_RETRY_AFTER_S }, cause: error };
  if (isRetryable(error)) {
    const { code, detail } = storeProblem(error);
    return new Problem(code, detail, options);
  }
  if (error instanceof HistoryError && error.retryable) {
    return new Problem('history_unavailable', 'The database did not answer: try again.', options);
  }
  if (error instanceof HistoryError && error.code === 'history_misconfigured') {
    const headers = { 'retry-after': HISTORY_RETRY_AFTER_S };
    const detail = 'History is off, as DATABASE_URL cannot be opened: the log of the server says why.';
    return new Problem('history_unavailable', detail, { headers });
  }
  return new Problem('internal', 'The error was logged with this request id.', { cause: error });
}

/** The body of a problem (RFC 9457), with the members of its code. */
export function toProblemBody(problem: Problem, requestId: string): Record<string, unknown> {
  const { code, message, members, status } = problem;
  return { ...problemBody(code, message, { requestId, ...members }), status };
}

export function respondWithProblem(problem: Problem, requestId: string): OutgoingResponse {
  const headers = { ...problem.headers, 'content-type': PROBLEM_TYPE, 'x-request-id': requestId };
  return { status: problem.status, headers, body: JSON.stringify(toProblemBody(problem, requestId)) };
}
