/** Problems over HTTP (RFC 9457): thrown by handlers, told by the dispatch. */
import { StoreError } from '../../presence-core/index.ts';
import { HistoryError } from '../history/index.ts';
import { type ProblemMembers, problemBody } from '../problem.ts';
import { PROBLEMS, type ProblemCode } from '../protocol/problems.ts';
import type { FieldError } from '../sessions/decode.ts';

/** Media type of all of them. */
export const PROBLEM_TYPE = 'application/problem+json';
/** A store that comes back does so within seconds; clients add their own jitter. */
const STORE_RETRY_AFTER_S = '1';

interface ProblemOptions {
  readonly status?: number;
  /** Further members of the problem. */
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

/** 400 `invalid_request` naming each field at fault. */
export function invalidRequest(errors: readonly FieldError[], members: ProblemMembers = {}) {
  const detail = errors.map(({ path, message }) => `${path} ${message}`).join('; ');
  return new Problem('invalid_request', detail, { members: { errors, ...members } });
}

/** Any thrown value as a problem. Of an unknown error nothing is told but that it happened; its cause is logged. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const away =
    (error instanceof StoreError && error.code === 'store_unavailable') ||
    (error instanceof HistoryError && error.retryable);
  if (away) {
    const headers = { 'retry-after': STORE_RETRY_AFTER_S };
    return new Problem('store_unavailable', 'Try again shortly.', { headers, cause: error });
  }
  return new Problem('internal', 'The error was logged under this request id.', { cause: error });
}

/** The body of a problem, as section 3 of the contract has it. */
export function bodyOf(problem: Problem, requestId: string): Record<string, unknown> {
  const { code, message, members, status } = problem;
  return { ...problemBody(code, message, { requestId, ...members }), status };
}
