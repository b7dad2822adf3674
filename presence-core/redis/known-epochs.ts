/** The newest epoch of each shard that this process knows of: by its beats, by the tail of the log, or by reading on. */
import type { RedisNodes } from './nodes.ts';

export class KnownEpochs {
  private readonly nodes: Pick<RedisNodes, 'epochs'>;
  /** As the last beat saw them; another array after each. */
  private beaten: readonly number[] = [];
  private newest: number[] = [];

  constructor(nodes: Pick<RedisNodes, 'epochs'>) {
    this.nodes = nodes;
  }

  /** @returns undefined before anything was seen of the shard. */
  of(shard: number): number | undefined {
    const { epochs } = this.nodes;
    if (epochs !== this.beaten) {
      this.beaten = epochs;
      this.newest = [...epochs];
    }
    return this.newest[shard];
  }

  /** The newest entry of the shard's log is of this epoch. */
  saw(shard: number, epoch: number): void {
    // Beats before this one are older news.
    this.of(shard);
    this.newest[shard] = epoch;
  }

  /** A reader came from one epoch to the next; maybe within a part of the log that is long past. */
  passed(shard: number, from: number, to: number): void {
    if (this.of(shard) === from) this.newest[shard] = to;
  }
}
