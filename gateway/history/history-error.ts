/** All errors of the history. */
export type HistoryErrorCode = 'history_unavailable' | 'history_misconfigured' | 'value_refused' | 'invalid_cursor';

export class HistoryError extends Error {
  readonly code: HistoryErrorCode;
  /** The same call may succeed later. Its outcome is unknown; writes are idempotent. */
  readonly retryable: boolean;

  constructor(code: HistoryErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'HistoryError';
    this.code = code;
    this.retryable = code === 'history_unavailable';
  }
}
