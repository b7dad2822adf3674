/** Does a task again and again: never twice at once, and on after a failure. */
export interface RepeatOptions {
  /** From the begin of one round to the begin of the next; a round that takes longer is followed at once. */
  readonly everyMs: number;
  readonly failed?: (error: unknown) => void;
}

export interface Repeating {
  /** Begins no further round; resolves when the one that runs has ended. */
  stop(): Promise<void>;
}

/** The first round begins after `everyMs`. The waits do not keep the process alive. */
export function repeating({ everyMs, failed }: RepeatOptions, task: () => Promise<unknown>): Repeating {
  let stopped = false;
  let running: Promise<unknown> = Promise.resolve();
  let timer: NodeJS.Timeout;
  const wait = (ms: number): void => {
    timer = setTimeout(() => {
      const begunAt = performance.now();
      running = task()
        .catch((error) => failed?.(error))
        .then(() => {
          if (!stopped) wait(Math.max(0, everyMs - (performance.now() - begunAt)));
        });
    }, ms).unref();
  };
  wait(everyMs);
  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
