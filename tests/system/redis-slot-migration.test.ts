/** The Redis store on a Cluster while the keys of a slot are moved to another master (P1, P12, P14). */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Command, Redis } from 'ioredis';
import { isRetryable, retrying } from '../../presence-core/index.ts';
import { BUCKETS, placeOf, shardKeys, shardPrefix } from '../../presence-core/redis/keys.ts';
import { startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { beginWithoutSeed, redisStore, shardsOf } from '../support/redis-stores.ts';

const SLOTS = 16_384;
const USERS = Array.from({ length: 12 }, (_, i) => `u${i}`);

let cluster: TestCluster;
let masters: Redis[];
const ended: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  cluster = await startCluster();
  masters = cluster.masters.map(({ port }) => new Redis(port));
});
afterAll(async () => {
  for (const end of ended) await end();
  for (const master of masters) master.disconnect();
  await cluster.stop();
});

/** A slot, the master that has it, and the next one. */
async function slotOfShard(K: string): Promise<{ slot: string; source: Redis; target: Redis }> {
  const slot = new Command('get', [K]).getSlot();
  const from = Math.floor(slot / (SLOTS / masters.length));
  const [source, target] = [masters[from], masters[(from + 1) % masters.length]] as [Redis, Redis];
  return { slot: String(slot), source, target };
}

/** @returns the id of the target. */
async function beginMove(slot: string, source: Redis, target: Redis): Promise<string> {
  const [sourceId, targetId] = [
    String(await source.call('CLUSTER', 'MYID')),
    String(await target.call('CLUSTER', 'MYID')),
  ];
  await target.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId);
  await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId);
  return targetId;
}

test('[P14] what is not found as it was moved already is neither left out, nor mended, nor taken from what is due', async () => {
  const prefix = cluster.prefix();
  const K = shardPrefix(prefix, 0);
  await beginWithoutSeed(cluster.url, prefix, 1);
  const store = await redisStore({ url: cluster.url, prefix, shards: 1 });
  ended.push(() => store.stop());
  const shards = shardsOf(store);
  const open = (userId: string, sessionId: string, leaseMs: number) =>
    store.sessions.open({ userId, sessionId, attributes: {}, owner: 'heartbeat', leaseMs, intent: 'beat' });
  for (const userId of USERS) await open(userId, 'lasts', 60_000);
  // So that the shard has each of its keys, as it seldom has: else Redis refuses the calls by itself (see the test below).
  await open('gone', 's', 60_000);
  await store.sessions.kick('gone');
  await store.nodes.join('n', 60_000);
  const owner = { nodeId: 'n', connection: 1 };
  const held = { userId: 'held', sessionId: 's', owner, attributes: {}, leaseMs: 600_000, intent: 'fresh' } as const;
  await store.sessions.open(held);
  await store.nodes.sweep();
  await store.limits.setOverride('u1', 5);
  for (const userId of USERS) await open(userId, 'ends', 1);

  const { slot, source, target } = await slotOfShard(K);
  const port = String(target.options.port);
  // The sweep has taken the turn.
  await source.hdel(`${K}shard`, 'recountedIn');
  while ((await source.exists(`${K}r`)) === 0) await shards.run('recount', shardKeys(K), ['1', String(BUCKETS), K]);
  const move = (key: string) => source.call('MIGRATE', '127.0.0.1', port, key, '0', '1000');
  const targetId = await beginMove(slot, source, target);
  for (const userId of USERS.slice(0, 4)) await move(`${K}u:${userId}`);
  for (const userId of USERS.slice(4, 8)) await move(`${K}m:${placeOf(userId, 1, 0).bucket}`);
  await sleep(5);
  for (const userId of ['u0', 'u4']) {
    await expect(store.snapshots.ofUser(userId)).rejects.toMatchObject({ code: 'store_unavailable' });
  }
  // It goes on with the recount, too.
  await store.nodes.sweep();

  for (const key of (await source.call('CLUSTER', 'GETKEYSINSLOT', slot, '1000')) as string[]) await move(key);
  for (const master of masters) await master.call('CLUSTER', 'SETSLOT', slot, 'NODE', targetId);
  // Until all masters have agreed on it.
  const passes = { firstMs: 100, maxMs: 100, passes: isRetryable };
  await retrying(passes, () => store.nodes.sweep());
  await retrying(passes, () => store.nodes.sweep());
  const sessions = (await retrying(passes, () => store.reads.sessions(USERS))) ?? [];
  expect(sessions.map((user) => user.sessions.map(({ sessionId }) => sessionId))).toEqual(USERS.map(() => ['lasts']));
  const { changes } = await store.log.read(await store.log.head(), 1_000, 0);
  const closes = changes.filter(({ kind, userId }) => kind === 'close' && userId !== 'gone');
  expect(closes.map(({ userId, sessionId }) => `${userId} ${sessionId}`).sort()).toEqual(
    USERS.map((u) => `${u} ends`).sort(),
  );
});

test('[P14] while a slot is moved, calls on a shard that lacks one of its keys are refused, and none is half done', async () => {
  const prefix = cluster.prefix();
  const K = shardPrefix(prefix, 0);
  await beginWithoutSeed(cluster.url, prefix, 1);
  const other = await redisStore({ url: cluster.url, prefix, shards: 1 });
  ended.push(() => other.stop());
  await other.nodes.join('n', 60_000);
  const owner = { nodeId: 'n', connection: 1 };
  const session = {
    sessionId: 's',
    owner,
    attributes: { streamId: 'film' },
    leaseMs: 60_000,
    intent: 'fresh',
  } as const;
  for (const userId of USERS) await other.sessions.open({ ...session, userId });
  await other.nodes.sweep();
  const show = async () => ({
    sessions: await other.reads.sessions(USERS),
    counts: await other.reads.counts([{ by: 'total' }, { by: 'stream', key: 'film' }]),
    log: (await other.log.read(await other.log.head(), 1_000, 0)).changes,
  });
  const before = await show();
  const { slot, source, target } = await slotOfShard(K);
  // A recount and limits are seldom there.
  for (const key of ['r', 'lim']) expect(await source.exists(K + key)).toBe(0);
  await beginMove(slot, source, target);
  const calls = [
    () => other.sessions.open({ ...session, userId: 'new' }),
    () => other.sessions.update({ userId: 'u0', sessionId: 's', attributes: { streamId: 'tnt' }, owner }),
    () => other.sessions.kick('u1'),
    () => other.reads.status(['u2']),
    () => other.nodes.beat('n', 60_000),
    () => other.nodes.sweep(),
  ];
  const outcomes = await Promise.allSettled(calls.map((call) => call()));
  expect(outcomes).toMatchObject(calls.map(() => ({ reason: { code: 'store_unavailable', retryable: true } })));
  for (const master of [source, target]) await master.call('CLUSTER', 'SETSLOT', slot, 'STABLE');
  expect(await show()).toEqual(before);
  await expect(other.sessions.open({ ...session, userId: 'new' })).resolves.toMatchObject({ outcome: 'opened' });
});
