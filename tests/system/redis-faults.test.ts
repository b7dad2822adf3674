/** The Redis store when Redis is absent, frozen, emptied, full or another process (P2, P9, P10, P14). */

import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { StoreError } from '../../presence-core/errors.ts';
import type { OpenRequest } from '../../presence-core/index.ts';
import { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { freePort, startRedis, type TestRedis } from '../support/redis-server.ts';
import { redisStore, shardOf } from '../support/redis-stores.ts';
import { eventually } from '../support/servers.ts';

const LONG_MS = 60_000;
const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function server(args: string[] = []): Promise<TestRedis> {
  const redis = await startRedis({ args });
  ended.push(() => redis.stop());
  return redis;
}

async function connected(redis: TestRedis, more = {}): Promise<RedisStore> {
  const store = await redisStore({ url: redis.url, ...more });
  ended.push(() => store.stop());
  return store;
}

const beatOf = (userId: string, sessionId: string, more: Partial<OpenRequest> = {}): OpenRequest => ({
  userId,
  sessionId,
  attributes: { streamId: 'film' },
  owner: 'heartbeat',
  leaseMs: LONG_MS,
  intent: 'beat',
  ...more,
});

test('[P10] without Redis start rejects with the reason, and succeeds once Redis is there', async () => {
  const port = await freePort();
  const store = new RedisStore({ url: `redis://127.0.0.1:${port}`, shards: 8 });
  ended.push(() => store.stop());
  await expect(store.start()).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
  await expect(store.start()).rejects.toThrow(`Redis does not answer: connection refused (127.0.0.1:${port})`);
  const redis = await startRedis({ port });
  ended.push(() => redis.stop());
  await eventually(() => store.start());
  expect(await store.sessions.open(beatOf('u', 's'))).toMatchObject({ outcome: 'opened' });
});

test('[P14] a frozen Redis fails every call instead of queueing it, and none of them is half done', async () => {
  const redis = await server();
  const store = await connected(redis);
  await store.sessions.open(beatOf('u', 'before'));
  redis.process?.kill('SIGSTOP');
  try {
    const calls = [
      store.sessions.open(beatOf('u', 'during')),
      store.sessions.renew([{ userId: 'u', sessionId: 'before', owner: 'heartbeat', leaseMs: LONG_MS }]),
      store.reads.status(['u']),
      store.reads.sessions(['u']),
      store.reads.counts([{ by: 'total' }]),
      store.sessions.close({ userId: 'u', sessionId: 'before', reason: 'left' }),
      store.ping(),
    ];
    for (const result of await Promise.allSettled(calls)) {
      expect(result.status).toBe('rejected');
      const { reason } = result as PromiseRejectedResult;
      expect(reason).toBeInstanceOf(StoreError);
      expect(reason).toMatchObject({ code: 'store_unavailable' });
    }
  } finally {
    redis.process?.kill('SIGCONT');
  }
  await eventually(() => store.ping());
  const changes = (await store.log.read(await store.log.head(), 100, 0)).changes;
  const [count] = await store.reads.counts([{ by: 'total' }]);
  const live = changes.filter((c) => c.kind === 'open').length - changes.filter((c) => c.kind === 'close').length;
  expect(count?.sessions).toBe(live);
});

test('[P14] reads that take no more leave room for opens and for closes', async () => {
  const redis = await server();
  const store = await connected(redis);
  await store.sessions.open(beatOf('u', 'before'));
  const some = Array.from({ length: 10_000 }, (_, i) => `u${i}`);
  redis.process?.kill('SIGSTOP');
  const reads = Array.from({ length: 5 }, () => store.reads.status(some));
  await expect(store.reads.status(['u'])).rejects.toMatchObject({ code: 'overloaded', retryable: true });
  const open = store.sessions.open(beatOf('u', 'now'));
  const close = store.sessions.close({ userId: 'u', sessionId: 'before', reason: 'left' });
  redis.process?.kill('SIGCONT');
  expect([(await open).outcome, (await close).outcome]).toEqual(['opened', 'closed']);
  expect((await Promise.all(reads)).flat()).toHaveLength(50_000);
});

test('[P10] when Redis comes back empty the epoch is new, the node is fenced, and restore keeps startedAt', async () => {
  const redis = await server();
  const store = await connected(redis, { defaultLimit: 1 });
  const { epoch } = await store.nodes.join('node', LONG_MS);
  const owner = { nodeId: 'node', connection: 1 };
  const first = await store.sessions.open(beatOf('u', 's', { owner, intent: 'fresh' }));
  const cursor = await store.log.tail();
  const secret = store.secret();
  await redis.kill();
  await redis.restart();
  const beat = await eventually(() => store.nodes.beat('node', LONG_MS));
  expect(beat.outcome).toBe('fenced');
  expect(beat.epoch).not.toBe(epoch);
  await store.nodes.join('node2', LONG_MS);
  expect(await store.sessions.open(beatOf('u', 'other', { intent: 'fresh' }))).toMatchObject({ outcome: 'opened' });
  const startedAt = first.outcome === 'opened' ? first.startedAt : 0;
  const again = { nodeId: 'node2', connection: 1 };
  expect(await store.sessions.open(beatOf('u', 's', { owner: again, intent: 'restore', startedAt }))).toMatchObject({
    outcome: 'opened',
    current: 2,
    max: 1,
    startedAt,
  });
  expect(await store.log.read(cursor, 100, 0)).toMatchObject({ gap: true });
  const another = await connected(redis);
  expect(another.secret()).toBe(secret);
});

test('[P10] [P14] each call that finds nothing as Redis was emptied fails as in an outage, and the process is told', async () => {
  const redis = await server();
  const prefix = redis.prefix();
  let told = 0;
  const mayHaveForgotten = (): void => {
    told += 1;
  };
  const store = await connected(redis, { prefix, mayHaveForgotten });
  await store.nodes.join('node', LONG_MS);
  const client = new Redis(redis.port);
  ended.push(async () => client.disconnect());
  await client.flushall();
  const calls = [
    () => store.sessions.open(beatOf('u', 's')),
    () => store.sessions.open(beatOf('u', 's', { intent: 'fresh' })),
    () => store.reads.status(['u']),
    () => store.reads.sessions(['u']),
    () => store.reads.counts([{ by: 'total' }]),
    () => store.snapshots.page(0),
    () => store.snapshots.page(0, 'stream'),
    () => store.snapshots.page(1, 'stream'),
    () => store.snapshots.ofUser('u'),
  ];
  for (const [i, call] of calls.entries()) {
    await expect(call()).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
    expect(told).toBeGreaterThan(i);
  }
});

test('[P11] [P10] an epoch that lies before the former one is a gap as well, as when the clock of the next Redis is behind', async () => {
  const redis = await server();
  const prefix = redis.prefix();
  const store = await connected(redis, { prefix, shards: 1 });
  await store.nodes.join('node', LONG_MS);
  await store.sessions.open(beatOf('u', 's'));
  const cursor = await store.log.tail();
  const client = new Redis(redis.port);
  ended.push(async () => client.disconnect());
  await client.flushall();
  const former = Date.now() - 3_600_000;
  await client.hset(`{${prefix}:0}:shard`, 'epoch', former);
  await store.nodes.join('next', LONG_MS);
  expect(await store.log.read(cursor, 100, 0)).toMatchObject({ changes: [], gap: true });
  const tail = await store.log.tail();
  await store.sessions.open(beatOf('v', 's'));
  const page = await store.log.read(tail, 100, 0);
  expect(page).toMatchObject({ changes: [{ userId: 'v' }], gap: false });
  expect(await store.log.upholds(cursor)).toBe(false);
  // Another node makes an epoch that this one has not heard of by a beat: one gap, and then none.
  const other = await connected(redis, { prefix, shards: 1 });
  await client.hset(`{${prefix}:0}:shard`, 'run', 'another-master');
  await other.nodes.join('other', LONG_MS);
  const passing = await store.log.read(page.cursor, 100, 0);
  expect(passing.gap).toBe(true);
  expect(await store.log.read(passing.cursor, 100, 0)).toMatchObject({ gap: false });
  expect(await store.log.read(await store.log.tail(), 100, 0)).toMatchObject({ gap: false });
});

test('[P10] another master run id gives a new epoch although the data is there', async () => {
  const redis = await server(['--appendonly', 'yes', '--appendfsync', 'always', '--dir', await scratch()]);
  const store = await connected(redis);
  const { epoch } = await store.nodes.join('node', LONG_MS);
  await store.sessions.open(beatOf('u', 's'));
  const cursor = await store.log.tail();
  await redis.kill();
  await redis.restart();
  const beat = await eventually(() => store.nodes.beat('node', LONG_MS));
  expect(beat.outcome).toBe('alive');
  expect(beat.epoch).not.toBe(epoch);
  expect((await store.reads.sessions(['u']))[0]?.sessions).toHaveLength(1);
  expect(await store.log.read(cursor, 100, 0)).toMatchObject({ gap: true });
});

test('[P10] the store does not stand by what Redis lost, even when other changes took its place', async () => {
  const redis = await server(['--dir', await scratch()]);
  const store = await connected(redis, { shards: 1 });
  await store.nodes.join('node', LONG_MS);
  await store.sessions.open(beatOf('u', 'kept'));
  const admin = new Redis(redis.port);
  await admin.save();
  admin.disconnect();
  await store.sessions.open(beatOf('u', 'lost'));
  const cursor = await store.log.tail();
  expect(await store.log.upholds(cursor)).toBe(true);
  await redis.kill();
  await redis.restart();
  await eventually(() => store.ping());
  expect(await eventually(() => store.log.upholds(cursor))).toBe(false);
  for (const userId of ['v', 'w']) await store.sessions.open(beatOf(userId, 's'));
  // As many entries as were read, and a reader would take what follows for news.
  expect(await store.log.read(cursor, 100, 0)).toMatchObject({ changes: [{ userId: 'w' }], gap: false });
  expect(await store.log.upholds(cursor)).toBe(false);
  expect(await store.log.upholds(await store.log.tail())).toBe(false);
  await store.nodes.beat('node', LONG_MS);
  expect(await store.log.read(cursor, 100, 0)).toMatchObject({ gap: true });
  expect(await store.log.upholds(await store.log.tail())).toBe(true);
  const flusher = new Redis(redis.port);
  await flusher.flushall();
  flusher.disconnect();
  expect(await store.log.upholds(cursor)).toBe(false);
});

test('[P10] on a Cluster too, one master that restarted gives a new epoch', async () => {
  const cluster = await startCluster(['--appendonly', 'yes', '--appendfsync', 'always', '--dir', await scratch()]);
  ended.push(() => cluster.stop());
  const store = await redisStore({ url: cluster.url, prefix: cluster.prefix() });
  ended.push(() => store.stop());
  const { epoch } = await store.nodes.join('node', LONG_MS);
  for (let i = 0; i < 20; i++) await store.sessions.open(beatOf(`u${i}`, 's'));
  expect((await store.nodes.beat('node', LONG_MS)).epoch).toBe(epoch);
  await cluster.masters[1]?.kill();
  await expect(store.nodes.beat('node', LONG_MS)).rejects.toMatchObject({ code: 'store_unavailable' });
  await cluster.masters[1]?.restart();
  const beat = await eventually(() => store.nodes.beat('node', LONG_MS));
  expect(beat.outcome).toBe('alive');
  expect(beat.epoch).not.toBe(epoch);
  const users = Array.from({ length: 20 }, (_, i) => `u${i}`);
  expect((await store.reads.status(users)).every((user) => user.online)).toBe(true);
});

test('[P9] out of memory, opens are refused as a whole while heartbeats, renew, detach, close, beat and sweep go on', async () => {
  const redis = await server();
  const store = await connected(redis);
  await store.nodes.join('node', LONG_MS);
  const owner = { nodeId: 'node', connection: 1 };
  for (const id of ['a', 'b', 'c']) await store.sessions.open(beatOf(id, 's', { owner, intent: 'fresh' }));
  const known = Array.from({ length: 31 }, (_, i) => beatOf(`known${i}`, 's'));
  for (const request of known) await store.sessions.open(request);
  await store.sessions.open(beatOf('known0', 'expired', { leaseMs: 1 }));
  const admin = new Redis(redis.port);
  await admin.config('SET', 'maxmemory', '1');
  // Heartbeats of known sessions are renewals: one that is new in their midst is refused alone.
  const beats = [...known.slice(0, 16), beatOf('d', 's'), ...known.slice(16)].map((one) => store.sessions.open(one));
  const answers = await Promise.allSettled(beats);
  expect(answers.filter(({ status }) => status === 'rejected')).toMatchObject([
    { reason: { code: 'store_unavailable', message: expect.stringMatching(/out of memory/) } },
  ]);
  expect(answers[16]?.status).toBe('rejected');
  expect(answers[0]).toMatchObject({ value: { outcome: 'renewed', current: 1 } });
  expect(await store.sessions.renew([{ userId: 'a', sessionId: 's', owner, leaseMs: 2 * LONG_MS }])).toMatchObject([
    { outcome: 'renewed' },
  ]);
  expect(await store.sessions.detach([{ userId: 'a', sessionId: 's', owner }], 1)).toMatchObject([
    { outcome: 'detached' },
  ]);
  expect(await store.sessions.close({ userId: 'b', sessionId: 's', owner, reason: 'left' })).toMatchObject({
    outcome: 'closed',
  });
  expect(await store.nodes.beat('node', LONG_MS)).toMatchObject({ outcome: 'alive' });
  await sleep(5);
  expect(await store.nodes.sweep()).toMatchObject({ ended: 1 });
  await admin.config('SET', 'maxmemory', '0');
  admin.disconnect();
  expect(await store.reads.status(['a', 'b', 'c', 'd'])).toMatchObject([
    { online: false },
    { online: false },
    { online: true },
    { online: false },
  ]);
});

test('[P9] a shard frozen for longer than the leases ends nobody who was live before', async () => {
  const redis = await server();
  const store = await connected(redis, { stallGraceMs: LONG_MS });
  await store.nodes.join('node', 600);
  await store.sessions.open(beatOf('u', 'socket', { owner: { nodeId: 'node', connection: 1 }, intent: 'fresh' }));
  await store.sessions.open(beatOf('v', 'beat', { leaseMs: 600 }));
  redis.process?.kill('SIGSTOP');
  await sleep(900);
  redis.process?.kill('SIGCONT');
  await eventually(() => store.ping());
  expect(await store.nodes.sweep()).toMatchObject({ ended: 0 });
  expect(await eventually(() => store.nodes.beat('node', 600))).toMatchObject({ outcome: 'alive' });
  expect(await store.reads.status(['u', 'v'])).toMatchObject([{ online: true }, { online: true }]);
  const { changes } = await store.log.read(await store.log.head(), 100, 0);
  expect(changes.map((c) => c.kind)).toEqual(['open', 'open']);

  // What is set after the silence ends when it says: a resume grace, and the lease of a node that dies now.
  await store.nodes.join('late', 100);
  await store.nodes.beat('node', 600);
  await store.sessions.open(beatOf('w', 's', { owner: { nodeId: 'late', connection: 1 }, intent: 'fresh' }));
  await store.sessions.detach([{ userId: 'u', sessionId: 'socket', owner: { nodeId: 'node', connection: 1 } }], 50);
  await sleep(200);
  await store.nodes.beat('node', 600);
  expect(await store.nodes.sweep()).toMatchObject({ ended: 2 });
  const closes = (await store.log.read(await store.log.head(), 100, 0)).changes.filter((c) => c.kind === 'close');
  expect(closes.map((c) => `${c.userId} ${c.reason}`).sort()).toEqual(['u timeout', 'w node_lost']);
});

test('[P9] a node that is revived while its sessions are walked is not deleted, and keeps what is left', async () => {
  const redis = await server();
  const prefix = redis.prefix();
  const store = await connected(redis, { prefix, shards: 1, stallGraceMs: LONG_MS });
  const other = await connected(redis, { prefix, shards: 1, stallGraceMs: LONG_MS });
  const nodeLeaseMs = 300;
  await store.nodes.join('back', nodeLeaseMs);
  const owner = { nodeId: 'back', connection: 1 };
  await store.sessions.open(beatOf('u', 's', { owner, intent: 'fresh' }));
  await sleep(2 * nodeLeaseMs);
  await other.nodes.join('new', LONG_MS);
  // As a sweep through `other` leaves it that has used its budget up before it came to the user's bucket.
  const client = new Redis(redis.port);
  ended.push(async () => client.disconnect());
  const lease = Math.ceil(Number(await client.hget(`{${prefix}:0}:shard`, 'n:back')));
  await client.hset(`{${prefix}:0}:shard`, 'lost', `0|0|back=${lease}`);
  expect(await store.nodes.beat('back', LONG_MS)).toMatchObject({ outcome: 'alive' });
  expect(await other.nodes.sweep()).toMatchObject({ ended: 0 });
  expect(await store.nodes.beat('back', LONG_MS)).toMatchObject({ outcome: 'alive' });
  expect(await store.reads.status(['u'])).toMatchObject([{ online: true }]);
  expect(await client.hexists(`{${prefix}:0}:shard`, 'lost')).toBe(0);
});

test('[P2] [P15] online users were last seen at the instant of the store’s clock', async () => {
  const redis = await server();
  const store = await connected(redis);
  await store.sessions.open(beatOf('u', 's'));
  const before = Date.now();
  const clock = jest.spyOn(Date, 'now').mockReturnValue(5);
  const [status] = await store.reads.status(['u']).finally(() => clock.mockRestore());
  expect(status).toMatchObject({ online: true, sessions: 1 });
  expect(status?.lastSeenAt).toBeGreaterThanOrEqual(before);
});

test('[P2] another number of shards is refused', async () => {
  const redis = await server();
  await connected(redis, { shards: 8 });
  const store = new RedisStore({ url: redis.url, shards: 16 });
  ended.push(() => store.stop());
  await expect(store.start()).rejects.toMatchObject({ code: 'store_misconfigured' });
});

async function scratch(): Promise<string> {
  const { mkdtemp, rm } = await import('node:fs/promises');
  const dir = await mkdtemp('/tmp/presence-redis-');
  ended.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

test('[P1] a clock that stepped back stops no sweep', async () => {
  const redis = await server();
  const prefix = redis.prefix();
  const store = await connected(redis, { prefix, shards: 1, sweepGapMs: 500 });
  await store.sessions.open(beatOf('u', 's', { leaseMs: 20 }));
  const client = new Redis(redis.port);
  ended.push(async () => client.disconnect());
  await client.hset(`{${prefix}:0}:shard`, 'sweepAt', `${Date.now() + 3_600_000}|0`);
  await sleep(50);
  expect(await store.nodes.sweep()).toMatchObject({ ended: 1 });
});

test('[P9] a shard that cannot be swept does not keep the others from it', async () => {
  const redis = await server();
  const prefix = redis.prefix();
  const shards = 64;
  const warnings: string[] = [];
  const store = await connected(redis, { prefix, shards, warn: (message: string) => warnings.push(message) });
  // So many that each shard has some, whatever the seed.
  const users = Array.from({ length: 16 * shards }, (_, i) => `u${i}`);
  await Promise.all(users.map((userId) => store.sessions.open(beatOf(userId, 's', { leaseMs: 20 }))));
  const client = new Redis(redis.port);
  ended.push(async () => client.disconnect());
  await client.set(`{${prefix}:0}:soon`, 'not a list of sessions');
  await sleep(50);
  expect(await store.nodes.sweep()).toMatchObject({
    ended: users.filter((userId) => shardOf(store, shards, userId) !== 0).length,
  });
  const left = await Promise.all(
    Array.from({ length: shards }, (_, i) => i).map((shard) => client.hget(`{${prefix}:${shard}}:n`, 't')),
  );
  expect(left.slice(1)).toEqual(Array(shards - 1).fill(null));
  expect(warnings).toContain('a Redis command failed, by a fault of this program or of the data');
});

test.each([500, 120_000])(
  '[P2] leases that were set before the clock stepped back do not wait for it to catch up, with short ones up to %d ms',
  async (shortLeaseMs) => {
    const redis = await server();
    const prefix = redis.prefix();
    const [LEASE_MS, STEP_MS] = [1_500, 3_600_000];
    const store = await connected(redis, {
      prefix,
      shards: 1,
      leaseMaxMs: LEASE_MS,
      stallGraceMs: 1_000,
      shortLeaseMs,
    });
    for (const nodeId of ['dead', 'alive']) await store.nodes.join(nodeId, LEASE_MS);
    const lease = { leaseMs: LEASE_MS, intent: 'fresh' } as const;
    const aliveOwner = { nodeId: 'alive', connection: 1 };
    await store.sessions.open(beatOf('u', 'of-dead', { owner: { nodeId: 'dead', connection: 1 }, ...lease }));
    await store.sessions.open(beatOf('u', 'of-alive', { owner: aliveOwner, ...lease }));
    await store.sessions.open(beatOf('u', 'abandoned', lease));
    await store.nodes.sweep();
    // The instants in Redis are put ahead, as the step puts them ahead of the clock.
    const client = new Redis(redis.port);
    ended.push(async () => client.disconnect());
    const K = `{${prefix}:0}:`;
    const state = await client.hgetall(`${K}shard`);
    for (const field of ['n:dead', 'n:alive', 'beatAt', 'sweepAt']) {
      const [, at, rest] = /^([\d.]+)(.*)$/.exec(state[field] as string) as unknown as [string, string, string];
      await client.hset(`${K}shard`, field, Number(at) + STEP_MS + rest);
    }
    for (const key of [`${K}u:u`, `${K}due`, `${K}soon`, `${K}sweep`]) {
      for (const member of await client.zrange(key, '0', '-1')) await client.zincrby(key, STEP_MS, member);
    }
    const ends: string[] = [];
    for (const until = Date.now() + 3 * LEASE_MS; Date.now() < until; await sleep(100)) {
      await store.nodes.beat('alive', LEASE_MS);
      await store.nodes.sweep();
      const request = { userId: 'u', sessionId: 'of-alive', owner: aliveOwner, leaseMs: LEASE_MS };
      expect(await store.sessions.renew([request])).toMatchObject([{ outcome: 'renewed' }]);
    }
    const { changes } = await store.log.read(await store.log.head(), 100, 0);
    for (const { kind, sessionId, reason } of changes) if (kind === 'close') ends.push(`${sessionId} ${reason}`);
    // A node lease and a session lease that end together: either may be the reason.
    expect(ends.map((end) => end.split(' ')[0]).sort()).toEqual(['abandoned', 'of-dead']);
    expect((await store.reads.sessions(['u']))[0]?.sessions).toMatchObject([{ sessionId: 'of-alive' }]);
  },
);

describe('[P16] a connection that breaks before the answer: what Redis was sent runs once', () => {
  /** Events are on their way to a Redis that stands still when every connection to it breaks; then it goes on. */
  async function countedTimes(store: RedisStore, masters: readonly TestRedis[]): Promise<number> {
    const at = Date.now();
    for (let i = 0; i < 20; i += 1) await store.analytics.count({ userId: `u${i}`, kind: 'impression', at: at + i });
    for (const { process } of masters) process?.kill('SIGSTOP');
    const events = Array.from({ length: 10 }, (_, i) =>
      store.analytics.count({ userId: `u${i}`, kind: 'click', at: at + i }),
    );
    const outcomes = Promise.allSettled(events);
    await sleep(100);
    const { client } = store as unknown as { client: Redis | Cluster };
    const connections = client instanceof Cluster ? client.nodes('master') : [client];
    for (const { stream } of connections) (stream as Socket).destroy();
    await sleep(50);
    for (const { process } of masters) process?.kill('SIGCONT');
    expect((await outcomes).every(({ status }) => status === 'rejected')).toBe(true);
    // Whatever would be sent again is sent as soon as there is a connection.
    await eventually(() => store.ping());
    await sleep(500);
    const hour = await eventually(() => store.analytics.hour(at));
    return hour?.clicks ?? 0;
  }

  test('on one Redis', async () => {
    const redis = await server();
    expect(await countedTimes(await connected(redis), [redis])).toBeLessThanOrEqual(10);
  });

  test('on a Cluster', async () => {
    const cluster = await startCluster();
    ended.push(() => cluster.stop());
    const store = await redisStore({ url: cluster.url, prefix: cluster.prefix() });
    ended.push(() => store.stop());
    expect(await countedTimes(store, cluster.masters)).toBeLessThanOrEqual(10);
  });
});
