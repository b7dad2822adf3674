/** Counts a shard anew, a slice at a time, mends what is half there, and corrects the counts (P12). */
import type { RedisFailures } from './failures.ts';
import type { ItemQueue } from './item-queue.ts';
import { BUCKETS, idFrom } from './keys.ts';
import type { RedisShards } from './shards.ts';

/** Rows, or counts, looked at by one script call: some 4 ms of Redis. */
const BUDGET = 500;
/** Script calls of one sweep; the next goes on. */
const CALLS_MAX = 16;

export class RedisRecount {
  private readonly shards: RedisShards;
  private readonly queue: ItemQueue;
  private readonly failures: RedisFailures;

  constructor(shards: RedisShards, queue: ItemQueue, failures: RedisFailures) {
    this.shards = shards;
    this.queue = queue;
    this.failures = failures;
  }

  /** Begins a recount of the shard if it is due, or goes on with it. Returns how much was corrected. Never rejects. */
  async run(shard: number): Promise<number> {
    let corrected = 0;
    try {
      for (let call = 0; call < CALLS_MAX; call++) {
        const [reply] = await this.shards.runEach<string[] | Error>(
          'recount',
          [String(BUDGET), String(BUCKETS)],
          [shard],
        );
        if (reply instanceof Error) throw reply;
        const [head, ...suspects] = reply as string[];
        const [found, more] = (head as string).split('|').map(Number) as [number, number];
        corrected += found + (await this.mend(suspects));
        if (!more) break;
      }
    } catch (error) {
      this.failures.report(error);
    }
    return corrected;
  }

  /** Ends members of whom no row is left. */
  private async mend(users: readonly string[]): Promise<number> {
    const items = users.map((user) => this.queue.itemOf(idFrom(user), (prefix, bucket) => [prefix, user, bucket]));
    const mended = await this.queue.addAll<number>('mend', items);
    return mended.reduce((sum, one) => sum + one, 0);
  }
}
