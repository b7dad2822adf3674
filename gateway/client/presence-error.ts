/** What goes wrong, in one class with a closed set of codes. */
import type { ProblemBody, ServerMessage } from '../protocol/messages.ts';
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
  /** The address answers by HTTP, but no WebSocket gets through. */
  | 'no_websocket'
  /** The token provider failed. */
  | 'token_failed'
  /** The server sent what this client does not understand. */
  | 'protocol_error';

export interface PresenceErrorDetails {
  readonly problem?: ProblemBody;
  /** Of the socket, when it was closed for this. */
  readonly closeCode?: number | undefined;
  /** The server's words. */
  readonly eviction?: Extract<ServerMessage, { type: 'evicted' }>;
  /** Of a `timeout`: the last thing that went wrong, a `PresenceError` too. */
  readonly cause?: unknown;
}

/** Every rejection and every `error` event of the SDK. */
export class PresenceError extends Error {
  declare readonly code: PresenceErrorCode;
  /** What the server said: for `concurrency_limit` with `conflicts` and `nextFreeAt`. */
  declare readonly problem?: ProblemBody;
  declare readonly closeCode?: number;
  // Older engines do not take it as an option.
  declare readonly cause?: unknown;
  declare readonly eviction?: Extract<ServerMessage, { type: 'evicted' }>;

  constructor(code: PresenceErrorCode, message: string, details: PresenceErrorDetails = {}) {
    super(message);
    Object.assign(this, details, { name: 'PresenceError', code });
  }
}

export const closedByCaller = (): PresenceError => new PresenceError('closed', 'closed by the caller');

export function errorOf(problem: ProblemBody, closeCode?: number): PresenceError {
  return new PresenceError(problem.code as PresenceErrorCode, problem.detail, {
    problem,
    closeCode,
  });
}

/** Is it worth while to say it again later? Otherwise it lies with what was said. */
export function isPassing(problem: ProblemBody | undefined): boolean {
  return !!problem && (problem.status === 429 || problem.status >= 500);
}

/** Why the server closed: the reason is the name of its code. An earlier problem was not followed by a close. */
export function closeErrorOf(code: number, reason: string, problem: ProblemBody | undefined): PresenceError {
  const isAnnounced =
    problem &&
    (reason === problem.code ||
      (reason === 'bad_request' && problem.code === 'invalid_request') ||
      (reason === 'overloaded' && problem.status >= 500));
  return isAnnounced
    ? errorOf(problem, code)
    : new PresenceError('closed', `closed ${code} ${reason}`, { closeCode: code });
}
