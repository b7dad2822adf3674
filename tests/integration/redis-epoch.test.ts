/** Two masters at once, as during a failover: whichever a beat reaches, the epoch of each moves once (P10). */
import { afterEach, expect, test } from '@jest/globals';
import { connectRedis, ready } from '../../presence-core/redis/connection.ts';
import { RedisFailures } from '../../presence-core/redis/failures.ts';
import { shardPrefix } from '../../presence-core/redis/keys.ts';
import { RedisNodes } from '../../presence-core/redis/nodes.ts';
import { RedisShards } from '../../presence-core/redis/shards.ts';
import { defineVerbs } from '../../presence-core/redis/verbs.ts';
import { startRedis } from '../support/redis-server.ts';

const LEASE_MS = 60_000;
const CONSTANTS = {
  LOG_MAX: 100,
  TOMB_MS: 1_000,
  SEEN_TTL_MS: 1_000,
  SEEN_MAX: 10,
  STALL_GRACE_MS: 1_000,
  LEFT_TOMB_MS: 1,
  RECOUNT_MS: 1,
  SHARDS: 4,
  LEASE_MAX_MS: 60_000,
  SHORT_MS: 1_000,
};
const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

test('[P10] what another master was called when it was asked moves no epoch', async () => {
  const redis = await startRedis();
  ended.push(() => redis.stop());
  const client = connectRedis(redis.url, false);
  ended.push(async () => client.disconnect());
  await ready(client, 5_000);
  const prefix = redis.prefix();
  defineVerbs(client, { ...CONSTANTS, HOME: shardPrefix(prefix, 0) });
  const failures = new RedisFailures(() => {});
  const shards = new RedisShards(client, {
    prefixes: Array.from({ length: 4 }, (_, shard) => shardPrefix(prefix, shard)),
    failures,
    deployment: { seed: 0, isKnown: true },
  });
  let asked = 'former-master';
  const nodes = new RedisNodes(shards, {
    client,
    prefix,
    failures,
    runIds: async () => shards.all.map(() => asked),
    uptimeMs: async () => 60_000,
    sweep: { run: async () => ({ ended: 0, lagMs: 0, corrected: 0, mendedUserIds: [] }) },
    onNewEpoch: async () => {},
    onQuit: () => {},
  });
  const { epoch } = await nodes.join('node', LEASE_MS);
  for (asked of ['next-master', 'former-master', 'next-master', '']) {
    expect((await nodes.beat('node', LEASE_MS)).epoch).toBe(epoch);
  }
  // But reads ask whether the masters are those of the last beat.
  asked = 'next-master';
  expect(await nodes.hasKnownMasters()).toBe(false);
  asked = /run_id:(\w+)/.exec(await client.info('server'))?.[1] as string;
  expect(await nodes.hasKnownMasters()).toBe(true);
});
