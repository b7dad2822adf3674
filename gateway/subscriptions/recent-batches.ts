/** The newest batches of the log that this process has read: most of who must catch up need not ask the store. */
import type { Change } from '../../presence-core/index.ts';

export interface Batch {
  readonly changes: readonly Change[];
  /** After the batch. */
  readonly cursor: string;
  readonly positions: readonly number[];
}

const MAX_CHANGES = 8_192;

export class RecentBatches {
  private batches: Batch[] = [];
  private size = 0;
  /** Positions before the oldest batch kept. */
  private floor: readonly number[];

  constructor(positions: readonly number[]) {
    this.floor = positions;
  }

  add(batch: Batch): void {
    this.batches.push(batch);
    this.size += batch.changes.length;
    let dropped = 0;
    for (; this.size > MAX_CHANGES && dropped < this.batches.length; dropped++) {
      const oldest = this.batches[dropped] as Batch;
      this.size -= oldest.changes.length;
      this.floor = oldest.positions;
    }
    if (dropped > 0) this.batches = this.batches.slice(dropped);
  }

  /**
   * @param shards whose changes are asked for; absent: all.
   * @returns batches that hold all changes since, and perhaps earlier ones; undefined when some are no longer kept.
   */
  since(positions: readonly number[], shards?: readonly number[]): readonly Batch[] | undefined {
    if (!reaches(positions, this.floor, shards)) return undefined;
    const first = this.batches.findLastIndex((batch) => reaches(positions, batch.positions, shards));
    return this.batches.slice(first + 1);
  }
}

/** Whether one who has read up to `positions` has all that is up to `others`. @param shards that count; absent: all. */
export function reaches(positions: readonly number[], others: readonly number[], shards?: readonly number[]): boolean {
  if (shards) return shards.every((shard) => (positions[shard] ?? 0) >= (others[shard] ?? 0));
  return others.every((other, shard) => (positions[shard] ?? 0) >= other);
}
