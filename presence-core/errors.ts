/** The closed set of ways a store fails. Refusals are results, not errors. */
export type StoreErrorCode =
  /** Away, or no answer in time: retryable, and the outcome is unknown. */
  | 'store_unavailable'
  /** Too much is in flight already: retryable, and nothing was sent (P14). No outage: nobody is admitted for it. */
  | 'overloaded'
  | 'store_misconfigured'
  | 'invalid_cursor'
  | 'invalid_sketch'
  /** A fault in this program or in the data: never to be taken for an outage. */
  | 'internal';

/** Whether the store may answer the same call later: it is away, did not answer in time, or too much is in flight. */
export function isRetryable(error: unknown): boolean {
  return error instanceof StoreError && error.retryable;
}

/** Whether the store is away: what the outage policy is for (P10). */
export function isOutage(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'store_unavailable';
}

/** Whether the call was not even sent, as too much is in flight (P14): it has changed nothing. */
export function isOverload(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'overloaded';
}

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  /** The same call may succeed later. Its outcome is unknown unless `overloaded`; verbs are idempotent (P7). */
  readonly retryable: boolean;

  constructor(code: StoreErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreError';
    this.code = code;
    this.retryable = code === 'store_unavailable' || code === 'overloaded';
  }
}
