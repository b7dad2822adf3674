/** Errors of Redis: one line in the log for a server that stays away, and a `StoreError` for the caller. */
import { ReplyError } from 'ioredis';
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

  /** @throws StoreError for whatever the work fails with, at once or later. */
  async guard<T>(work: Promise<T> | (() => Promise<T>)): Promise<T> {
    try {
      return await (typeof work === 'function' ? work() : work);
    } catch (error) {
      throw this.failed(error);
    }
  }

  /** Reports an error; what to throw for it. */
  failed(error: unknown): StoreError {
    this.report(error);
    return toStoreError(error);
  }
}

/**
 * What a reply of Redis begins with while it cannot serve. Redis propagates them out of scripts unchanged.
 * https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors
 */
const AWAY = new Set([
  'LOADING',
  'OOM',
  'READONLY',
  'MISCONF',
  'NOREPLICAS',
  'MASTERDOWN',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'MOVED',
  'ASK',
  'BUSY',
  'NOAUTH',
  'WRONGPASS',
]);
const TOO_MANY_CLIENTS = 'ERR max number of clients reached';

/** `store_unavailable` for what passes by waiting; `internal` for a fault of ours or of the data. */
export function toStoreError(error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new StoreError(isAway(error, message) ? 'store_unavailable' : 'internal', `Redis: ${message}`, error);
}

function isAway(error: unknown, message: string): boolean {
  if (error instanceof ReplyError) return AWAY.has(message.split(' ', 1)[0] as string) || message === TOO_MANY_CLIENTS;
  // What is left are connections and time bounds, but for programming errors.
  return !(error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError);
}

/** The error of a read that waits on purpose, and so has no command timeout, when no answer came. */
export function lateAnswer(): Error {
  return new Error('Redis did not answer in time');
}
