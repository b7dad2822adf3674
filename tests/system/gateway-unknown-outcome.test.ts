/** An act that Redis carries out after its caller gave up: whom it displaced, at another node, is ended all the same (P7). */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

let redis: TestRedis;
let acts: TestServer;
let holds: TestServer;
beforeAll(async () => {
  redis = await startRedis();
  const env = {
    REDIS_URL: redis.url,
    MAX_STREAMS: '1',
    ON_LIMIT: 'evict-oldest',
    OUTAGE_POLICY: 'open',
    // The first of the renewals comes after minutes.
    SESSION_LEASE_MS: '86400000',
    // No beat fails: a node that missed one would renew all by itself.
    NODE_BEAT_MS: '60000',
    NODE_LEASE_MS: '180000',
  };
  [acts, holds] = await Promise.all([startTestServer(env), startTestServer(env)]);
}, 30_000);
afterAll(async () => {
  await Promise.all([acts.stop(0), holds.stop(0)]);
  await redis.stop();
});

/** Resolves when the node has given up. */
type Act = (server: TestServer, userId: string) => Promise<void>;

function opens(hello: object): Act {
  return async ({ wsPort }, userId) => {
    const [player, welcome] = await Player.hello(wsPort, { userId, ...hello });
    ended.push(() => player.vanish());
    expect(welcome).toMatchObject({ type: 'welcome', degraded: true });
  };
}

function kicks(path: (userId: string) => string): Act {
  return async ({ request }, userId) => {
    expect((await request('DELETE', path(userId))).status).toBe(503);
  };
}

test.each<[string, number, Act]>([
  ['an open that evicts', 4010, opens({ sessionId: 'new' })],
  ['an open that replaces', 4012, opens({ sessionId: 'new', replace: ['s'] })],
  ['an open of the same session', 4012, opens({ sessionId: 's' })],
  ['a kick', 4011, kicks((userId) => `/sessions/${userId}`)],
  ['a kick of one session', 4011, kicks((userId) => `/sessions/${userId}/s`)],
])('[P5] [P7] %s, of unknown outcome', async (name, code, act) => {
  const userId = name.replaceAll(' ', '-');
  const [player, welcome] = await Player.hello(holds.wsPort, { userId, sessionId: 's' });
  expect(welcome).toMatchObject({ type: 'welcome', current: 1 });
  redis.process?.kill('SIGSTOP');
  try {
    await act(acts, userId);
  } finally {
    redis.process?.kill('SIGCONT');
  }
  expect(await player.closed).toBe(code);
});
