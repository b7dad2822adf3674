/** The bench makes sessions without the verbs: what it writes must be what they write. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Filler, STAGES, type Stage } from '../../bench/scale/filler.ts';
import { evenStreams, scaleSession, scaleUser } from '../../bench/scale/scale-sessions.ts';
import { configKey } from '../../presence-core/redis/keys.ts';
import { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { expectCountsToEqualRecount } from '../contract/store/recount.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';

const SHARDS = 4;
const COUNT = 240;
const AWAY = 12;
const LEASE_MS = 600_000;
const RECOUNT_MS = 20;
/** Not again in a test. */
const LONG_RECOUNT_MS = 1e13;
const NODES = ['one', 'two'];
const LAYOUT = `${SHARDS}x256 seed 00c0ffee`;
const streamOf = evenStreams(7);
const nodeOf = (number: number): string => NODES[number % NODES.length] as string;
const NUMBERS = Array.from({ length: COUNT }, (_, number) => number);
const USERS = [...new Set(NUMBERS.map(scaleUser))];
const AWAY_USERS = Array.from({ length: AWAY }, (_, i) => `away-${i}`);

let redis: TestRedis;
let admin: Redis;
const stores: RedisStore[] = [];
beforeAll(async () => {
  redis = await startRedis({ shared: true });
  admin = new Redis(redis.url);
});
afterAll(async () => {
  for (const store of stores) await store.stop();
  admin.disconnect();
  await redis.stop();
});

/** A deployment that places users as all others of this file do. */
async function deployment(recountMs = RECOUNT_MS): Promise<{ prefix: string; store: RedisStore }> {
  const prefix = redis.prefix();
  await admin.hset(configKey(prefix), 'layout', LAYOUT);
  const store = new RedisStore({ url: redis.url, prefix, shards: SHARDS, sweepGapMs: 0, recountMs });
  stores.push(store);
  await store.start();
  for (const node of NODES) await store.nodes.join(node, LEASE_MS);
  return { prefix, store };
}

/** @returns when each was opened. */
async function fillByVerbs(store: RedisStore): Promise<number[]> {
  const openedAt: number[] = [];
  for (const number of NUMBERS) {
    const owner = { nodeId: nodeOf(number), connection: number };
    const session = scaleSession(number, streamOf);
    const result = await store.sessions.open({ ...session, owner, leaseMs: LEASE_MS, intent: 'fresh' });
    if (result.outcome !== 'opened') throw new Error(`expected ${number} to open: ${result.outcome}`);
    openedAt.push(result.startedAt);
  }
  return openedAt;
}

async function fillByScript(prefix: string, openedAt: readonly number[], stages: readonly Stage[] = STAGES) {
  const filler = await Filler.of({ port: redis.port, prefix, shards: SHARDS, logMax: COUNT });
  const common = { streamOf, nodeOf, openedAt: (number: number) => openedAt[number] as number, leaseMs: LEASE_MS };
  // In two parts, the second of which goes on where the first has ended.
  const half = COUNT / 2;
  await filler.fill({ ...common, from: 0, count: half }, stages);
  await filler.fill({ ...common, from: half, count: COUNT - half }, stages);
  return filler;
}

/** What a key holds; members of sets in order, fields by name. */
async function contentOf(key: string): Promise<unknown> {
  const type = await admin.type(key);
  if (type === 'hash') return admin.hgetall(key);
  if (type === 'zset') return admin.zrange(key, '0', '-1', 'WITHSCORES');
  if (type === 'stream') return admin.xrange(key, '-', '+');
  return admin.get(key);
}

/** All that a deployment's shards have; instead of each epoch, and of what nodes wrote of themselves, one word. */
async function dump(prefix: string): Promise<Record<string, unknown>> {
  const found: Record<string, unknown> = {};
  for (const key of (await admin.keys(`{${prefix}:[0-9]*}:*`)).sort()) {
    const name = key.replace(prefix, 'P');
    const epoch = (await admin.hget(key.replace(/\}:.*$/, '}:shard'), 'epoch')) as string;
    const content = await contentOf(key);
    found[name] = name.endsWith(':shard')
      ? Object.keys(content as object).sort()
      : JSON.parse(JSON.stringify(content).replaceAll(`"${epoch}-`, '"epoch-'));
  }
  return found;
}

/** What reads answer, at one instant of the store as far as they tell of it. */
async function answersOf(store: RedisStore): Promise<unknown> {
  const statuses = await store.reads.status(USERS);
  const snapshots: unknown[] = [];
  for (let next = 0; next < store.snapshots.parts; ) {
    const page = await store.snapshots.page(next);
    next = page.next;
    snapshots.push(page.sessions);
  }
  const tops = (['stream', 'deviceType', 'country', 'state'] as const).map((by) => store.reads.top(by, 100));
  return {
    statuses: statuses.map(({ userId, online, sessions }) => ({ userId, online, sessions })),
    sessions: await store.reads.sessions(USERS),
    total: await store.reads.counts([{ by: 'total' }]),
    tops: await Promise.all(tops),
    snapshots,
    log: (await store.log.read(await store.log.head(), 10_000, 0)).changes,
  };
}

