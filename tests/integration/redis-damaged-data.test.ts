/** What is half there in Redis, or of a wrong type, fails nobody else, and nothing for ever (P12, P14). */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { OpenRequest } from '../../presence-core/index.ts';
import { BUCKETS, placeOf, shardPrefix } from '../../presence-core/redis/keys.ts';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { expectCountsToEqualRecount } from '../contract/store/recount.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { beginWithoutSeed, redisStore, shardsOf, sweepSlice } from '../support/redis-stores.ts';
import { pagesOf } from '../support/snapshots.ts';

const SHARDS = 2;
const LONG_MS = 60_000;
const USERS = Array.from({ length: 12 }, (_, i) => `u${i}`);
const HURT = 'u5';
const OTHERS = USERS.filter((userId) => userId !== HURT);

let redis: TestRedis;
let admin: Redis;
let store: RedisStore;
let prefix: string;
beforeAll(async () => {
  redis = await startRedis({ shared: true });
  admin = new Redis(redis.port);
});
afterAll(async () => {
  admin.disconnect();
  await redis.stop();
});
beforeEach(async () => {
  prefix = redis.prefix();
  await beginWithoutSeed(redis.url, prefix, SHARDS);
  store = await redisStore({ url: redis.url, prefix, shards: SHARDS });
});
afterEach(() => store.stop());

/** Its one shard is counted anew at each sweep. */
async function counting(): Promise<void> {
  await store.stop();
  prefix = redis.prefix();
  await beginWithoutSeed(redis.url, prefix, 1);
  store = await redisStore({ url: redis.url, prefix, shards: 1, recountMs: 1 });
}
const key = (name: string): string => shardPrefix(prefix, 0) + name;
const bucketOf = (userId: string): string => key(`m:${placeOf(userId, 1, 0).bucket}`);
const closes = async () => {
  const { changes } = await store.log.read(await store.log.head(), 1_000, 0);
  return changes.filter(({ kind }) => kind === 'close');
};

/** As one sweep of a deployment of this size does in one go: a small part of a recount. */
async function countSlice(): Promise<void> {
  await shardsOf(store).run('recount', [], ['20', String(BUCKETS), shardPrefix(prefix, 0)]);
}

const openOf = (userId: string, more: Partial<OpenRequest> = {}): OpenRequest => ({
  userId,
  sessionId: 's',
  attributes: { streamId: 'film' },
  owner: 'heartbeat',
  leaseMs: LONG_MS,
  intent: 'beat',
  ...more,
});
const openAll = () => Promise.all(USERS.map((userId) => store.sessions.open(openOf(userId))));
const owned = (userId: string) => ({ userId, sessionId: 's', owner: 'heartbeat' as const });

const keyOf = (userId: string, kind: 'u' | 'm'): string => {
  const { shard, bucket } = placeOf(userId, SHARDS, 0);
  return `${shardPrefix(prefix, shard)}${kind}:${kind === 'u' ? userId : bucket}`;
};

/** Puts a text where a user's sessions, or their rows, should be. */
async function damage(kind: 'u' | 'm'): Promise<void> {
  await admin.del(keyOf(HURT, kind));
  await admin.set(keyOf(HURT, kind), 'not ours');
}

const inBucketOf = (userId: string) => placeOf(userId, SHARDS, 0).bucket === placeOf(HURT, SHARDS, 0).bucket;

test('the users of these tests lie in buckets of their own', () => {
  expect(OTHERS.filter(inBucketOf)).toEqual([]);
});

test.each(['u', 'm'] as const)('[P14] a key of a wrong type (%s) fails the acts on its user alone', async (kind) => {
  await openAll();
  await damage(kind);
  const opens = await Promise.allSettled(USERS.map((userId) => store.sessions.open(openOf(userId))));
  const answers = opens.map((answer) => (answer.status === 'fulfilled' ? answer.value.outcome : answer.reason.code));
  expect(answers).toEqual(USERS.map((userId) => (userId === HURT ? 'internal' : 'renewed')));

  const renewals = await store.sessions.renew(USERS.map((userId) => ({ ...owned(userId), leaseMs: LONG_MS })));
  expect(renewals.map(({ outcome }) => outcome)).toEqual(
    USERS.map((userId) => (userId === HURT ? 'failed' : 'renewed')),
  );

  const statuses = await store.reads.status(USERS);
  expect(statuses.filter(({ userId, online }) => userId !== HURT && online)).toHaveLength(OTHERS.length);
  const sessions = await store.reads.sessions(USERS);
  expect(sessions.map((user) => user.sessions.length)).toEqual(USERS.map((userId) => (userId === HURT ? 0 : 1)));
  for await (const page of pagesOf(store)) expect(page.next).toBeGreaterThan(page.first);

  const updates = await Promise.allSettled(
    USERS.map((userId) => store.sessions.update({ userId, sessionId: 's', attributes: { streamId: 'news' } })),
  );
  expect(updates.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  const detached = await store.sessions.detach(USERS.map(owned), 1);
  expect(detached.map(({ outcome }) => outcome)).toEqual(
    USERS.map((userId) => (userId === HURT ? 'failed' : 'detached')),
  );
  await expect(store.sessions.kick(HURT)).rejects.toMatchObject({ code: 'internal' });
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await store.nodes.sweep()).toMatchObject({ ended: OTHERS.length });
});

