/** Counts a shard anew, a slice at a time, mends what is half there, and corrects the counts (P12). */
import type { SweepResult } from '../store/nodes.ts';
import type { RedisFailures } from './failures.ts';
import type { ItemQueue } from './item-queue.ts';
import { BUCKETS, idFrom } from './keys.ts';
import type { RedisShards } from './shards.ts';

/** Rows, or counts, looked at by one call: some 4 ms of Redis. */
const BUDGET = 500;
/** Calls of one sweep; the next goes on. */
const CALLS_MAX = 16;

export type Recounted = Pick<SweepResult, 'corrected' | 'mendedUserIds'>;

export class RedisRecount {
  private readonly shards: RedisShards;
  private readonly queue: ItemQueue;
  private readonly failures: RedisFailures;

  constructor(shards: RedisShards, queue: ItemQueue, failures: RedisFailures) {
    this.shards = shards;
    this.queue = queue;
    this.failures = failures;
  }

  /** Begins a recount of the shard if it is due, or goes on with it. Never rejects. */
  async run(shard: number): Promise<Recounted> {
    let corrected = 0;
    const mended: string[] = [];
    try {
      for (let call = 0; call < CALLS_MAX; call++) {
        const [reply] = await this.shards.runEach<string[] | Error>(
          'recount',
          [String(BUDGET), String(BUCKETS)],
          [shard],
        );
        if (reply instanceof Error) throw reply;
        const [head, ...users] = reply as string[];
        const [found, more, ended] = (head as string).split('|').map(Number) as [number, number, number];
        mended.push(...users.splice(0, ended));
        const ends = await this.mend(users);
        mended.push(...users.filter((_, i) => ends[i] !== 0));
        corrected += found + ends.reduce((sum, one) => sum + one, 0);
        if (!more) break;
      }
    } catch (error) {
      this.failures.report(error);
    }
    return { corrected, mendedUserIds: mended.map(idFrom) };
  }

  /** Ends members of whom no row is left. Returns how many of each user. */
  private mend(users: readonly string[]): Promise<number[]> {
    const items = users.map((user) => this.queue.itemOf(idFrom(user), (prefix, bucket) => [prefix, user, bucket]));
    return this.queue.addAll<number>('mend', items);
  }
}
