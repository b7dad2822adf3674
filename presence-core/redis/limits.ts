/** Limits of single users in Redis (P6): one hash a shard. */
import type { StoreLimits } from '../store/limits.ts';
import type { RedisClient } from './connection.ts';
import type { RedisFailures } from './failures.ts';
import { limitsKey } from './keys.ts';
import type { RedisShards } from './shards.ts';

export class RedisLimits implements StoreLimits {
  private readonly client: RedisClient;
  private readonly shards: RedisShards;
  private readonly failures: RedisFailures;

  constructor(client: RedisClient, shards: RedisShards, failures: RedisFailures) {
    this.client = client;
    this.shards = shards;
    this.failures = failures;
  }

  async override(userId: string): Promise<number | null> {
    const text = await this.failures.guard(this.client.hget(this.key(userId), userId));
    return text === null ? null : Number(text);
  }

  async setOverride(userId: string, max: number | null): Promise<void> {
    const key = this.key(userId);
    await this.failures.guard(max === null ? this.client.hdel(key, userId) : this.client.hset(key, userId, max));
  }

  private key(userId: string): string {
    return limitsKey(this.shards.prefixOf(this.shards.placeOf(userId).shard));
  }
}
