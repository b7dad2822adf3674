/** Errors of Redis: one line in the log for a server that stays away, and a `StoreError` for the caller. */
import { StoreError } from '../errors.ts';

export type Warn = (message: string, details?: Record<string, unknown>) => void;

export class RedisFailures {
  private readonly warn: Warn;
  private lastMessage = '';

  constructor(warn: Warn) {
    this.warn = warn;
  }

  /** A server that is away fails many calls in the same way: one line until it is back or fails otherwise. */
  report(error: unknown): void {
    const message =
      error instanceof Error ? error.message || String((error as NodeJS.ErrnoException).code) : String(error);
    if (message === this.lastMessage) return;
    this.lastMessage = message;
    this.warn('redis', { error: message });
  }

  /** Redis answers: its next failure is news. */
  clear(): void {
    this.lastMessage = '';
  }

  /** @throws StoreError for whatever the work fails with. */
  async guard<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.report(error);
      throw unavailable(error);
    }
  }
}

export function unavailable(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StoreError('store_unavailable', `Redis: ${message}`, error);
}

/** The error of a read that waits on purpose, and so has no command timeout, when no answer came. */
export function lateAnswer(): Error {
  return new Error('Redis did not answer in time');
}
