/** How a process ends: SIGTERM and SIGINT drain it, a second one ends it at once. */
import type { Logger } from 'pino';
import type { Config } from './config/config.ts';

/** One process of several is behind a load balancer, which has to notice; an embedded store has no other process. */
const REDIS_DELAY_MS = 2_000;
/** What a drain may take beyond its window before the process is ended. */
const STOP_SLACK_MS = 15_000;
/** Ctrl-C reaches a server under `npm start` twice: from the terminal, and passed on by npm. Two within this are one. */
const SAME_SIGNAL_MS = 500;

export interface StopTimes {
  /** Not ready, and still serving. */
  readonly delayMs: number;
  /** Then the players are asked to leave, spread over this time. */
  readonly drainMs: number;
}

/** Ends the process in order. Does nothing when that has begun. @param times those of the settings unless given. */
export type Shutdown = (why: string, times?: StopTimes) => void;

/** @param slackMs what the drain may take beyond that of a single process. */
export function endOnSignals(
  config: Config,
  log: Logger,
  stop: (times: StopTimes) => Promise<void>,
  slackMs = 0,
): Shutdown {
  const { drainMs, drainDelayMs: delayMs = config.redisUrl === '' ? 0 : REDIS_DELAY_MS } = config;
  let stoppingAt: number | undefined;
  const shutdown: Shutdown = (signal, times = { delayMs, drainMs }) => {
    if (stoppingAt !== undefined) return;
    stoppingAt = performance.now();
    log.info({ signal, ...times }, 'draining');
    // Also keeps the process alive until all is stopped, whatever its parts wait for.
    setTimeout(
      () => {
        log.error('the drain took too long');
        process.exit(1);
      },
      times.delayMs + times.drainMs + STOP_SLACK_MS + slackMs,
    );
    void stop(times).then(() => {
      log.info('stopped');
      process.exit(0);
    });
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (stoppingAt !== undefined && performance.now() - stoppingAt >= SAME_SIGNAL_MS) process.exit(1);
      shutdown(signal);
    });
  }
  return shutdown;
}