test('[P14] an open that fails on its row has added nothing', async () => {
  await damage('m');
  await expect(store.sessions.open(openOf(HURT))).rejects.toMatchObject({ code: 'internal' });
  expect(await store.reads.status([HURT])).toMatchObject([{ online: false }]);
  expect(await store.reads.counts([{ by: 'total' }])).toEqual([{ users: 0, sessions: 0 }]);
  expect((await store.log.read(await store.log.head(), 100, 0)).changes).toEqual([]);
});

test('[P1] a member without a row fails no read of many users', async () => {
  await openAll();
  await admin.hdel(keyOf(HURT, 'm'), `${HURT} s`);
  const sessions = await store.reads.sessions(USERS);
  expect(sessions.map((user) => user.sessions.length)).toEqual(USERS.map((userId) => (userId === HURT ? 0 : 1)));
});

test.each(['u', 'm'] as const)('[P14] a key of a wrong type (%s) keeps no sweep from the others', async (kind) => {
  const owner = { nodeId: 'n', connection: 1 };
  await store.nodes.join('keeper', LONG_MS);
  await store.nodes.join('n', LONG_MS);
  await Promise.all(USERS.map((userId) => store.sessions.open(openOf(userId, { leaseMs: 20 }))));
  await Promise.all(USERS.map((userId) => store.sessions.open(openOf(userId, { sessionId: 'held', owner }))));
  await store.nodes.quit('n');
  await damage(kind);
  await new Promise((resolve) => setTimeout(resolve, 30));
  await store.nodes.sweep();
  const ends = (await closes())
    .filter(({ userId }) => userId !== HURT)
    .map(({ userId, reason }) => `${userId} ${reason}`);
  expect(ends.sort()).toEqual(OTHERS.flatMap((userId) => [`${userId} node_lost`, `${userId} timeout`]).sort());
});

test('[P12] [P11] a recount ends what is half there with one close each, and corrects the counts', async () => {
  await counting();
  await openAll();
  await store.sessions.open(openOf('u3', { sessionId: 'whole' }));
  await admin.hdel(bucketOf(HURT), `${HURT} s`);
  await admin.hdel(bucketOf('u3'), 'u3 s');
  await admin.zrem(key('u:u6'), 's');
  await admin.set(key('u:u7'), 'not ours');
  await admin.hincrby(key('n'), 's:film', 3_000_000_002);
  await admin.hset(key('n'), 'd:never', 5, 't', -1);
  expect(await store.reads.counts([{ by: 'total' }])).toEqual([{ users: 0, sessions: 0 }]);

  // The total is too low here, so that nobody looks for members without any row.
  const { corrected, mendedUserIds } = await store.nodes.sweep();
  expect(corrected).toBeGreaterThan(4);
  expect([...mendedUserIds].sort()).toEqual(['u3', 'u6', 'u7']);
  const ends = (await closes()).map(({ userId, reason, transition }) => [userId, reason, transition].join(' '));
  expect(ends.sort()).toEqual(['u3 timeout ', 'u6 timeout offline', 'u7 timeout offline']);
  await store.sessions.kick(HURT);
  await store.nodes.sweep();
  await expectCountsToEqualRecount(store, USERS);
  expect(await store.nodes.sweep()).toMatchObject({ corrected: 0, mendedUserIds: [] });
  expect(await closes()).toHaveLength(4);
});

test('[P12] a member of whose user no row is left is ended too, as the total is too high', async () => {
  await counting();
  await openAll();
  for (const userId of [HURT, 'u6']) await admin.del(bucketOf(userId));
  const { corrected, mendedUserIds } = await store.nodes.sweep();
  expect(corrected).toBe(2 + 2);
  expect([...mendedUserIds].sort()).toEqual([HURT, 'u6']);
  expect((await closes()).map(({ userId, transition }) => `${userId} ${transition}`).sort()).toEqual([
    `${HURT} offline`,
    'u6 offline',
  ]);
  expect(await store.reads.status([HURT])).toMatchObject([{ online: false }]);
  await expectCountsToEqualRecount(store, USERS);
  expect(await store.nodes.sweep()).toMatchObject({ corrected: 0 });
});

