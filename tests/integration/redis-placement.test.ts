/** Where users are placed in Redis: by a seed that all processes agree on, whatever is lost and whoever comes first (P18). */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { OpenRequest } from '../../presence-core/index.ts';
import { BUCKETS, configKey, placeOf, shardPrefix, userSetKey } from '../../presence-core/redis/keys.ts';
import { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { expectCountsToEqualRecount } from '../contract/store/recount.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { beginWithoutSeed, shardOf } from '../support/redis-stores.ts';

const SHARDS = 8;
const LONG_MS = 60_000;
const USERS = Array.from({ length: 64 }, (_, i) => `u${i}`);

let redis: TestRedis;
let admin: Redis;
let prefix: string;
const handles: RedisStore[] = [];
beforeAll(async () => {
  // Of its own, as it is emptied.
  redis = await startRedis();
  admin = new Redis(redis.port);
});
beforeEach(async () => {
  await admin.flushall();
  prefix = redis.prefix();
});
afterEach(async () => {
  for (const store of handles.splice(0)) await store.stop();
});
afterAll(async () => {
  admin.disconnect();
  await redis.stop();
});

function handle(shards = SHARDS): RedisStore {
  const store = new RedisStore({ url: redis.url, prefix, shards, sweepGapMs: 0 });
  handles.push(store);
  return store;
}

async function started(): Promise<RedisStore> {
  const store = handle();
  await store.start();
  return store;
}

const openOf = (userId: string, more: Partial<OpenRequest> = {}): OpenRequest => ({
  userId,
  sessionId: 's',
  attributes: { streamId: 'film' },
  owner: 'heartbeat',
  leaseMs: LONG_MS,
  intent: 'fresh',
  ...more,
});
const openAll = (store: RedisStore, more: Partial<OpenRequest> = {}) =>
  Promise.all(USERS.map((userId) => store.sessions.open(openOf(userId, more))));
const partsBy = (store: RedisStore) => USERS.map((userId) => store.snapshots.partOf(userId));
const layout = () => admin.hget(configKey(prefix), 'layout');

/** Keys of users' sessions, in all shards. */
async function userKeysThere(): Promise<string[]> {
  return (await admin.keys(`{${prefix}:*}:u:*`)).sort();
}

/** Each user has one key, at the place where the store looks for it. */
async function expectOnePlaceEach(store: RedisStore, users: readonly string[]): Promise<void> {
  const keys = users.map((userId) => userSetKey(shardPrefix(prefix, shardOf(store, SHARDS, userId)), userId));
  expect(await userKeysThere()).toEqual(keys.sort());
}

test('[P4] [P18] a process that starts answers nothing about users before it has read where they are', async () => {
  const first = await started();
  await openAll(first, { limit: 1 });
  await Promise.all(USERS.map((userId) => first.limits.setOverride(userId, 7)));
  const second = handle();
  let isStarting = true;
  const starting = second.start().finally(() => {
    isStarting = false;
  });
  const answers: unknown[] = [];
  const overrides: unknown[] = [];
  const places: unknown[] = [];
  const refused = (error: { code: string }) => error.code;
  const attempted = async (place: () => unknown) => place();
  while (isStarting) {
    for (const userId of USERS.slice(0, 4)) {
      const request = openOf(userId, { sessionId: 'second', limit: 1 });
      answers.push(await second.sessions.open(request).then(({ outcome }) => outcome, refused));
      overrides.push(await second.limits.override(userId).catch(refused));
      places.push(
        await attempted(() => second.snapshots.partOf(userId) - first.snapshots.partOf(userId)).catch(refused),
      );
      const shard = first.log.shardsOf([userId])[0] as number;
      places.push(await attempted(() => (second.log.shardsOf([userId])[0] as number) - shard).catch(refused));
    }
    await new Promise(setImmediate);
  }
  await starting;
  // Refused by the limit where the answer came at the very end of the start; never admitted beside the first.
  expect([...new Set(answers)].filter((answer) => answer !== 'store_unavailable' && answer !== 'refused')).toEqual([]);
  expect([...new Set(overrides)].filter((max) => max !== 'store_unavailable' && max !== 7)).toEqual([]);
  // Unknown, or where the first has them.
  expect(places).toContain('store_unavailable');
  expect([...new Set(places)].filter((place) => place !== 'store_unavailable' && place !== 0)).toEqual([]);
  await expectOnePlaceEach(first, USERS);
});

test('[P18] ids that fall together without a seed are spread in a deployment of its own', async () => {
  const chosen = Array.from({ length: 4_000 }, (_, i) => `c${i}`).filter((id) => placeOf(id, SHARDS, 0).shard === 3);
  const store = await started();
  const found = chosen.map((userId) => shardOf(store, SHARDS, userId));
  const most = Math.max(...Array.from({ length: SHARDS }, (_, shard) => found.filter((one) => one === shard).length));
  expect(chosen.length).toBeGreaterThan(400);
  expect(most).toBeLessThan(chosen.length / 4);
  // Another deployment has another one.
  prefix = redis.prefix();
  expect(partsBy(await started())).not.toEqual(partsBy(store));
});

test('[P18] a deployment without a seed goes on without one; one with a seed is none for versions before', async () => {
  await beginWithoutSeed(redis.url, prefix, SHARDS);
  const store = await started();
  await store.nodes.join('n', LONG_MS);
  await openAll(store);
  const keys = USERS.map((id) => userSetKey(shardPrefix(prefix, placeOf(id, SHARDS, 0).shard), id));
  expect(await userKeysThere()).toEqual(keys.sort());
  expect(await layout()).toBe(`${SHARDS}x${BUCKETS}`);
  // Emptied, and written back by who knows it.
  await admin.flushall();
  await store.nodes.beat('n', LONG_MS);
  expect(await layout()).toBe(`${SHARDS}x${BUCKETS}`);
  prefix = redis.prefix();
  await started();
  expect(await layout()).toMatch(new RegExp(`^${SHARDS}x${BUCKETS} seed [0-9a-f]{8}$`));
});

test('[P18] processes that start at once agree', async () => {
  const stores = Array.from({ length: 12 }, () => handle());
  await Promise.all(stores.map((store) => store.start()));
  for (const store of stores) expect(partsBy(store)).toEqual(partsBy(stores[0] as RedisStore));
  expect(new Set(stores.map((store) => store.secret())).size).toBe(1);
});

test('[P18] another number of shards is refused, without telling the seed', async () => {
  await started();
  const seed = /seed (\w+)/.exec((await layout()) as string)?.[1] as string;
  const error = await handle(SHARDS * 2)
    .start()
    .catch((thrown) => thrown);
  expect(error).toMatchObject({ code: 'store_misconfigured' });
  expect(error.message).toContain(`${SHARDS * 2}x${BUCKETS}, the deployment '${prefix}' ${SHARDS}x${BUCKETS}`);
  expect(error.message).not.toContain(seed);
  await admin.hset(configKey(prefix), 'layout', `${SHARDS}x${BUCKETS} in another way`);
  await expect(handle().start()).rejects.toMatchObject({ code: 'store_misconfigured' });
});

test('[P18] [P10] after Redis was emptied and another came first, restores land where that one reads', async () => {
  const [first, second] = [await started(), await started()];
  const owners = { first: { nodeId: 'a', connection: 1 }, second: { nodeId: 'b', connection: 1 } };
  await first.nodes.join('a', LONG_MS);
  await second.nodes.join('b', LONG_MS);
  await openAll(first, { owner: owners.first });
  const before = partsBy(first);

  await admin.flushall();
  const newcomer = await started();
  await newcomer.nodes.join('c', LONG_MS);
  expect(partsBy(newcomer)).not.toEqual(before);
  await newcomer.sessions.open(openOf('u0', { sessionId: 'new' }));

  // They do not know yet: they admit nobody by the former seed, and say of nobody that he is offline.
  const unknown = { code: 'store_unavailable', retryable: true };
  for (const store of [first, second]) {
    for (const userId of USERS) {
      await expect(store.sessions.open(openOf(userId))).rejects.toMatchObject(unknown);
    }
    await expect(store.reads.status(USERS)).rejects.toMatchObject(unknown);
  }
  await expectOnePlaceEach(newcomer, ['u0']);

  for (const [store, id] of [
    [first, 'a'],
    [second, 'b'],
  ] as const) {
    expect((await store.nodes.beat(id, LONG_MS)).outcome).toBe('fenced');
    await store.nodes.join(`${id}2`, LONG_MS);
    expect(partsBy(store)).toEqual(partsBy(newcomer));
    expect(store.secret()).toBe(newcomer.secret());
  }
  const again = { nodeId: 'a2', connection: 1 };
  await openAll(first, { owner: again, socketWas: 'held', intent: 'restore' });
  await second.sessions.open(openOf('u1', { sessionId: 'by-second', owner: { nodeId: 'b2', connection: 1 } }));
  await expectOnePlaceEach(newcomer, USERS);
  const sessions = await newcomer.reads.sessions(USERS);
  expect(sessions.map((user) => user.sessions.length)).toEqual(USERS.map((_, i) => (i < 2 ? 2 : 1)));
  await expectCountsToEqualRecount(newcomer, USERS);
});

test('[P18] a process that read the seed before Redis was emptied, and joins only then, takes the newer one', async () => {
  const early = await started();
  await admin.flushall();
  const newcomer = await started();
  await newcomer.nodes.join('n', LONG_MS);
  await early.nodes.join('e', LONG_MS);
  await openAll(early);
  await expectOnePlaceEach(newcomer, USERS);
});

test('[P18] survivors that come first keep the seed, and the newcomer takes it', async () => {
  const survivor = await started();
  await survivor.nodes.join('n', LONG_MS);
  const before = partsBy(survivor);
  await admin.flushall();
  await survivor.nodes.beat('n', LONG_MS);
  expect(partsBy(await started())).toEqual(before);
});

test('[P18] while one shard has its data the seed stays, whoever starts first', async () => {
  const store = await started();
  await store.nodes.join('n', LONG_MS);
  await openAll(store);
  // As on a Cluster of whose masters all but one came back empty.
  for (const key of await admin.keys('*')) if (!key.startsWith(shardPrefix(prefix, 5))) await admin.del(key);
  const newcomer = await started();
  expect(partsBy(newcomer)).toEqual(partsBy(store));
  expect(newcomer.secret()).not.toBe(store.secret());
  await newcomer.nodes.join('m', LONG_MS);
  const kept = USERS.filter((userId) => shardOf(newcomer, SHARDS, userId) === 5);
  expect((await newcomer.reads.status(kept)).map(({ online }) => online)).toEqual(kept.map(() => true));
  // It has written what the other shards had lost.
  const copies = await admin.mget(Array.from({ length: SHARDS }, (_, shard) => `${shardPrefix(prefix, shard)}layout`));
  expect(copies).toEqual(Array(SHARDS).fill(await layout()));
});

test('[P18] a copy of a wrong type is written anew', async () => {
  const store = await started();
  const copy = `${shardPrefix(prefix, 2)}layout`;
  await admin.del(copy);
  await admin.hset(copy, 'not', 'ours');
  expect(partsBy(await started())).toEqual(partsBy(store));
  expect(await admin.get(copy)).toBe(await layout());
});

test('[P9] a process starts while Redis is out of memory', async () => {
  const store = await started();
  await admin.config('SET', 'maxmemory', '1');
  try {
    const another = await started();
    expect(partsBy(another)).toEqual(partsBy(store));
    expect(await another.nodes.join('n', LONG_MS)).toMatchObject({ outcome: 'alive' });
  } finally {
    await admin.config('SET', 'maxmemory', '0');
  }
});
