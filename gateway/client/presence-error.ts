/** What goes wrong, in one class with a closed set of codes. */
import type { ProblemBody } from '../protocol/messages.ts';
import type { ProblemCode } from '../protocol/problems.ts';

export type PresenceErrorCode =
  | ProblemCode
  /** No answer within the time bound. */
  | 'timeout'
  /** There is no connection now; what was asked is not repeated by itself. */
  | 'disconnected'
  /** The connection ended for good: by the caller, or by a close code that says so. */
  | 'closed'
  /** The session was ended for another one, or by an operator. */
  | 'evicted'
  /** The token provider failed. */
  | 'token_failed'
  /** The server sent what this client does not understand. */
  | 'protocol_error';

export interface PresenceErrorDetails {
  readonly problem?: ProblemBody;
  /** Of the socket, when it was closed for this. */
  readonly closeCode?: number;
  readonly cause?: unknown;
}

/** Every rejection and every `error` event of the SDK. */
export class PresenceError extends Error {
  readonly code: PresenceErrorCode;
  /** What the server said: for `concurrency_limit` with `conflicts` and `nextFreeAt`. */
  readonly problem: ProblemBody | undefined;
  readonly closeCode: number | undefined;

  constructor(code: PresenceErrorCode, message: string, details: PresenceErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'PresenceError';
    this.code = code;
    this.problem = details.problem;
    this.closeCode = details.closeCode;
  }
}

export function errorOf(problem: ProblemBody, closeCode?: number): PresenceError {
  return new PresenceError(problem.code as PresenceErrorCode, problem.detail, {
    problem,
    ...(closeCode !== undefined && { closeCode }),
  });
}
