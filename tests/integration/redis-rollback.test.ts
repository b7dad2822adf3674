/** A Redis that came back with data from before: who holds what it still has (P10). */
import { rm } from 'node:fs/promises';
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { type OpenRequest, type OpenResult, RedisStore, type SocketOwner } from '../../presence-core/index.ts';
import { startRedis } from '../support/redis-server.ts';
import { until } from '../support/servers.ts';

const LEASE_MS = 60_000;
const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

const former: SocketOwner = { nodeId: 'former', connection: 9 };
const own: SocketOwner = { nodeId: 'own', connection: 5 };

interface RolledBack {
  readonly store: RedisStore;
  open(owner: OpenRequest['owner'], intent: OpenRequest['intent']): Promise<OpenResult>;
}

/** `u/s` is held by `former` in the data with which Redis came back; the node `own` joined since. */
async function rolledBack(): Promise<RolledBack> {
  const dump = `rollback-${process.pid}.rdb`;
  const redis = await startRedis({ args: ['--dbfilename', dump] });
  ended.push(() => rm(`/tmp/${dump}`, { force: true }));
  ended.push(() => redis.stop());
  const store = new RedisStore({ url: redis.url, shards: 4 });
  await store.start();
  ended.push(() => store.stop());
  const open: RolledBack['open'] = (owner, intent) => {
    const socketWas = typeof owner === 'object' && intent !== 'fresh' ? ({ socketWas: 'held' } as const) : {};
    return store.sessions.open({
      userId: 'u',
      sessionId: 's',
      attributes: {},
      owner,
      intent,
      leaseMs: LEASE_MS,
      ...socketWas,
    });
  };
  await store.nodes.join('former', LEASE_MS);
  expect(await open(former, 'fresh')).toMatchObject({ outcome: 'opened' });
  const admin = new Redis(redis.port);
  await admin.save();
  admin.disconnect();
  await redis.kill();
  await redis.restart();
  await until(() =>
    store.nodes.join('own', LEASE_MS).then(
      () => true,
      () => false,
    ),
  );
  return { store, open };
}

test('[P10] a beat takes a session from a socket of before, and the socket that opens it again takes it back', async () => {
  const { open } = await rolledBack();
  expect(await open('heartbeat', 'beat')).toMatchObject({ outcome: 'renewed', displaced: [] });
  expect(await open('heartbeat', 'beat')).toMatchObject({ outcome: 'renewed' });
  expect(await open(own, 'restore')).toMatchObject({ outcome: 'renewed' });
  expect(await open('heartbeat', 'beat')).toMatchObject({ outcome: 'held' });
});

test('[P10] a socket of before, which may be gone, keeps the session from none that opens it again', async () => {
  const { open } = await rolledBack();
  expect(await open(own, 'resume')).toEqual({ outcome: 'moved' });
  expect(await open(own, 'restore')).toMatchObject({ outcome: 'renewed', displaced: [{ owner: former }] });
  // But one that is newer, and opened it again before, does.
  const newer: SocketOwner = { nodeId: 'own', connection: 7 };
  expect(await open(newer, 'restore')).toMatchObject({ outcome: 'renewed' });
  expect(await open(own, 'restore')).toEqual({ outcome: 'moved' });
});
