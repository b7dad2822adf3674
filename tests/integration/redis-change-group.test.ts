/** What befalls a change group in Redis: spoilt entries, a rollback, members that go without a word (P17). */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { ChangeGroup } from '../../presence-core/index.ts';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { defineVerbs, runVerb } from '../../presence-core/redis/verbs.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { beatOf, redisStore } from '../support/redis-stores.ts';
import { until } from '../support/servers.ts';

const ALL = 10_000;
const LOG = '{presence:0}:log';

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function redisAt(args: string[] = []): Promise<{ redis: TestRedis; admin: Redis }> {
  const redis = await startRedis({ args });
  const admin = new Redis(redis.port);
  admin.on('error', () => {});
  ended.push(async () => {
    admin.disconnect();
    await redis.stop();
  });
  return { redis, admin };
}

/** One shard, so that all changes are in one order. */
async function storeOn(redis: TestRedis, warn: (message: string) => void = () => {}): Promise<RedisStore> {
  const store = await redisStore({ url: redis.url, shards: 1, claimMs: 500, warn });
  ended.push(() => store.stop());
  return store;
}

const open = (store: RedisStore, userId: string) => store.sessions.open(beatOf(userId));

/** Entries that were given and not acknowledged. */
async function pendingOf(admin: Redis): Promise<number> {
  return ((await admin.xpending(LOG, 'g')) as [number])[0];
}

function verbs(client: Redis): Redis {
  defineVerbs(client, {
    LOG_MAX: 1,
    TOMB_MS: 1,
    LEFT_TOMB_MS: 1,
    SEEN_TTL_MS: 1,
    SEEN_MAX: 1,
    STALL_GRACE_MS: 1,
    LEASE_MAX_MS: 600_000,
    RECOUNT_MS: 1,
    SHARDS: 1,
    SHORT_MS: 1,
    HOME: '{presence:0}:',
  });
  return client;
}

async function users(member: ChangeGroup): Promise<string[]> {
  const taken = await member.take(ALL, 0);
  await member.acknowledge(taken);
  return taken.changes.map((change) => change.userId);
}

test('[P17] an entry that no verb has written is passed over, told as lost and warned of once', async () => {
  const { redis, admin } = await redisAt();
  const warnings: string[] = [];
  const store = await storeOn(redis, (message) => warnings.push(message));
  const member = store.groups.join('g', 'a');
  const before = await store.log.tail();
  await open(store, 'u');
  const epoch = (await admin.hget('{presence:0}:shard', 'epoch')) as string;
  for (const text of ['', 'nonsense', 'o|u|s|h|x|1|0|0|||||+|', 'q|u|s|h|1|1|0|0|||||+|'])
    await admin.xadd(LOG, `${epoch}-*`, 'c', text);
  await open(store, 'v');
  const taken = await member.take(ALL, 0);
  expect(taken.changes.map((change) => change.userId)).toEqual(['u', 'v']);
  expect(taken.lost).toBe(4);
  await member.acknowledge(taken);
  expect(await pendingOf(admin)).toBe(0);
  expect(warnings.filter((message) => message.includes('no change'))).toHaveLength(1);
  const page = await store.log.read(before, ALL, 0);
  expect(page.changes.map((change) => change.userId)).toEqual(['u', 'v']);
  expect(page.gap).toBe(true);
});

test('[P10] [P17] after Redis came back with an earlier state the group goes on: nothing kept is passed over', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'rollback-'));
  ended.push(() => rm(dir, { recursive: true }));
  const { redis, admin } = await redisAt(['--dir', dir]);
  const store = await storeOn(redis);
  await store.nodes.join('n', 60_000);
  const member = store.groups.join('g', 'a');
  for (const userId of ['a', 'b', 'c', 'd']) await open(store, userId);
  await member.acknowledge(await member.take(2, 0));
  const unacknowledged = await member.take(1, 0);
  expect(unacknowledged.changes.map((change) => change.userId)).toEqual(['c']);
  await admin.save();
  await member.acknowledge(unacknowledged);
  await open(store, 'forgotten');
  const fromBefore = await member.take(ALL, 0);
  expect(fromBefore.changes.map((change) => change.userId)).toEqual(['d', 'forgotten']);
  await redis.kill();
  await redis.restart();
  await until(() =>
    store.nodes.beat('n', 60_000).then(
      () => true,
      () => false,
    ),
  );
  await open(store, 'e');
  // Beside 'd' the first names entries that now are others'.
  expect(await users(member)).toEqual(['d', 'e']);
  await member.acknowledge(fromBefore);
  await open(store, 'f');
  const seen: string[] = [];
  await until(async () => {
    const taken = await member.take(ALL, 0);
    expect(taken.lost).toBe(0);
    await member.acknowledge(taken);
    seen.push(...taken.changes.map((change) => change.userId));
    return seen.includes('c') && seen.includes('f');
  });
  expect(seen.sort()).toEqual(['c', 'f']);
});

test('[P17] members that left, or have not asked for long, leave nothing behind but what others are to take', async () => {
  const { redis, admin } = await redisAt();
  const store = await storeOn(redis);
  const consumers = async (): Promise<string[]> =>
    ((await admin.xinfo('CONSUMERS', LOG, 'g')) as string[][]).map((info) => info[1] as string).sort();
  const join = (member: string): ChangeGroup => store.groups.join('g', member);
  const [busy, gone, idle, last] = [join('busy'), join('gone'), join('idle'), join('last')];
  for (const [i, member] of [gone, idle, busy].entries()) {
    await open(store, `u${i}`);
    const taken = await member.take(ALL, 0);
    expect(taken.changes).toHaveLength(1);
    if (member !== busy) await member.acknowledge(taken);
  }
  expect(await consumers()).toEqual(['busy', 'gone', 'idle']);
  await gone.leave();
  await busy.leave();
  expect(await consumers()).toEqual(['busy', 'idle']);
  await until(async () => (await users(last)).length === 1);
  expect(await pendingOf(admin)).toBe(0);
  // The store asks for those idle for an hour.
  await runVerb(verbs(admin), 'prune', [], ['g', '', '-1', '{presence:0}:']);
  expect(await consumers()).toEqual([]);
});
