/** Limits of single users in Redis (P6): one hash a shard. */
import type { StoreLimits } from '../store/limits.ts';
import type { RedisClient } from './connection.ts';
import type { RedisFailures } from './failures.ts';
import type { InFlight } from './in-flight.ts';
import { keptId, limitsKey } from './keys.ts';
import type { RedisShards } from './shards.ts';

export class RedisLimits implements StoreLimits {
  private readonly client: RedisClient;
  private readonly shards: RedisShards;
  private readonly failures: RedisFailures;
  private readonly inFlight: InFlight;

  /** @param inFlight the bound of reads. */
  constructor(client: RedisClient, shards: RedisShards, failures: RedisFailures, inFlight: InFlight) {
    this.inFlight = inFlight;
    this.client = client;
    this.shards = shards;
    this.failures = failures;
  }

  async override(userId: string): Promise<number | null> {
    const read = (): Promise<string | null> => this.client.hget(this.key(userId), keptId(userId));
    const text = await this.inFlight.during(1, () => this.failures.guard(read));
    return text === null ? null : Number(text);
  }

  async setOverride(userId: string, max: number | null): Promise<void> {
    const key = this.key(userId);
    const user = keptId(userId);
    await this.failures.guard(max === null ? this.client.hdel(key, user) : this.client.hset(key, user, max));
  }

  private key(userId: string): string {
    return limitsKey(this.shards.prefixOf(this.shards.placeOf(userId).shard));
  }
}
