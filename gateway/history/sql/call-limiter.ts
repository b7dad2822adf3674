/**
 * Limits calls to the database: how many run, how many wait, and how long a caller does.
 *
 * More than a semaphore with a time bound: the number of waiting calls is bounded too, and a caller whose time is up
 * leaves the queue, so that a database that hangs does not fill it with calls of which nobody wants the answer.
 */
import { pause } from '../../../presence-core/index.ts';
import { HistoryError } from '../history-error.ts';

export interface CallLimits {
  /** Calls that run at once: no more than there are connections. */
  readonly maxRunning: number;
  /** Further calls that wait; one more is refused. */
  readonly maxWaiting: number;
  /** How long a caller waits for its answer, from the call on. */
  readonly boundMs: number;
}

export class CallLimiter {
  private readonly limits: CallLimits;
  private readonly waiting = new Set<() => void>();
  private running = 0;
  private onIdle: (() => void) | undefined;

  constructor(limits: CallLimits) {
    this.limits = limits;
  }

  /**
   * Runs `work` when fewer than `maxRunning` run. A caller whose time is up gets an error at once, but work that has
   * begun counts as running until it ends: a slow database is not asked for more than a fast one.
   * @param work is given a function that returns whether its caller has gone; then it begins nothing more.
   * @throws HistoryError `history_unavailable` when too many wait already, or when the time is up.
   */
  run<T>(work: (isOver: () => boolean) => Promise<T>): Promise<T> {
    const { maxRunning, maxWaiting, boundMs } = this.limits;
    if (this.running >= maxRunning && this.waiting.size >= maxWaiting) {
      return Promise.reject(new HistoryError('history_unavailable', 'too many calls wait for the database'));
    }
    return new Promise<T>((resolve, reject) => {
      let over = false;
      const start = (): void => {
        this.running++;
        work(() => over)
          .then(resolve, reject)
          .finally(() => {
            over = true;
            clearTimeout(timer);
            this.running--;
            this.startNext();
          });
      };
      const timer = setTimeout(() => {
        over = true;
        this.waiting.delete(start);
        reject(new HistoryError('history_unavailable', `the database did not answer within ${boundMs} ms`));
      }, boundMs);
      if (this.running < maxRunning) start();
      else this.waiting.add(start);
    });
  }

  /** Resolves when nothing runs or waits, or after `maxMs`. */
  async drained(maxMs: number): Promise<void> {
    if (this.running === 0) return;
    const idle = new Promise<void>((resolve) => {
      this.onIdle = resolve;
    });
    await Promise.race([idle, pause(maxMs)]);
  }

  private startNext(): void {
    const [next] = this.waiting;
    if (next) {
      this.waiting.delete(next);
      next();
    } else if (this.running === 0) {
      this.onIdle?.();
    }
  }
}
