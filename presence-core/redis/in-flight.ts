/** Bounds how much is sent to Redis and not answered yet (P14). */
import { StoreError } from '../errors.ts';

export class InFlight {
  private readonly max: number;
  private count = 0;

  /** @param max items in flight at once. */
  constructor(max: number) {
    this.max = max;
  }

  /** @throws StoreError `store_unavailable` when there would be too many; then nothing is added. */
  add(items: number): void {
    if (this.count + items > this.max) throw new StoreError('store_unavailable', 'too many commands in flight');
    this.count += items;
  }

  /** They were answered, or failed. */
  remove(items: number): void {
    this.count -= items;
  }

  /**
   * Counts items for as long as the work runs.
   * @throws StoreError `store_unavailable` when there would be too many; then the work is not begun.
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
