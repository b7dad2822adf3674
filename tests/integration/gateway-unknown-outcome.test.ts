/** An act that Redis carries out after its caller gave up: whom it displaced, at another node, is ended all the same (P7). */
import { afterEach, expect, test } from '@jest/globals';
import { Player } from '../support/player.ts';
import { startRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** Resolves when the node has given up. */
type Act = (server: TestServer) => Promise<void>;

function opens(hello: object): Act {
  return async ({ wsPort }) => {
    const [player, welcome] = await Player.hello(wsPort, { userId: 'u', ...hello });
    ended.push(() => player.vanish());
    expect(welcome).toMatchObject({ type: 'welcome', degraded: true });
  };
}

function kicks(path: string): Act {
  return async ({ request }) => {
    expect((await request('DELETE', path)).status).toBe(503);
  };
}

test.each<[string, number, Act]>([
  ['an open that evicts', 4010, opens({ sessionId: 'new' })],
  ['an open that replaces', 4012, opens({ sessionId: 'new', replace: ['s'] })],
  ['an open of the same session', 4012, opens({ sessionId: 's' })],
  ['a kick', 4011, kicks('/sessions/u')],
  ['a kick of one session', 4011, kicks('/sessions/u/s')],
])('[P5] [P7] %s, of unknown outcome', async (_, code, act) => {
  const redis = await startRedis();
  ended.push(() => redis.stop());
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
  const [acts, holds] = await Promise.all([startTestServer(env), startTestServer(env)]);
  ended.push(() => Promise.all([acts.stop(0), holds.stop(0)]));
  const [player, welcome] = await Player.hello(holds.wsPort, { userId: 'u', sessionId: 's' });
  expect(welcome).toMatchObject({ type: 'welcome', current: 1 });
  redis.process?.kill('SIGSTOP');
  try {
    await act(acts);
  } finally {
    redis.process?.kill('SIGCONT');
  }
  expect(await player.closed).toBe(code);
});