test('[P12] a recount ends a session whose row cannot be read, as one without a row', async () => {
  await counting();
  await openAll();
  await admin.hset(bucketOf(HURT), `${HURT} s`, 'not ours');
  expect((await store.nodes.sweep()).mendedUserIds).toEqual([HURT]);
  expect((await closes()).map(({ userId, reason, transition }) => [userId, reason, transition].join(' '))).toEqual([
    `${HURT} timeout offline`,
  ]);
  expect(await store.reads.status([HURT])).toMatchObject([{ online: false }]);
  await expectCountsToEqualRecount(store, USERS);
});

test.each([
  ['is lost', undefined],
  ['cannot be read', 'not ours'],
])('[P12] who opens its session again when the row of that %s keeps its start and its slot', async (_, text) => {
  await counting();
  const owner = { nodeId: 'n', connection: 1 };
  const more = { owner, intent: 'fresh', limit: 2, startedAt: 1_000 } as const;
  await store.nodes.join('n', LONG_MS);
  await store.sessions.open(openOf(HURT, more));
  await store.sessions.open(openOf(HURT, { ...more, sessionId: 'other' }));
  await admin.hdel(bucketOf(HURT), `${HURT} s`);
  if (text !== undefined) await admin.hset(bucketOf(HURT), `${HURT} s`, text);
  expect(await store.sessions.renew([{ ...owned(HURT), owner, leaseMs: LONG_MS }])).not.toMatchObject([
    { outcome: 'renewed' },
  ]);

  const again = { limit: 1, intent: 'resume', socketWas: 'held', segment: 3, segmentStartedAt: 2_000 } as const;
  expect(await store.sessions.open(openOf(HURT, { ...more, ...again }))).toMatchObject({
    outcome: 'opened',
    startedAt: 1_000,
    segment: 3,
    segmentStartedAt: 2_000,
    current: 2,
    displaced: [],
  });
  const { changes } = await store.log.read(await store.log.head(), 100, 0);
  expect(changes.map(({ kind, sessionId, transition = '' }) => [kind, sessionId, transition].join(' '))).toEqual([
    'open s online',
    'open other ',
    'close s ',
    'open s ',
  ]);
  await store.nodes.sweep();
  await expectCountsToEqualRecount(store, USERS);
});

test('[P12] a session that is not filed for the sweep is found by the recount', async () => {
  await counting();
  await store.sessions.open(openOf('u1', { leaseMs: 1 }));
  await admin.del(key('due'), key('soon'));
  await new Promise((resolve) => setTimeout(resolve, 5));
  await store.nodes.sweep();
  expect(await store.nodes.sweep()).toMatchObject({ ended: 1 });
});

test.each(['seen', 'lim'])('[P14] a key of a shard of a wrong type (%s) fails no read of many users', async (name) => {
  await openAll();
  await admin.set(`${shardPrefix(prefix, placeOf(HURT, SHARDS, 0).shard)}${name}`, 'not ours');
  const unknown = USERS.map((userId) => `never-${userId}`);
  const statuses = await store.reads.status([...USERS, ...unknown]);
  expect(statuses.map(({ online }) => online)).toEqual([...USERS.map(() => true), ...unknown.map(() => false)]);
  const sessions = await store.reads.sessions([...USERS, ...unknown]);
  expect(sessions.map((user) => user.sessions.length)).toEqual([...USERS.map(() => 1), ...unknown.map(() => 0)]);
});

test.each(['n', 'held', 'due', 'soon', 'seen', 'tomb', 'lim', 'log'])(
  '[P12] a key of a shard of a wrong type (%s) is made anew',
  async (name) => {
    await counting();
    await openAll();
    await store.sessions.kick('u1');
    await admin.del(key(name));
    await admin.set(key(name), 'not ours');
    expect((await store.nodes.sweep()).corrected).toBeGreaterThan(0);
    await store.sessions.kick('u2');
    await expectCountsToEqualRecount(store, USERS);
    expect(await store.nodes.sweep()).toMatchObject({ corrected: 0 });
  },
);

test('[P12] acts between the slices of a recount are counted, in walked buckets as in others', async () => {
  await counting();
  await openAll();
  await admin.hincrby(key('n'), 't', 1_000_000_001);
  await admin.hincrby(key('n'), 's:film', -1_000_000_001);
  const owner = { nodeId: 'n', connection: 1 };
  await store.nodes.join('n', LONG_MS);
  let [slices, step] = [0, 0];
  do {
    await countSlice();
    slices++;
    for (let i = 0; i < 4; i++) {
      const userId = USERS[step % USERS.length] as string;
      const streamId = `film${step % 3}`;
      if (step % 4 === 0) await store.sessions.kick(userId);
      else
        await store.sessions.open(
          openOf(userId, { intent: 'fresh', attributes: { streamId }, sessionId: `s${i}`, owner }),
        );
      if (step % 5 === 0) await store.sessions.update({ userId, sessionId: `s${i}`, attributes: { streamId: 'new' } });
      step++;
    }
  } while (await admin.hexists(key('shard'), 'recount'));
  expect(slices).toBeGreaterThan(10);
  await expectCountsToEqualRecount(store, USERS);
});

