/** The library of Redis functions: given to who has not got it, shared by deployments, and nothing stays from call to call. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { connectRedis, ready } from '../../presence-core/redis/connection.ts';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { defineVerbs, runVerb } from '../../presence-core/redis/verbs.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { beatOf, redisStore } from '../support/redis-stores.ts';

let redis: TestRedis;
let admin: Redis;
const stores: RedisStore[] = [];

beforeAll(async () => {
  redis = await startRedis();
  admin = new Redis(redis.port);
});

afterAll(async () => {
  for (const store of stores) await store.stop();
  admin.disconnect();
  await redis.stop();
});

async function started(options: Parameters<typeof redisStore>[0]): Promise<RedisStore> {
  const store = await redisStore(options);
  stores.push(store);
  return store;
}

async function librariesOf(server: Redis): Promise<string[]> {
  const list = (await server.call('FUNCTION', 'LIST')) as [string, string][];
  return list.map(([, name]) => name);
}

/** How often a server took a command so far. */
async function callsOf(server: Redis, command: string): Promise<number> {
  return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await server.info('commandstats'))?.[1] ?? 0);
}

test('a server that lost it is given it once, and each of many calls is carried out once', async () => {
  const store = await started({ url: redis.url, prefix: redis.prefix() });
  await store.sessions.open(beatOf('first'));
  const [name] = await librariesOf(admin);
  await admin.call('FUNCTION', 'FLUSH');
  await admin.config('RESETSTAT');
  const users = Array.from({ length: 1_000 }, (_, i) => `u${i}`);
  const results = await Promise.all(users.map((userId) => store.sessions.open(beatOf(userId))));
  expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['opened']));
  expect(await librariesOf(admin)).toEqual([name]);
  expect(await callsOf(admin, 'function\\|load')).toBe(1);
  expect((await store.reads.counts([{ by: 'total' }]))[0]).toEqual({ sessions: 1_001, users: 1_001 });
});

test('two processes give it at once', async () => {
  const prefix = redis.prefix();
  const [one, other] = [await started({ url: redis.url, prefix }), await started({ url: redis.url, prefix })];
  await admin.call('FUNCTION', 'FLUSH');
  const results = await Promise.all([one.sessions.open(beatOf('a')), other.sessions.open(beatOf('b'))]);
  expect(results).toMatchObject([{ outcome: 'opened' }, { outcome: 'opened' }]);
});

test('what deployments have fixed differently is each call’s own, also after many others', async () => {
  const short = await started({ url: redis.url, prefix: redis.prefix(), tombstoneMs: 1, seenMax: 1, shards: 1 });
  const long = await started({ url: redis.url, prefix: redis.prefix(), tombstoneMs: 60_000, seenMax: 100, shards: 2 });
  const cycle = async (store: RedisStore, userId: string): Promise<string> => {
    await store.sessions.open(beatOf(userId));
    await store.sessions.kick(userId);
    await new Promise((resolve) => setTimeout(resolve, 5));
    return (await store.sessions.open({ ...beatOf(userId), intent: 'resume' })).outcome;
  };
  const client = connectRedis(redis.url, false);
  await ready(client, 5_000);
  for (let round = 0; round < 3; round++) {
    expect(await cycle(short, `u${round}`)).toBe('opened');
    expect(await cycle(long, `u${round}`)).toBe('ended');
    // More than the library remembers.
    for (let i = 0; i < 110; i++) {
      defineVerbs(client, {
        HOME: undefined,
        SHORT_MS: 1,
        LOG_MAX: 1,
        TOMB_MS: 2,
        LEFT_TOMB_MS: 1,
        SEEN_TTL_MS: 1,
        SEEN_MAX: i,
        STALL_GRACE_MS: 1,
        LEASE_MAX_MS: 1,
        RECOUNT_MS: 1,
        SHARDS: 1,
      });
      expect(await runVerb(client, 'counts', [], ['{nobody:0}:', 't'])).toEqual(['0']);
    }
  }
  client.disconnect();
  expect(await librariesOf(admin)).toHaveLength(1);
});

