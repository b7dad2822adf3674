/** The one back-off: doubles from a first pause to a greatest one, each shortened at random by up to half. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface BackOff {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** @param attempt attempts that failed before, from 0. */
export function backOffMs({ firstMs, maxMs }: BackOff, attempt: number, random: () => number = Math.random): number {
  return Math.min(maxMs, firstMs * 2 ** attempt) * (0.5 + random() / 2);
}

export interface RetryOptions extends BackOff {
  /** Gives up, also in the middle of a pause. */
  readonly signal?: AbortSignal;
  /** Asked before each attempt, for those who have no signal. */
  readonly wanted?: () => boolean;
  /** Whether a failure passes by waiting; any other rejects at once. By default all pass. */
  readonly passes?: (error: unknown) => boolean;
  readonly failed?: (error: unknown, retryInMs: number) => void;
}

/**
 * Repeats `act` until it succeeds. The pauses do not keep the process alive.
 * @returns what it resolved with; undefined when it was given up before that.
 */
export async function retrying<T>(options: RetryOptions, act: () => Promise<T>): Promise<T | undefined> {
  const { signal, wanted, passes, failed } = options;
  for (let attempt = 0; !signal?.aborted && wanted?.() !== false; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (passes?.(error) === false) throw error;
      const retryInMs = Math.round(backOffMs(options, attempt));
      failed?.(error, retryInMs);
      await pause(retryInMs, signal);
    }
  }
  return undefined;
}

/** Resolves after `ms`, or as soon as the signal is aborted. Does not keep the process alive. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { ref: false, ...(signal && { signal }) }).catch(() => undefined);
}
