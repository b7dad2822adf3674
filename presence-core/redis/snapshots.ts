/** Snapshots read from Redis (P11), some of a shard's buckets at a time. */
import type { Snapshot, SnapshotPage, StoreSnapshots } from '../store/snapshots.ts';
import type { ItemQueue } from './item-queue.ts';
import { BUCKETS, idFrom, keptId } from './keys.ts';
import { parseLine } from './rows.ts';
import type { RedisShards } from './shards.ts';

/** In place of a bucket: the stream's index is being filled, or there was no time to look (lua/watch.lua). */
const WALKING = '-1';
const UNREAD = '-2';

/** The sequence of the shard's newest log entry, the next bucket, and a line for each session. */
type PageReply = readonly [sequence: string, next: string, ...lines: string[]];

export class RedisSnapshots implements StoreSnapshots {
  readonly parts: number;
  readonly shards: number;
  private readonly redisShards: RedisShards;
  private readonly queue: ItemQueue;

  constructor(redisShards: RedisShards, queue: ItemQueue) {
    this.redisShards = redisShards;
    this.queue = queue;
    this.shards = redisShards.prefixes.length;
    this.parts = this.shards * BUCKETS;
  }

  get division(): number {
    return this.redisShards.seed;
  }

  partOf(userId: string): number {
    const { shard, bucket } = this.redisShards.placeOf(userId);
    return shard * BUCKETS + Number(bucket);
  }

  async page(first: number, streamId = ''): Promise<SnapshotPage> {
    const stream = keptId(streamId);
    const shard = Math.floor(first / BUCKETS);
    const bucket = String(first % BUCKETS);
    const asked = stream === '' ? this.ask('snapshot', shard, [bucket]) : this.watch(shard, stream, bucket);
    const [sequence, next, ...lines] = await asked;
    return { ...snapshotOf(shard, sequence, lines), next: shard * BUCKETS + Number(next) };
  }

  async ofUser(userId: string): Promise<Snapshot> {
    const item = this.queue.itemOf(userId, (prefix, bucket, user) => [prefix, user, bucket]);
    const [sequence, ...lines] = await this.queue.add<[string, ...string[]]>('snapshot-user', item);
    return snapshotOf(item.shard, sequence, lines);
  }

  /** A page of a stream. The index of one that nobody watched is filled first, in slices. */
  private async watch(shard: number, stream: string, bucket: string): Promise<PageReply> {
    let isAgain = '0';
    for (;;) {
      const reply = await this.ask('watch', shard, [stream, bucket, isAgain]);
      if (reply[1] === WALKING) isAgain = '1';
      else if (reply[1] !== UNREAD) return reply;
    }
  }

  private ask(verb: 'snapshot' | 'watch', shard: number, args: readonly string[]): Promise<PageReply> {
    return this.queue.add<PageReply>(verb, { shard, args: [this.redisShards.prefixOf(shard), ...args] });
  }
}

function snapshotOf(shard: number, sequence: string, lines: readonly string[]): Snapshot {
  const sessions = lines.map((text) => parseLine(idFrom(text.slice(0, text.indexOf('|'))), text).session);
  return { sessions, shard, sequence: Number(sequence) };
}
