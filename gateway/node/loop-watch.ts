/** Knows when the event loop stood still: what is handled right after that may have come long before. */

/** A process at rest wakes up for each. */
const TURN_MS = 200;
/** Shorter ones are not told from a busy loop. */
const STALL_MS = 500;

export class LoopWatch {
  private timer: NodeJS.Timeout | undefined;
  /** Instants by `performance.now()`. */
  private turnedAt = Number.POSITIVE_INFINITY;
  private stalledAt = Number.NEGATIVE_INFINITY;
  private wentOnAt = Number.NEGATIVE_INFINITY;
  private readonly turned: (lateMs: number) => void;

  /** @param turned hears five times a second how late that timer came. */
  constructor(turned: (lateMs: number) => void = () => {}) {
    this.turned = turned;
  }

  start(): void {
    this.turnedAt = performance.now();
    let dueAt = this.turnedAt + TURN_MS;
    this.timer = setInterval(() => {
      this.heldUpMs();
      this.turnedAt = performance.now();
      this.turned(Math.max(0, this.turnedAt - dueAt));
      dueAt = this.turnedAt + TURN_MS;
    }, TURN_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.turnedAt = Number.POSITIVE_INFINITY;
  }

  /** How long what is handled now may have waited: 0 when the loop has not stood still. */
  heldUpMs(): number {
    const now = performance.now();
    if (now - this.turnedAt > STALL_MS) {
      this.stalledAt = this.turnedAt;
      this.wentOnAt = now;
      this.turnedAt = now;
    }
    return now - this.wentOnAt < STALL_MS ? now - this.stalledAt : 0;
  }
}
