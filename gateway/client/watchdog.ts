/** Notices a connection that died without a word: after a silence it asks, and without an answer the connection is dead. */
import { timeBound } from './time-bound.ts';

/** The server's own pings are not shown to a page; so it may be silent for long and well. */
const SILENCE_IN_PINGS = 1.5;

export interface Watchdog {
  /** @param silenceTimeoutMs the server ends who says nothing for so long: it is asked in time, whatever it sends. */
  start(pingIntervalMs: number, silenceTimeoutMs?: number): void;
  stop(): void;
  /** Any frame is an answer. */
  heard(): void;
  /** Finds out now. */
  ask(): void;
}

export function watchdog(pongTimeoutMs: number, ping: () => void, dead: () => void): Watchdog {
  let heardAt = 0;
  let timer: ReturnType<typeof setInterval>;
  let cancel: (() => void) | undefined;

  const heard = (): void => {
    heardAt = Date.now();
    if (cancel) cancel();
    cancel = undefined;
  };

  const ask = (): void => {
    cancel = cancel || timeBound(pongTimeoutMs, dead);
    ping();
  };

  return {
    heard,
    ask,
    start: (pingIntervalMs, silenceTimeoutMs) => {
      const silenceMs = silenceTimeoutMs ? 0 : SILENCE_IN_PINGS * pingIntervalMs;
      heard();
      timer = setInterval(
        () => {
          // Either way: a clock that was set back knows nothing of the silence.
          if (Math.abs(Date.now() - heardAt) >= silenceMs) ask();
        },
        silenceTimeoutMs ? silenceTimeoutMs / 3 : pingIntervalMs / 2,
      );
    },
    stop: () => {
      clearInterval(timer);
      heard();
    },
  };
}
