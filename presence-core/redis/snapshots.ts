/** Snapshots read from Redis (P11), a slice of a shard's buckets at a time. */
import type { Snapshot, StoreSnapshots } from '../store/snapshots.ts';
import type { ItemQueue } from './item-queue.ts';
import { BUCKETS } from './keys.ts';
import { parseLine } from './rows.ts';
import type { RedisShards } from './shards.ts';

/** Pages of a snapshot: 16 buckets each, some 3 ms of Redis at 16,000 sessions a shard. */
const PARTS_PER_SHARD = 16;

export class RedisSnapshots implements StoreSnapshots {
  readonly parts: number;
  private readonly shards: RedisShards;
  private readonly queue: ItemQueue;

  constructor(shards: RedisShards, queue: ItemQueue) {
    this.shards = shards;
    this.queue = queue;
    this.parts = shards.prefixes.length * PARTS_PER_SHARD;
  }

  get division(): number {
    return this.shards.seed;
  }

  partOf(userId: string): number {
    const { shard, bucket } = this.shards.placeOf(userId);
    return shard * PARTS_PER_SHARD + (Number(bucket) % PARTS_PER_SHARD);
  }

  ofPart(part: number): Promise<Snapshot> {
    const first = part % PARTS_PER_SHARD;
    const buckets = Array.from({ length: BUCKETS / PARTS_PER_SHARD }, (_, i) => String(first + i * PARTS_PER_SHARD));
    return this.read(Math.floor(part / PARTS_PER_SHARD), '', buckets);
  }

  ofUser(userId: string): Promise<Snapshot> {
    const { shard, bucket } = this.shards.placeOf(userId);
    return this.read(shard, userId, [bucket]);
  }

  /** @param userId '' for all users of the buckets. */
  private async read(shard: number, userId: string, buckets: readonly string[]): Promise<Snapshot> {
    const args = [this.shards.prefixOf(shard), userId, ...buckets];
    const [sequence, ...lines] = await this.queue.add<string[]>('snapshot', { shard, args });
    const sessions = lines.map((text) => parseLine(text.slice(0, text.indexOf('|')), text).session);
    return { sessions, shard, sequence: Number(sequence) };
  }
}
