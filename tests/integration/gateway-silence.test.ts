/** All gateways went and one comes later: nobody who left is revived, and the log tells when they left (P9). */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Change, RedisStore } from '../../presence-core/index.ts';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

const NODE_LEASE_MS = 600;
const SHARDS = 8;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ shared: true });
});
afterAll(() => redis.stop());

const serverOn = (prefix: string): Promise<TestServer> =>
  startTestServer({
    REDIS_URL: redis.url,
    REDIS_PREFIX: prefix,
    PRESENCE_SHARDS: String(SHARDS),
    NODE_LEASE_MS: String(NODE_LEASE_MS),
    RESUME_GRACE_MS: '300',
    MAX_STREAMS: '1',
  });

async function storeOn(prefix: string): Promise<RedisStore> {
  const store = new RedisStore({ url: redis.url, prefix, shards: SHARDS });
  await store.start();
  return store;
}

/** Starts a gateway, and insists that `u` is offline there and may watch on another device. Returns who was closed. */
async function comesBack(prefix: string): Promise<readonly Change[]> {
  const server = await serverOn(prefix);
  const store = await storeOn(prefix);
  try {
    expect(await store.reads.status(['u'])).toMatchObject([{ online: false }]);
    const [, welcome] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'tv' });
    expect(welcome).toMatchObject({ type: 'welcome', current: 1 });
    let closes: readonly Change[] = [];
    await until(async () => {
      const { changes } = await store.log.read(await store.log.head(), 100, 0);
      closes = changes.filter((change) => change.kind === 'close');
      return closes.length === 2;
    });
    return closes;
  } finally {
    await store.stop();
    await server.stop(0);
  }
}

test('[P9] after an orderly stop of the only gateway, the next one finds who left offline, since they left', async () => {
  const prefix = redis.prefix();
  const first = await serverOn(prefix);
  for (const userId of ['u', 'v']) await Player.hello(first.wsPort, { userId, sessionId: 's', streamId: 'tnt' });
  await first.stop(0);
  const stoppedAt = Date.now();
  await sleep(2 * NODE_LEASE_MS);
  for (const { at } of await comesBack(prefix)) expect(at - stoppedAt).toBeLessThan(NODE_LEASE_MS);
});

test('[P9] after the only gateway was killed, what it held ends as `node_lost` when its lease did', async () => {
  const prefix = redis.prefix();
  const killed = await storeOn(prefix);
  await killed.nodes.join('killed', NODE_LEASE_MS);
  for (const [i, userId] of ['u', 'v'].entries()) {
    const owner = { nodeId: 'killed', connection: i };
    const request = { userId, sessionId: 's', owner, attributes: {}, leaseMs: 600_000, intent: 'fresh' } as const;
    expect(await killed.sessions.open(request)).toMatchObject({ outcome: 'opened' });
  }
  const { now } = await killed.nodes.beat('killed', NODE_LEASE_MS);
  // No quit.
  await killed.stop();
  await sleep(2 * NODE_LEASE_MS);
  const server = await serverOn(prefix);
  const store = await storeOn(prefix);
  let changes: readonly Change[] = [];
  await until(async () => {
    changes = (await store.log.read(await store.log.head(), 100, 0)).changes;
    return changes.filter((change) => change.kind === 'close').length === 2;
  });
  for (const { reason, at } of changes.filter((change) => change.kind === 'close')) {
    expect(reason).toBe('node_lost');
    expect(Math.abs(at - now - NODE_LEASE_MS)).toBeLessThan(100);
  }
  const [, welcome] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'tv' });
  expect(welcome).toMatchObject({ type: 'welcome', current: 1 });
  await store.stop();
  await server.stop(0);
});
