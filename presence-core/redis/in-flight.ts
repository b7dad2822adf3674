/** Bounds how much is sent to Redis and not answered yet (P14). */
import { StoreError } from '../errors.ts';

export class InFlight {
  private readonly max: number;
  private count = 0;

  /** @param max items in flight at once. */
  constructor(max: number) {
    this.max = max;
  }

  /** @throws StoreError `overloaded` when there would be too many; then nothing is added. */
  add(items: number): void {
    if (this.count + items > this.max) throw new StoreError('overloaded', 'too many commands in flight');
    this.count += items;
  }

  /** They were answered, or failed. */
  remove(items: number): void {
    this.count -= items;
  }

  /**
   * Counts items for as long as the work runs.
   * @throws StoreError `overloaded` when there would be too many; then the work is not begun.
   */
  async during<T>(items: number, work: () => Promise<T>): Promise<T> {
    this.add(items);
    try {
      return await work();
    } finally {
      this.remove(items);
    }
  }
}

/** Each kind of act has a bound of its own: what floods one leaves the others room. */
export class InFlightBounds {
  readonly reads: InFlight;
  readonly admissions: InFlight;
  /** What keeps slots: renewals and heartbeats. */
  readonly renewals: InFlight;
  /** What frees slots. */
  readonly releases: InFlight;

  /** @param max items in flight at once, of each kind. */
  constructor(max: number) {
    this.reads = new InFlight(max);
    this.admissions = new InFlight(max);
    this.renewals = new InFlight(max);
    this.releases = new InFlight(max);
  }
}
