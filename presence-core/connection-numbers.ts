/** Numbers of connections, by which the store tells whose hello came later (P7). */

/** Numbers of one ms. Up to the year 2248 all are safe integers. */
const PER_MS = 1_024;

/** Gives out the numbers of one process. */
export class ConnectionNumbers {
  private last = 0;

  /** @param helloAt by the store's clock, in ms and their fractions. */
  next(helloAt: number): number {
    this.last = Math.max(this.last + 1, Math.floor(helloAt * PER_MS));
    return this.last;
  }
}

/** How much later the hello of the first connection came, in ms. */
export function helloGapMs(later: number, earlier: number): number {
  return (later - earlier) / PER_MS;
}