test('a call that failed half way leaves the next one nothing of its own', async () => {
  const prefix = redis.prefix();
  const store = await started({ url: redis.url, prefix, shards: 1 });
  await store.sessions.open(beatOf('whole'));
  await admin.set(`{${prefix}:0}:u:broken`, 'not ours');
  for (let i = 0; i < 3; i++) {
    await expect(store.sessions.open(beatOf('broken'))).rejects.toMatchObject({ code: 'internal' });
    expect((await store.sessions.open({ ...beatOf('whole'), intent: 'beat' })).outcome).toBe('renewed');
  }
});

const OWNED = { userId: 'held', sessionId: 's', owner: { nodeId: 'n', connection: 1 } } as const;

/** What a full Redis, or one that may not be written to, must still take. */
const FREEING: readonly [what: string, act: (store: RedisStore) => Promise<unknown>][] = [
  ['renew', (store) => store.sessions.renew([{ ...OWNED, leaseMs: 60_000 }])],
  ['beat', (store) => store.nodes.beat('n', 60_000)],
  ['sweep', (store) => store.nodes.sweep()],
  ['status', (store) => store.reads.status(['held'])],
  ['close', (store) => store.sessions.close({ ...OWNED, reason: 'left' })],
];

test('a full Redis that lost it is called by scripts, which it takes, and that is told once', async () => {
  const told: string[] = [];
  const store = await started({ url: redis.url, prefix: redis.prefix(), warn: (message) => told.push(message) });
  await store.nodes.join('n', 60_000);
  await store.sessions.open({ ...beatOf('held'), ...OWNED });
  await admin.call('FUNCTION', 'FLUSH');
  await admin.config('SET', 'maxmemory', '1mb');
  try {
    await expect(store.sessions.open(beatOf('u'))).rejects.toMatchObject({ code: 'store_unavailable' });
    for (const [what, act] of FREEING) expect([what, await act(store)]).toEqual([what, expect.anything()]);
    expect(await librariesOf(admin)).toEqual([]);
  } finally {
    await admin.config('SET', 'maxmemory', '0');
  }
  // One of each connection with calls: sessions, and nodes.
  expect(told.filter((message) => message.includes('functions'))).toHaveLength(2);
  expect((await store.sessions.open(beatOf('u'))).outcome).toBe('opened');
});

test('one without the replicas that it needs answers reads', async () => {
  const store = await started({ url: redis.url, prefix: redis.prefix() });
  await store.sessions.open(beatOf('u'));
  await admin.call('FUNCTION', 'FLUSH');
  await admin.config('SET', 'min-replicas-to-write', '1');
  try {
    expect(await store.reads.status(['u'])).toMatchObject([{ online: true }]);
  } finally {
    await admin.config('SET', 'min-replicas-to-write', '0');
  }
});

test('a user who may not give it calls by scripts, also after these were lost', async () => {
  await admin.call('ACL', 'SETUSER', 'caller', 'on', '>secret', '~*', '+@all', '-function');
  await admin.call('FUNCTION', 'FLUSH');
  const told: string[] = [];
  const url = `redis://caller:secret@127.0.0.1:${redis.port}`;
  const warn = (message: string, details = {}): void => void told.push(`${message} ${JSON.stringify(details)}`);
  const store = await started({ url, prefix: redis.prefix(), warn });
  expect((await store.sessions.open(beatOf('a'))).outcome).toBe('opened');
  await admin.script('FLUSH');
  expect((await store.sessions.open(beatOf('b'))).outcome).toBe('opened');
  expect(told.filter((text) => text.includes('functions'))).toEqual([expect.stringContaining('NOPERM')]);
});

test('acts of one session keep their order while it is lost again and again', async () => {
  const store = await started({ url: redis.url, prefix: redis.prefix() });
  await store.nodes.join('n', 60_000);
  const outcomes: string[] = [];
  for (let i = 0; i < 60; i++) {
    const owned = { userId: `u${i}`, sessionId: 's', owner: { nodeId: 'n', connection: i } };
    await admin.call('FUNCTION', 'FLUSH');
    const open = store.sessions.open({ ...beatOf(owned.userId), ...owned });
    await new Promise((resolve) => setTimeout(resolve, i % 3));
    const [[detached], { outcome }] = await Promise.all([store.sessions.detach([owned], 60_000), open]);
    outcomes.push(`${outcome} ${detached?.outcome}`);
  }
  expect(new Set(outcomes)).toEqual(new Set(['opened detached']));
});
