/** A snapshot of a stream reads that stream: what it costs, and that its index is never trusted where it may be wrong. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { redisStore } from '../support/redis-stores.ts';
import { pagesOf } from '../support/snapshots.ts';

const SHARDS = 2;
const PAGE_SESSIONS = 250;
const LEASE_MS = 60_000;

let redis: TestRedis;
let admin: Redis;
let prefix: string;
let store: RedisStore;

beforeAll(async () => {
  redis = await startRedis();
  admin = new Redis(redis.url);
});
afterAll(async () => {
  admin.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  prefix = redis.prefix();
  store = await redisStore({ url: redis.url, prefix, shards: SHARDS });
});
afterEach(() => store.stop());

const open = (userId: string, streamId: string) =>
  store.sessions.open({
    userId,
    sessionId: 's',
    attributes: { streamId },
    owner: 'heartbeat',
    leaseMs: LEASE_MS,
    intent: 'fresh',
  });

async function openMany(count: number, name: string, streamId: string): Promise<string[]> {
  const users = Array.from({ length: count }, (_, i) => `${name}${i}`);
  await Promise.all(users.map((userId) => open(userId, streamId)));
  return users;
}

async function usersOn(streamId: string): Promise<string[]> {
  const users: string[] = [];
  for await (const { sessions } of pagesOf(store, streamId)) users.push(...sessions.map(({ userId }) => userId));
  return users.sort();
}

const keyOf = (shard: number, name: string): string => `{${prefix}:${shard}}:${name}`;
const everyShard = Array.from({ length: SHARDS }, (_, shard) => shard);
const indexed = async (): Promise<number> => {
  const sizes = await Promise.all(everyShard.map((shard) => admin.zcard(keyOf(shard, 'w'))));
  return sizes.reduce((sum, size) => sum + size, 0);
};

/** How often Redis ran each command in an act. */
async function commandsOf(act: () => Promise<unknown>): Promise<(command: string) => number> {
  await admin.config('RESETSTAT');
  await act();
  const stats = await admin.info('commandstats');
  return (command) => Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0);
}

test('[P11] [P14] once a stream is watched, its snapshot reads its own sessions and no others', async () => {
  const few = await openMany(20, 'few', 'small');
  await openMany(1_000, 'many', 'large');
  expect(await usersOn('small')).toEqual(few.sort());
  const again = await commandsOf(async () => expect(await usersOn('small')).toEqual(few));
  expect(again('hgetall')).toBe(0);
  expect(again('zscore')).toBe(few.length);
  const nobody = await commandsOf(async () => expect(await usersOn('nobody')).toEqual([]));
  expect(nobody('hgetall')).toBe(0);
});

test('[P11] only watched streams are indexed, and opens of others cost nothing more', async () => {
  await openMany(10, 'few', 'small');
  expect(await indexed()).toBe(0);
  const unwatched = await commandsOf(() => openMany(10, 'before', 'large'));
  expect(unwatched('hexists')).toBe(0);
  await usersOn('small');
  expect(await indexed()).toBe(10);
  await openMany(10, 'after', 'large');
  expect(await indexed()).toBe(10);
  await openMany(5, 'more', 'small');
  expect(await indexed()).toBe(15);
  await store.sessions.close({ userId: 'more0', sessionId: 's', reason: 'left' });
  expect(await indexed()).toBe(14);
});

test('[P14] pages are bounded, of everything and of a stream', async () => {
  const users = (await openMany(3_000, 'u', 'large')).sort();
  for (const streamId of [undefined, 'large']) {
    const found: string[] = [];
    let pages = 0;
    for await (const { sessions } of pagesOf(store, streamId)) {
      // The last bucket of a page is whole: here of some 6 sessions.
      expect(sessions.length).toBeLessThan(PAGE_SESSIONS + 50);
      found.push(...sessions.map(({ userId }) => userId));
      pages += 1;
    }
    expect(pages).toBeGreaterThanOrEqual(6);
    expect(found.sort()).toEqual(users);
  }
});

