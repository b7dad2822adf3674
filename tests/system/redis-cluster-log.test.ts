/** Readers of the log on a Cluster, whose shards are at several masters (P11). */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { isRetryable, retrying } from '../../presence-core/index.ts';
import { logKey, shardPrefix } from '../../presence-core/redis/keys.ts';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { chunks } from '../../presence-core/toolkit/chunks.ts';
import { slotOf, slotsOf, startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { beatOf, beginWithoutSeed, redisStore } from '../support/redis-stores.ts';

const SHARDS = 64;
const USERS = Array.from({ length: 1_000 }, (_, i) => `u${i}`);

let cluster: TestCluster;
let masters: Redis[];
let store: RedisStore;
let prefix: string;
beforeAll(async () => {
  cluster = await startCluster();
  masters = cluster.masters.map(({ port }) => new Redis(port));
});
beforeEach(async () => {
  prefix = cluster.prefix();
  await beginWithoutSeed(cluster.url, prefix, SHARDS);
  store = await redisStore({ url: cluster.url, prefix, shards: SHARDS });
});
afterEach(() => store.stop());
afterAll(async () => {
  for (const master of masters) master.disconnect();
  await cluster.stop();
});

async function openAll(): Promise<void> {
  // All at once a loaded machine may take longer for than a call may (P14).
  for (const some of chunks(USERS, 100)) {
    const open = () => Promise.all(some.map((userId) => store.sessions.open(beatOf(userId))));
    await retrying({ firstMs: 50, maxMs: 500, passes: isRetryable }, open);
  }
}

async function callsSoFar(): Promise<number> {
  const infos = await Promise.all(masters.map((master) => master.info('commandstats')));
  const counts = infos.flatMap((info) => [...info.matchAll(/cmdstat_(?:fcall|xread):calls=(\d+)/g)]);
  return counts.reduce((sum, [, calls]) => sum + Number(calls), 0);
}

test('[P11] a reader at rest asks each master for all its shards at once, a hundred times a second in all', async () => {
  await openAll();
  const cursor = await store.log.tail();
  const before = await callsSoFar();
  const page = await store.log.read(cursor, 1_000, 1_000);
  expect(page).toMatchObject({ changes: [], gap: false });
  expect((await callsSoFar()) - before).toBeLessThanOrEqual(120);
});

test('[P11] it reads all shards of all masters, and a log that is being moved to another one', async () => {
  const cursor = await store.log.tail();
  await openAll();
  const logs = await Promise.all(
    Array.from({ length: SHARDS }, async (_, shard) => {
      const key = logKey(shardPrefix(prefix, shard));
      const at = masters.findIndex((_, i) => slotOf(key) >= slotsOf(i).first && slotOf(key) <= slotsOf(i).last);
      return { key, at, length: await (masters[at] as Redis).xlen(key) };
    }),
  );
  // The first of one master leads there, another does not.
  const moved = [0, 1, 2].map((at) => logs.filter((log) => log.at === at && log.length > 0)[at] as (typeof logs)[0]);
  for (const { key, at } of moved) {
    const [source, target] = [masters[at], masters[(at + 1) % 3]] as [Redis, Redis];
    const [from, to] = [await source.call('CLUSTER', 'MYID'), await target.call('CLUSTER', 'MYID')];
    await target.call('CLUSTER', 'SETSLOT', String(slotOf(key)), 'IMPORTING', String(from));
    await source.call('CLUSTER', 'SETSLOT', String(slotOf(key)), 'MIGRATING', String(to));
    await source.call('MIGRATE', '127.0.0.1', String(target.options.port), key, '0', '10000');
  }
  const { changes, gap } = await store.log.read(cursor, 10_000, 0);
  expect(gap).toBe(false);
  expect(changes.map(({ userId }) => userId).sort()).toEqual([...USERS].sort());
});
