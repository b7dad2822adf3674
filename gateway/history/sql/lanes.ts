/** Bounds calls to the database: how many run, how many wait, and for how long a caller does. */
import { HistoryError } from '../history-error.ts';

interface Waiting {
  start(): void;
  readonly isOver: () => boolean;
}

export class Lanes {
  private readonly lanes: number;
  private readonly maxWaiting: number;
  private readonly waiting: Waiting[] = [];
  private running = 0;
  private idle: (() => void) | undefined;

  /**
   * @param lanes calls that run at once: no more than there are connections.
   * @param maxWaiting further calls that wait for a lane; one more is refused.
   */
  constructor(lanes: number, maxWaiting: number) {
    this.lanes = lanes;
    this.maxWaiting = maxWaiting;
  }

  /**
   * Runs `work` when there is a lane. A caller whose time is up is told so at once, while work that has begun keeps its
   * lane until it ends, so that a slow database has no more to do than a fast one.
   * @param work is given whether its caller has gone, to begin nothing more then.
   */
  run<T>(boundMs: number, work: (isOver: () => boolean) => Promise<T>): Promise<T> {
    if (this.running >= this.lanes && this.waiting.length >= this.maxWaiting) {
      return Promise.reject(new HistoryError('history_unavailable', 'too many calls to the database wait already'));
    }
    return new Promise<T>((resolve, reject) => {
      let over = false;
      const isOver = (): boolean => over;
      const timer = setTimeout(() => {
        over = true;
        reject(new HistoryError('history_unavailable', `the database did not answer within ${boundMs} ms`));
        this.forgetOver();
      }, boundMs);
      const start = (): void => {
        this.running++;
        work(isOver)
          .then(resolve, reject)
          .finally(() => {
            over = true;
            clearTimeout(timer);
            this.running--;
            this.next();
          });
      };
      if (this.running < this.lanes) start();
      else this.waiting.push({ start, isOver });
    });
  }

  /** Resolves when nothing runs or waits, or when the time is up. */
  async drained(boundMs: number): Promise<void> {
    if (this.running === 0) return;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, boundMs);
      this.idle = resolve;
    });
    clearTimeout(timer);
  }

  private next(): void {
    const next = this.waiting.shift();
    if (next) next.start();
    else if (this.running === 0) this.idle?.();
  }

  private forgetOver(): void {
    for (let i = this.waiting.length - 1; i >= 0; i--) {
      if ((this.waiting[i] as Waiting).isOver()) this.waiting.splice(i, 1);
    }
  }
}