test.each<[string, () => Promise<unknown>]>([
  ['was lost', () => Promise.all(everyShard.map((shard) => admin.del(keyOf(shard, 'w'))))],
  [
    'is of a wrong type',
    () =>
      Promise.all(everyShard.map((shard) => admin.multi().del(keyOf(shard, 'w')).set(keyOf(shard, 'w'), 'x').exec())),
  ],
  [
    'has what is not there',
    () => Promise.all(everyShard.map((shard) => admin.zadd(keyOf(shard, 'w'), 0, 'small 007 ghost s'))),
  ],
])('[P11] an index that %s is filled anew', async (_, damage) => {
  const few = await openMany(20, 'few', 'small');
  await openMany(1_000, 'many', 'large');
  await usersOn('small');
  await damage();
  await open('late', 'small');
  const all = [...few, 'late'].sort();
  expect(await usersOn('small')).toEqual(all);
  expect(await usersOn('small')).toEqual(all);
  expect(await indexed()).toBe(all.length);
});

test.each(['watch', 'w'])(
  '[P11] an index of which %s alone was deleted is filled anew, also between two pages',
  async (key) => {
    const few = await openMany(1_200, 'few', 'small');
    const lose = () => Promise.all(everyShard.map((shard) => admin.unlink(keyOf(shard, key))));
    await usersOn('small');
    await lose();
    // As many come as go: counts alone tell nothing.
    for (const userId of few.slice(0, 10)) await store.sessions.close({ userId, sessionId: 's', reason: 'left' });
    const attributes = { streamId: 'other' };
    for (const userId of few.slice(10, 20)) await store.sessions.update({ userId, sessionId: 's', attributes });
    const all = [...few.slice(20), ...(await openMany(20, 'late', 'small'))].sort();
    expect(await usersOn('small')).toEqual(all);
    const users: string[] = [];
    for await (const { sessions } of pagesOf(store, 'small')) {
      users.push(...sessions.map(({ userId }) => userId));
      await lose();
    }
    expect(users.sort()).toEqual(all);
  },
);

test('[P12] a count that is wrong costs one walk, and not one for each page', async () => {
  const few = await openMany(1_200, 'few', 'small');
  await Promise.all(everyShard.map((shard) => admin.hincrby(keyOf(shard, 'n'), 's:small', 1_000_000_000)));
  expect(await usersOn('small')).toEqual([...few].sort());
  const again = await commandsOf(async () => expect(await usersOn('small')).toEqual([...few].sort()));
  expect(again('hgetall')).toBe(0);
  await open('late', 'small');
  const all = [...few, 'late'].sort();
  const later = await commandsOf(async () => expect(await usersOn('small')).toEqual(all));
  expect(later('hgetall')).toBe(0);
});

test('[P11] what was indexed before nobody watched for an hour is not trusted', async () => {
  await openMany(20, 'few', 'small');
  await usersOn('small');
  await Promise.all(everyShard.map((shard) => admin.hset(keyOf(shard, 'shard'), 'watched', 1)));
  await store.sessions.close({ userId: 'few0', sessionId: 's', reason: 'left' });
  await open('late', 'small');
  expect(await indexed()).toBe(20);
  const all = [...Array.from({ length: 19 }, (_, i) => `few${i + 1}`), 'late'].sort();
  expect(await usersOn('small')).toEqual(all);
  expect(await indexed()).toBe(20);
});

test('[P14] at most 1,000 streams of a shard are indexed: of more, those asked for last', async () => {
  await Promise.all(Array.from({ length: 1_010 }, (_, i) => open(`u${i}`, `stream${i}`)));
  await Promise.all(Array.from({ length: 500 }, (_, i) => open('both', `stream${i}`)));
  for (let i = 0; i < 1_010; i++) expect(await usersOn(`stream${i}`)).toContain(`u${i}`);
  for (const shard of everyShard) expect(await admin.hlen(keyOf(shard, 'watch'))).toBeLessThanOrEqual(1_001);
}, 60_000);