test('[P12] what a sweep ends between the slices of a recount is counted, in walked buckets as in others', async () => {
  await counting();
  const owner = { nodeId: 'n', connection: 1 };
  await store.nodes.join('keeper', LONG_MS);
  await store.nodes.join('n', LONG_MS);
  await openAll();
  for (const userId of USERS) {
    await store.sessions.open(openOf(userId, { sessionId: 'ends', leaseMs: 20 }));
    await store.sessions.open(openOf(userId, { sessionId: 'lost', intent: 'fresh', owner, limit: 9 }));
  }
  await admin.hincrby(key('n'), 't', 1_000_000_001);
  const walked = async () => Number(await admin.hget(key('shard'), 'recount'));
  do await countSlice();
  while ((await walked()) < BUCKETS / 2);
  expect(await walked()).toBeLessThan(BUCKETS);
  await store.nodes.quit('n');
  await new Promise((resolve) => setTimeout(resolve, 30));
  await sweepSlice(store, 2_000);
  expect(await closes()).toHaveLength(2 * USERS.length);
  while (await admin.hexists(key('shard'), 'recount')) await countSlice();
  await expectCountsToEqualRecount(store, USERS);
});

test('[P9] [P12] lost sessions end also where counts are of a wrong type, and these are made anew', async () => {
  await counting();
  const owner = { nodeId: 'n', connection: 1 };
  await store.nodes.join('keeper', LONG_MS);
  await store.nodes.join('n', LONG_MS);
  await Promise.all(USERS.map((userId) => store.sessions.open(openOf(userId, { owner, intent: 'fresh' }))));
  await store.sessions.open(openOf('stays'));
  await store.nodes.quit('n');
  await admin.set(key('n'), 'not ours');
  const { ended, corrected } = await store.nodes.sweep();
  expect(ended).toBe(USERS.length);
  expect(corrected).toBeGreaterThan(0);
  await expectCountsToEqualRecount(store, ['stays', ...USERS]);
});

test.each(['shard', 'log'])('[P10] [P12] a shard whose %s is lost has another epoch, and goes on', async (name) => {
  await counting();
  const { epoch } = await store.nodes.join('n', LONG_MS);
  const owner = { nodeId: 'n', connection: 1 };
  await store.sessions.open(openOf('u1', { owner, intent: 'fresh' }));
  const cursor = await store.log.tail();
  await admin.del(key(name));
  await admin.set(key(name), 'not ours');
  await store.nodes.sweep();
  expect((await store.nodes.beat('n', LONG_MS)).epoch).not.toBe(epoch);
  expect(await store.log.read(cursor, 100, 0)).toMatchObject({ gap: true });
  await store.nodes.join('next', LONG_MS);
  const next = { nodeId: 'next', connection: 1 };
  const again = openOf('u1', { owner: next, socketWas: 'held', intent: 'restore' });
  expect(await store.sessions.open(again)).toMatchObject({ outcome: 'renewed' });
  await store.nodes.quit('n');
  expect(await store.nodes.sweep()).toMatchObject({ ended: 0 });
  await expectCountsToEqualRecount(store, USERS);
});

test.each(['shard', 'log'])(
  '[P9] [P14] a key of a shard of a wrong type (%s) keeps no node from joining',
  async (name) => {
    await openAll();
    await admin.del(key('shard'));
    await admin.del(key(name));
    await admin.set(key(name), 'not ours');
    expect(await store.nodes.join('n', LONG_MS)).toMatchObject({ outcome: 'alive' });
  },
);

test('[P14] while the state of the home is of a wrong type each renewal fails by itself; a beat makes it anew', async () => {
  await openAll();
  await admin.set(key('shard'), 'not ours');
  const renewals = await store.sessions.renew(USERS.map((userId) => ({ ...owned(userId), leaseMs: 1_000 })));
  expect(new Set(renewals.map(({ outcome }) => outcome))).toEqual(new Set(['failed']));
  await store.nodes.sweep();
  await store.nodes.join('n', LONG_MS);
  expect((await store.sessions.renew([{ ...owned(HURT), leaseMs: 1_000 }]))[0]).toMatchObject({ outcome: 'renewed' });
});
