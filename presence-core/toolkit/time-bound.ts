/** Runs work for a caller who waits for it no longer than a bound. */
export type TimeBound = <Result>(work: Promise<Result>) => Promise<Result>;

interface Wait {
  readonly endsAt: number;
  readonly reject: (reason: unknown) => void;
}

/**
 * All waits of one bound are of one length, so the oldest ends first and one timer serves them all. The timer does not
 * keep the process alive.
 * @param late makes the error with which a wait rejects. The work itself goes on, its outcome unknown.
 */
export function createTimeBound(boundMs: number, late: () => unknown): TimeBound {
  const waits = new Set<Wait>();
  let timer: NodeJS.Timeout | undefined;
  const endLate = (): void => {
    timer = undefined;
    const now = performance.now();
    for (const wait of waits) {
      if (wait.endsAt > now) {
        timer = setTimeout(endLate, wait.endsAt - now).unref();
        return;
      }
      waits.delete(wait);
      wait.reject(late());
    }
  };
  return (work) =>
    new Promise((resolve, reject) => {
      const wait = { endsAt: performance.now() + boundMs, reject };
      waits.add(wait);
      if (timer === undefined) timer = setTimeout(endLate, boundMs).unref();
      work.then(
        (result) => {
          waits.delete(wait);
          resolve(result);
        },
        (error) => {
          waits.delete(wait);
          reject(error);
        },
      );
    });
}
