/** Does one task again and again: never twice at once, and on after a failure. */
export class Repeat {
  private readonly everyMs: number;
  private readonly task: () => Promise<void>;
  private readonly failed: (error: unknown) => void;
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> = Promise.resolve();
  private stopped = false;

  /** @param everyMs from the end of a round to the begin of the next. */
  constructor(everyMs: number, task: () => Promise<void>, failed: (error: unknown) => void) {
    this.everyMs = everyMs;
    this.task = task;
    this.failed = failed;
  }

  start(): void {
    if (this.stopped) return;
    this.timer = setTimeout(() => {
      this.running = this.task()
        .catch(this.failed)
        .then(() => this.start());
    }, this.everyMs);
    this.timer.unref();
  }

  /** Resolves when the round that runs has ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.running;
  }
}
