/** Epoch milliseconds. The memory store's only source of time, so that tests can step it. */
export type Clock = () => number;

/** How far a clock may be set back without notice: it waits so long. */
const STEP_MIN_MS = 1_000;

/** The wall clock; when that is set back, it goes on from where it was (P2). */
export function steadyClock(wall: Clock): Clock {
  let last = wall();
  let aheadMs = 0;
  return () => {
    const now = wall() + aheadMs;
    if (now < last - STEP_MIN_MS) aheadMs += last - now;
    last = Math.max(last, now);
    return last;
  };
}

export const systemClock: Clock = steadyClock(Date.now);
