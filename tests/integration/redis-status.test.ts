/** What a status costs: presence-only marks are looked for while any may run, and never missed. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { shardPrefix } from '../../presence-core/redis/keys.ts';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { PRESENCE_ONLY } from '../../presence-core/session.ts';
import { pause } from '../../presence-core/toolkit/retrying.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { redisStore } from '../support/redis-stores.ts';

const LEASE_MS = 60_000;
const OVER = '1';

let redis: TestRedis;
let admin: Redis;
let store: RedisStore;
let home: string;

beforeAll(async () => {
  redis = await startRedis();
  admin = new Redis(redis.url);
});
afterAll(async () => {
  admin.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  const prefix = redis.prefix();
  home = `${shardPrefix(prefix, 0)}shard`;
  store = await redisStore({ url: redis.url, prefix, shards: 4 });
  await store.nodes.join('n', LEASE_MS);
});
afterEach(() => store.stop());

/** What is done next is done at another instant. */
async function noMarkRuns(): Promise<void> {
  await admin.hset(home, 'marks', OVER);
  await pause(5);
}
const marksTill = async () => Number(await admin.hget(home, 'marks'));
const sessionsOf = async (userId: string) => (await store.reads.status([userId]))[0]?.sessions;

const open = (userId: string, sessionId: string, country?: string) =>
  store.sessions.open({
    userId,
    sessionId,
    attributes: { country },
    owner: sessionId === PRESENCE_ONLY ? 'presence' : 'heartbeat',
    leaseMs: LEASE_MS,
    intent: 'beat',
  });

/** Of a status of 20 users, each with a session. */
async function marksLookedFor(): Promise<number> {
  const users = Array.from({ length: 20 }, (_, i) => `u${i}`);
  for (const userId of users) await open(userId, 's');
  await admin.config('RESETSTAT');
  const found = await store.reads.status(users);
  expect(found.map(({ sessions }) => sessions)).toEqual(users.map(() => 1));
  return Number(/cmdstat_zscore:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
}

test('[P3] while no mark runs, none is looked for', async () => {
  await noMarkRuns();
  expect(await marksLookedFor()).toBe(0);
});

test('[P3] a process that joins cannot know of marks of before: they are looked for until the longest lease is over', async () => {
  expect(await marksTill()).toBeGreaterThan(Date.now() + LEASE_MS);
  expect(await marksLookedFor()).toBe(20);
});

test('[P3] [P10] nor can anybody once the store forgot', async () => {
  await noMarkRuns();
  await admin.hdel(home, 'epoch');
  await store.nodes.beat('n', LEASE_MS);
  expect(await marksTill()).toBeGreaterThan(Date.now() + LEASE_MS);
});

test('[P3] a mark that is set takes no part in the sessions of its user', async () => {
  await noMarkRuns();
  await open('u', PRESENCE_ONLY);
  expect(await sessionsOf('u')).toBe(0);
  expect(await marksTill()).toBeGreaterThan(Date.now() + LEASE_MS);
});

test('[P3] nor one that is renewed, as it was or not', async () => {
  await open('u', PRESENCE_ONLY);
  await noMarkRuns();
  await open('u', PRESENCE_ONLY);
  expect(await sessionsOf('u')).toBe(0);
  await noMarkRuns();
  await open('u', PRESENCE_ONLY, 'FR');
  expect(await sessionsOf('u')).toBe(0);
});

test('[P3] nor one of which the home says nothing', async () => {
  await open('u', PRESENCE_ONLY);
  await open('u', 's');
  await admin.hdel(home, 'marks');
  expect(await sessionsOf('u')).toBe(1);
});
