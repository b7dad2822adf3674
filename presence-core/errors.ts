/** The closed set of ways a store fails. Refusals are results, not errors. */
export type StoreErrorCode =
  /** Away, or no answer in time: retryable, and the outcome is unknown. */
  | 'store_unavailable'
  | 'store_misconfigured'
  | 'invalid_cursor'
  | 'invalid_sketch'
  /** A fault in this program or in the data: never to be taken for an outage. */
  | 'internal';

/** Whether the store may answer the same call later: it is away, or it did not answer in time. */
export function isRetryable(error: unknown): boolean {
  return error instanceof StoreError && error.retryable;
}

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  /** The same call may succeed later. Its outcome is unknown; verbs are idempotent (P7). */
  readonly retryable: boolean;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreError';
    this.code = code;
    this.retryable = code === 'store_unavailable';
  }
}
