/** How much of a long piece of work is sent to the store at once, by how fast it answers. */

/** A store that takes longer has others to answer too. */
const SLOW_MS = 100;
const LEAST = 8;

export class Pace {
  private readonly most: number;
  private size: number;

  /** @param most at once, which is also what it begins with. */
  constructor(most: number) {
    this.most = most;
    this.size = most;
  }

  /** Each slice is as long as the answers so far allow. */
  *slices<T>(items: readonly T[]): Generator<readonly T[]> {
    for (let from = 0; from < items.length; ) {
      const slice = items.slice(from, from + this.size);
      from += slice.length;
      yield slice;
    }
  }

  /** Waits for the answer to a slice: after a slow one, or none, half as many are sent next; else a quarter more. */
  async answer<T>(work: Promise<T>): Promise<T> {
    const askedAt = performance.now();
    let isFast = false;
    try {
      const result = await work;
      isFast = performance.now() - askedAt <= SLOW_MS;
      return result;
    } finally {
      this.size = isFast ? Math.min(this.most, this.size + (this.size >> 2)) : Math.max(LEAST, this.size >> 1);
    }
  }
}