/** Lets every shard have its turn to be counted anew. @returns how much was corrected. */
async function recount(store: RedisStore): Promise<number> {
  let corrected = 0;
  for (let sweep = 0; sweep < 40 * SHARDS; sweep++) {
    corrected += (await store.nodes.sweep()).corrected;
    await sleep(RECOUNT_MS / 4);
  }
  return corrected;
}

test('the filler writes the keys, and leads to the answers, that the verbs do; a recount finds nothing', async () => {
  const [byVerbs, byScript] = [await deployment(), await deployment()];
  const openedAt = await fillByVerbs(byVerbs.store);
  await fillByScript(byScript.prefix, openedAt);
  const keys = await dump(byVerbs.prefix);
  expect(await dump(byScript.prefix)).toEqual(keys);
  expect(Object.keys(keys).length).toBeGreaterThan(USERS.length);
  expect(await answersOf(byScript.store)).toEqual(await answersOf(byVerbs.store));
  await expectCountsToEqualRecount(byScript.store, USERS);
  expect(await recount(byScript.store)).toBe(0);
});

test('a recount finds sessions that the filler has not counted', async () => {
  const { prefix, store } = await deployment();
  await fillByScript(
    prefix,
    NUMBERS.map(() => Date.now()),
    ['sessions', 'log'],
  );
  expect(await recount(store)).toBeGreaterThan(0);
});

test('a sweep finds what the filler has written once it has expired, also when it has looked before', async () => {
  const { prefix, store } = await deployment(LONG_RECOUNT_MS);
  // Nothing was due then.
  await store.nodes.sweep();
  await fillByScript(
    prefix,
    NUMBERS.map(() => Date.now() - LEASE_MS),
  );
  expect((await store.nodes.sweep()).ended).toBe(COUNT);
});

test('a sweep finds what the filler has written of a node that was lost', async () => {
  const { prefix, store } = await deployment(LONG_RECOUNT_MS);
  await fillByScript(
    prefix,
    NUMBERS.map(() => Date.now()),
  );
  await store.nodes.quit('one');
  await store.nodes.sweep();
  const [total] = await store.reads.counts([{ by: 'total' }]);
  expect(total?.sessions).toBe(COUNT / 2);
});

test('the acts of sockets find what the filler has written', async () => {
  const { prefix, store } = await deployment();
  await fillByScript(
    prefix,
    NUMBERS.map(() => Date.now()),
  );
  const requests = NUMBERS.map((number) => {
    const owner = { nodeId: nodeOf(number), connection: number };
    return { ...scaleSession(number, streamOf), owner, leaseMs: LEASE_MS };
  });
  const renewed = await store.sessions.renew(requests);
  expect(renewed.every(({ outcome }) => outcome === 'renewed')).toBe(true);
  for (const request of requests) {
    expect(await store.sessions.close({ ...request, reason: 'left' })).toMatchObject({ outcome: 'closed' });
  }
  const left = await dump(prefix);
  expect(Object.keys(left).filter((key) => /:(n|m:\d+|u:.*)$/.test(key))).toEqual([]);
});

test('users last seen are filed as the verbs file them', async () => {
  const [byVerbs, byScript] = [await deployment(), await deployment()];
  const at = Date.now();
  for (const userId of AWAY_USERS) {
    const ref = { userId, sessionId: 's' };
    await byVerbs.store.sessions.open({
      ...ref,
      attributes: {},
      owner: 'heartbeat',
      leaseMs: LEASE_MS,
      intent: 'fresh',
    });
    await byVerbs.store.sessions.close({ ...ref, reason: 'left' });
  }
  const filler = await Filler.of({ port: redis.port, prefix: byScript.prefix, shards: SHARDS, logMax: COUNT });
  await filler.fillLastSeen(AWAY_USERS, at);
  const seenOf = async (prefix: string): Promise<unknown> => {
    const all = Object.entries(await dump(prefix)).filter(([key]) => key.endsWith(':seen'));
    return all.map(([key, members]) => [key, (members as string[]).filter((_, i) => i % 2 === 0).sort()]);
  };
  expect(await seenOf(byScript.prefix)).toEqual(await seenOf(byVerbs.prefix));
  const found = await byScript.store.reads.status(AWAY_USERS);
  expect(found.map(({ lastSeenAt }) => lastSeenAt)).toEqual(AWAY_USERS.map(() => at));
});
