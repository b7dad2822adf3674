/** Errors of Redis: a `StoreError` for the caller, and for the operator a line when an outage begins, lasts and ends. */
import { StoreError } from '../errors.ts';
import { describeOutage, isForgotten, isOutage, NOT_CONNECTED } from './outage.ts';

export type Warn = (message: string, details?: Record<string, unknown>) => void;

/** How often an outage that lasts, or a fault that comes again, is told. */
const REMIND_MS = 60_000;
/** An outage is over when there was an answer and, for so long, no failure: a Redis without memory answers reads. */
const QUIET_MS = 5_000;

interface Outage {
  readonly beganAt: number;
  lastAt: number;
  toldAt: number;
  failures: number;
  cause: string;
}

export class RedisFailures {
  private readonly warn: Warn;
  private readonly forgotten: () => void;
  private readonly now: () => number;
  private outage: Outage | undefined;
  private faults = { toldAt: Number.NEGATIVE_INFINITY, untold: 0 };

  /** @param forgotten called when Redis answers that it has lost what it had. */
  constructor(warn: Warn, forgotten = () => {}, now = () => performance.now()) {
    this.warn = warn;
    this.forgotten = forgotten;
    this.now = now;
  }

  /** An outage is told once when it begins, and then each minute with the number of failures. */
  report(error: unknown): void {
    if (isForgotten(error)) this.forgotten();
    if (isOutage(error)) this.reportOutage(error);
    else this.reportFault(error);
  }

  /** Redis answered. */
  answered(): void {
    if (this.outage === undefined || this.now() - this.outage.lastAt < QUIET_MS) return;
    const { beganAt, lastAt, failures } = this.outage;
    this.outage = undefined;
    this.warn('Redis answers again', { failures, awayMs: Math.round(lastAt - beganAt) });
  }

  /** @throws StoreError for whatever the work fails with, at once or later. */
  async guard<T>(work: Promise<T> | (() => Promise<T>)): Promise<T> {
    try {
      const result = await (typeof work === 'function' ? work() : work);
      this.answered();
      return result;
    } catch (error) {
      throw this.failed(error);
    }
  }

  /** Reports an error; what to throw for it. */
  failed(error: unknown): StoreError {
    this.report(error);
    return toStoreError(error);
  }

  private reportOutage(error: unknown): void {
    const now = this.now();
    const cause = error instanceof StoreError ? error.message : describeOutage(error);
    if (this.outage === undefined) {
      this.outage = { beganAt: now, lastAt: now, toldAt: now, failures: 1, cause };
      this.warn(cause);
      return;
    }
    const { outage } = this;
    outage.failures += 1;
    outage.lastAt = now;
    // Why there is no connection says more.
    if (!cause.endsWith(NOT_CONNECTED)) outage.cause = cause;
    if (now - outage.toldAt < REMIND_MS) return;
    outage.toldAt = now;
    this.warn(outage.cause, { failures: outage.failures, awayMs: Math.round(now - outage.beganAt) });
  }

  private reportFault(error: unknown): void {
    const now = this.now();
    this.faults.untold += 1;
    if (now - this.faults.toldAt < REMIND_MS) return;
    this.warn('a Redis command failed, by a fault of this program or of the data', {
      error: error instanceof Error ? error.message : String(error),
      failures: this.faults.untold,
    });
    this.faults = { toldAt: now, untold: 0 };
  }
}

/** `store_unavailable` for what passes by waiting; `internal` for a fault of ours or of the data. */
export function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  if (isOutage(error)) return new StoreError('store_unavailable', describeOutage(error));
  return new StoreError('internal', 'a Redis command failed', error);
}
