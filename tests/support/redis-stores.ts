/** Redis stores for tests: each on a prefix of its own, with handles that are closed together. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cluster } from 'ioredis';
import { connectRedis, ready } from '../../presence-core/redis/connection.ts';
import { BUCKETS, configKey } from '../../presence-core/redis/keys.ts';
import { RedisStore, type RedisStoreOptions } from '../../presence-core/redis/redis-store.ts';
import type { RedisShards } from '../../presence-core/redis/shards.ts';
import type { CreateStore } from '../contract/store/store-fixture.ts';
import type { TestRedis } from './redis-server.ts';

/** So that tests have leases on both sides of it. */
const SHORT_LEASE_MS = 500;
/** Fewer shards than a deployment has, so that a test's few users share some. */
const SHARDS = 8;

export function redisStores(server: () => Pick<TestRedis, 'url' | 'prefix'>): CreateStore {
  return async (options = {}) => {
    const { url } = server();
    const prefix = server().prefix();
    const handles: RedisStore[] = [];
    const another = async (): Promise<RedisStore> => {
      const fixed = { url, prefix, shards: SHARDS, shortLeaseMs: SHORT_LEASE_MS, sweepGapMs: 0, recountMs: 20 };
      const store = new RedisStore({ ...fixed, ...options });
      handles.push(store);
      await store.start();
      return store;
    };
    return {
      store: await another(),
      second: another,
      advance: (ms) => sleep(ms),
      forget: () => forgetPrefix(url, prefix),
      stop: async () => {
        for (const store of handles) await store.stop();
      },
    };
  };
}

async function forgetPrefix(url: string, prefix: string): Promise<void> {
  const client = connectRedis(url, false);
  await ready(client, 5_000);
  for (const node of client instanceof Cluster ? client.nodes('master') : [client]) {
    for (const key of await node.keys(`{${prefix}*`)) await client.unlink(key);
  }
  client.disconnect();
}

/** Begins a deployment without a seed, as versions before seeds did: its users are placed alike in each run (P18). */
export async function beginWithoutSeed(url: string, prefix: string, shards: number): Promise<void> {
  const client = connectRedis(url, false);
  await ready(client, 5_000);
  await client.hset(configKey(prefix), 'layout', `${shards}x${BUCKETS}`);
  client.disconnect();
}

/** Which shard a store places a user in. */
export function shardOf(store: RedisStore, shards: number, userId: string): number {
  return Math.floor(store.snapshots.partOf(userId) / (store.snapshots.parts / shards));
}

/** One store on a given server. */
export async function redisStore(options: RedisStoreOptions): Promise<RedisStore> {
  const store = new RedisStore({ shards: SHARDS, sweepGapMs: 0, ...options });
  await store.start();
  return store;
}

/** By which a test calls a verb as no facet does: one slice of what a facet goes on with. */
export function shardsOf(store: RedisStore): RedisShards {
  return (store.nodes as unknown as { shards: RedisShards }).shards;
}

/** One slice of a sweep at the first home, without the recounts that a sweep of the store makes. */
export async function sweepSlice(store: RedisStore, budget: number): Promise<void> {
  await shardsOf(store).runAtHome('sweep', 0, [0, budget, BUCKETS]);
}

/** What opens a session of a user who beats. */
export const beatOf = (userId: string, leaseMs = 60_000) =>
  ({ userId, sessionId: 's', attributes: {}, owner: 'heartbeat', leaseMs, intent: 'fresh' }) as const;
