/** What is half there in Redis, or of a wrong type, fails nobody else, and nothing for ever (P12, P14). */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { OpenRequest } from '../../presence-core/index.ts';
import { placeOf, shardPrefix } from '../../presence-core/redis/keys.ts';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { redisStore } from '../support/redis-stores.ts';

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
  store = await redisStore({ url: redis.url, prefix, shards: SHARDS });
});
afterEach(() => store.stop());

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
  const { shard, bucket } = placeOf(userId, SHARDS);
  return `${shardPrefix(prefix, shard)}${kind}:${kind === 'u' ? userId : bucket}`;
};

/** Puts a text where a user's sessions, or their rows, should be. */
async function damage(kind: 'u' | 'm'): Promise<void> {
  await admin.del(keyOf(HURT, kind));
  await admin.set(keyOf(HURT, kind), 'not ours');
}

const inBucketOf = (userId: string) => placeOf(userId, SHARDS).bucket === placeOf(HURT, SHARDS).bucket;

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
  for (let part = 0; part < store.snapshots.parts; part++) await store.snapshots.ofPart(part);

  const updates = await Promise.allSettled(
    USERS.map((userId) => store.sessions.update({ userId, sessionId: 's', attributes: { streamId: 'news' } })),
  );
  expect(updates.filter(({ status }) => status === 'rejected')).toHaveLength(1);
  const detached = await store.sessions.detach(USERS.map(owned), 1);
  expect(detached.map(({ outcome }) => outcome)).toEqual(
    USERS.map((userId) => (userId === HURT ? 'failed' : 'detached')),
  );
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await store.nodes.sweep()).toMatchObject({ ended: OTHERS.length });
  const kicks = await Promise.allSettled(USERS.map((userId) => store.sessions.kick(userId)));
  expect(kicks.filter(({ status }) => status === 'rejected')).toHaveLength(1);
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
  const { changes } = await store.log.read(await store.log.head(), 1_000, 0);
  const closes = changes.filter(({ kind }) => kind === 'close').map(({ userId, reason }) => `${userId} ${reason}`);
  expect(closes.sort()).toEqual(OTHERS.flatMap((userId) => [`${userId} node_lost`, `${userId} timeout`]).sort());
});
