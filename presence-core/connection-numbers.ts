/** Numbers of connections, by which the store tells whose hello came later (P7). */

/** Numbers of one ms. Up to the year 2248 all are safe integers. */
export const NUMBERS_PER_MS = 1_024;

/** By how much two processes misjudge the store's clock, at most; two hellos that come that close are of the same time. */
export const CLOCK_SLACK_MS = 500;

/** Gives out the numbers of one process. */
export class ConnectionNumbers {
  private last = 0;
  private readonly isTaken: (number: number) => boolean;

  /** @param isTaken asked of each, as a clock that was set back comes to the same instants again. */
  constructor(isTaken: (number: number) => boolean) {
    this.isTaken = isTaken;
  }

  /** @param helloAt by the store's clock, in ms and their fractions. */
  next(helloAt: number): number {
    const number = Math.floor(helloAt * NUMBERS_PER_MS);
    // Numbers follow a clock that was set back: else those of another process, which did not live before, would be less.
    const isSetBack = this.last - number > CLOCK_SLACK_MS * NUMBERS_PER_MS;
    this.last = isSetBack ? number : Math.max(this.last + 1, number);
    while (this.isTaken(this.last)) this.last += 1;
    return this.last;
  }
}

/** Whether it was given before the store's clock was set back. */
export function isOfFormerTime(number: number, now: number): boolean {
  return number > (now + CLOCK_SLACK_MS) * NUMBERS_PER_MS;
}

/** How much later the hello of the first connection came, in ms. */
export function helloGapMs(later: number, earlier: number): number {
  return (later - earlier) / NUMBERS_PER_MS;
}

/** Whether the hello of the first connection came later. What was given before the clock was set back came before. */
export function isNewer(one: number, other: number, now: number): boolean {
  const [isFormer, isOtherFormer] = [isOfFormerTime(one, now), isOfFormerTime(other, now)];
  return isFormer === isOtherFormer ? one > other : isOtherFormer;
}
