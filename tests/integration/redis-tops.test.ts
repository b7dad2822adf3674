/** Tops out of very many counts: their numbers are true, and what they cost does not follow how many there are. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { countsKey, shardPrefix } from '../../presence-core/redis/keys.ts';
import { RedisTops, type RedisTopsOptions } from '../../presence-core/redis/tops.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';

const SHARDS = 16;
const LARGE = 25;

let redis: TestRedis;
let client: Redis;
let prefixes: string[];
beforeAll(async () => {
  redis = await startRedis();
  client = new Redis(redis.url);
});
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  await client.flushall();
  const prefix = redis.prefix();
  prefixes = Array.from({ length: SHARDS }, (_, shard) => shardPrefix(prefix, shard));
});

const topsBy = (options: RedisTopsOptions = {}): RedisTops =>
  new RedisTops(client, prefixes, { freshMs: 0, ...options });

/** In each shard so many streams of one user with two sessions, and `LARGE` of more; three device types. */
async function fill(streams: number): Promise<void> {
  for (const prefix of prefixes) {
    const counts: Record<string, number> = { t: 1, 'd:tv': 5e9 + 4, 'd:web': 7e9 + 7, 'd:ios': 9e9 + 3 };
    for (let i = 0; i < streams; i++) counts[`s:small-${i}`] = 2e9 + 1;
    for (let i = 0; i < LARGE; i++) counts[`s:large-${i}`] = (100 - i) * 1e9 + 50 - i;
    await client.hset(countsKey(prefix), counts);
  }
}

const large = (limit: number) =>
  Array.from({ length: limit }, (_, i) => ({
    key: `large-${i}`,
    users: (50 - i) * SHARDS,
    sessions: (100 - i) * SHARDS,
  }));

/** Counts that Redis looked at, and commands, in an act. */
async function costOf(act: () => Promise<unknown>): Promise<{ hgetall: number; hscan: number; hmget: number }> {
  await client.config('RESETSTAT');
  await act();
  const stats = await client.info('commandstats');
  const calls = (name: string) => Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
  return { hgetall: calls('hgetall'), hscan: calls('hscan'), hmget: calls('hmget') };
}

test.each([10, 5_000])('[P12] with %s small streams a shard the top is right, and its numbers are', async (streams) => {
  await fill(streams);
  const tops = topsBy();
  expect(await tops.top('stream', 10)).toEqual(large(10));
  expect(await tops.top('stream', LARGE)).toEqual(large(LARGE));
  expect(await tops.top('deviceType', 10)).toEqual([
    { key: 'ios', users: 3 * SHARDS, sessions: 9 * SHARDS },
    { key: 'web', users: 7 * SHARDS, sessions: 7 * SHARDS },
    { key: 'tv', users: 4 * SHARDS, sessions: 5 * SHARDS },
  ]);
  expect(await tops.top('country', 10)).toEqual([]);
  for (const prefix of prefixes) {
    await client.multi().hincrby(countsKey(prefix), 's:large-3', 1e9).hdel(countsKey(prefix), 's:large-0').exec();
  }
  const changed = (await tops.top('stream', 3)).map(({ key, sessions }) => [key, sessions / SHARDS]);
  expect(changed).toEqual([
    ['large-1', 99],
    ['large-2', 98],
    ['large-3', 98],
  ]);
});

test('[P14] an answer costs the same among 5,000 streams a shard as among 50,000', async () => {
  const costs = [];
  for (const streams of [5_000, 50_000]) {
    await client.flushall();
    await fill(streams);
    const tops = topsBy();
    await tops.top('stream', 10);
    costs.push(await costOf(async () => expect(await tops.top('stream', 10)).toEqual(large(10))));
  }
  // Four scans of a thousand counts, or some more of the ends of shards; and of each shard some thirty counts.
  for (const cost of costs) expect(cost).toEqual({ hgetall: 0, hscan: expect.any(Number), hmget: SHARDS });
  for (const { hscan } of costs) expect(hscan).toBeLessThanOrEqual(8);
});

test('[P14] who asks together is answered by one walk; an answer serves for its time', async () => {
  await fill(5_000);
  const tops = topsBy({ freshMs: 60_000 });
  await tops.top('stream', 10);
  const cost = await costOf(() => Promise.all(Array.from({ length: 50 }, () => tops.top('stream', 10))));
  expect(cost).toEqual({ hgetall: 0, hscan: 0, hmget: 0 });
  const first = topsBy();
  const together = await costOf(() => Promise.all([first.top('stream', 10), first.top('country', 10)]));
  expect(together.hscan).toBeLessThanOrEqual(20);
  // One call a shard counts both, also when they are asked for again.
  expect(together.hmget).toBe(SHARDS);
  const again = await costOf(() => Promise.all([first.top('country', 5), first.top('deviceType', 10)]));
  expect(again.hmget).toBe(SHARDS);
});

test('[P14] so long after there were too many counts they are not numbered again', async () => {
  await fill(5_000);
  const tops = topsBy({ manyMs: 60_000 });
  await tops.top('stream', 10);
  const calls = async (of: RedisTops): Promise<number> => {
    await client.config('RESETSTAT');
    await of.top('stream', 10);
    return Number(/cmdstat_hlen:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
  };
  expect(await calls(tops)).toBe(0);
  expect(await calls(topsBy())).toBe(SHARDS);
});

test('[P12] a stream that rises is listed when the walk meets it', async () => {
  await fill(5_000);
  const tops = topsBy();
  await tops.top('stream', 10);
  for (const prefix of prefixes) await client.hset(countsKey(prefix), 's:new', 500e9 + 400);
  let asked = 0;
  for (let top = await tops.top('stream', 1); top[0]?.key !== 'new'; top = await tops.top('stream', 1)) asked += 1;
  // A shard is walked in two steps.
  expect(asked).toBeLessThanOrEqual(3);
  expect(await tops.top('stream', 1)).toEqual([{ key: 'new', users: 400 * SHARDS, sessions: 500 * SHARDS }]);
});
