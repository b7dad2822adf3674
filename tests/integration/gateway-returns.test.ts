/** Heartbeats and guards after Redis lost its data: their holders open them again by themselves (P10). */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

/** Players are told to beat twice as rarely: on a busy machine they are late. */
const INTERVAL_MS = 1_500;
const USERS = Array.from({ length: 10 }, (_, i) => `u${i}`);
const DEGRADED = 'x-presence-degraded';
let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());
const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** Two gateways on one Redis; each user may have one session. */
async function startRig(outagePolicy: string) {
  const client = new Redis(redis.url);
  ended.push(async () => client.disconnect());
  await client.flushall();
  const env = {
    REDIS_URL: redis.url,
    MAX_STREAMS: '1',
    OUTAGE_POLICY: outagePolicy,
    NODE_BEAT_MS: '300',
    NODE_LEASE_MS: '3000',
    HEARTBEAT_INTERVAL_MS: String(2 * INTERVAL_MS),
    HEARTBEAT_TTL_MS: '10000',
    GUARD_REFRESH_MS: String(2 * INTERVAL_MS),
    GUARD_TTL_MS: '10000',
  };
  const start = async (): Promise<TestServer> => {
    const server = await startTestServer(env);
    ended.push(() => server.stop(0));
    return server;
  };
  return { servers: [await start(), await start()] as const, start, client };
}

describe.each(['open', 'closed'])('policy %s', (policy) => {
  test('[P10] a store that forgot heartbeats calls none of them offline, and refuses none', async () => {
    const { servers, start, client } = await startRig(policy);
    const beat = async (userId: string, i: number) => {
      const server = servers[i % 2] as TestServer;
      return server.request('POST', '/heartbeat', { userId, sessionId: 'tv', streamId: 'x' });
    };
    let isOver = false;
    const refused: string[] = [];
    const beating = USERS.map(async (userId, i) => {
      await sleep((i * INTERVAL_MS) / USERS.length);
      for (let n = i; !isOver; n += 1) {
        const reply = await beat(userId, n);
        if (reply.status !== 200 && reply.status !== 503) refused.push(`${userId} ${reply.status}`);
        await sleep(INTERVAL_MS);
      }
    });
    await sleep(INTERVAL_MS + 200);
    await client.flushall();
    await until(async () => (await servers[0].get('/status/user/u0')).headers.get(DEGRADED) === 'restoring');
    await sleep(500);
    // One that did not live before is told by the others.
    const young = await start();
    const wrong: string[] = [];
    const admitted: string[] = [];
    const looking = (async () => {
      for (let i = 0; !isOver; i += 1) {
        const server = [...servers, young][i % 3] as TestServer;
        const reply = await server.request('POST', '/status/users', { ids: USERS });
        if (reply.status !== 200 || reply.headers.get(DEGRADED) !== null) continue;
        for (const { userId, online } of reply.body.users) if (!online) wrong.push(userId);
      }
    })();
    const intruders = USERS.map(async (userId, i) => {
      await sleep(i * 100);
      const server = [...servers, young][i % 3] as TestServer;
      const [player, answer] = await Player.hello(server.wsPort, { userId, sessionId: 'pad', streamId: 'x' });
      if (answer.type === 'welcome' && (policy === 'closed' || answer.degraded !== true)) admitted.push(userId);
      player.socket.terminate();
      const reply = await server.request('POST', '/heartbeat', {
        userId,
        sessionId: 'car',
        streamId: 'x',
        start: true,
      });
      if (reply.status === 200 && (policy === 'closed' || reply.body.degraded !== true))
        admitted.push(`${userId} by HTTP`);
    });
    await Promise.all(intruders);
    await sleep(2 * INTERVAL_MS);
    isOver = true;
    await Promise.all([looking, ...beating]);
    expect({ wrong, admitted, refused }).toEqual({ wrong: [], admitted: [], refused: [] });
    await until(
      async () => (await servers[0].request('POST', '/status/users', { ids: USERS })).headers.get(DEGRADED) === null,
    );
    // From now on the limit is the limit.
    const late = await young.request('POST', '/heartbeat', { userId: 'u0', sessionId: 'late', streamId: 'x' });
    expect(late.status).toBe(400);
  }, 40_000);

  test('[P10] a guard that the store forgot goes on by its refresh', async () => {
    const { servers, client } = await startRig(policy);
    const [server, other] = servers;
    const as = (userId: string) => ({ 'x-user-id': userId });
    const guards: string[] = [];
    for (const userId of USERS) {
      const { body } = await server.request('POST', '/guards', { streamId: 'x' }, as(userId));
      guards.push(body.guardId);
    }
    await client.flushall();
    await until(async () => (await other.get('/status/user/u0')).headers.get(DEGRADED) === 'restoring');
    const intruder = await other.request('POST', '/guards', { streamId: 'x' }, as('u0'));
    expect([intruder.status, intruder.body.degraded]).toEqual(policy === 'open' ? [200, true] : [503, undefined]);
    const refresh = (i: number) => other.request('PATCH', `/guards/${guards[i]}`, undefined, as(USERS[i] as string));
    for (const i of USERS.keys()) {
      let reply = await refresh(i);
      // It waits for what sockets held.
      while (policy === 'closed' && reply.status === 503) reply = await refresh(i);
      expect(reply).toMatchObject({ status: 200, body: { degraded: true } });
      expect((await refresh(i)).status).toBe(204);
    }
    for (const i of USERS.keys()) expect((await refresh(i)).status).toBe(204);
    await until(async () => (await other.get('/status/user/u0')).headers.get(DEGRADED) === null);
    expect((await other.request('PATCH', `/guards/${guards[0]}`, undefined, as('nobody'))).status).toBe(404);
  }, 40_000);
});

test('[P10] a failover that loses nothing keeps nobody waiting for heartbeats', async () => {
  const { servers, client } = await startRig('closed');
  const [server] = servers;
  await server.request('POST', '/heartbeat', { userId: 'u', sessionId: 'tv', streamId: 'x', intervalMs: 60_000 });
  // As another master process that has all.
  const keys = await client.keys('*:shard');
  for (const key of keys) if ((await client.hget(key, 'run')) !== null) await client.hset(key, 'run', 'another');
  await until(async () => (await server.get('/status/user/u')).headers.get(DEGRADED) === 'restoring');
  await until(async () => (await server.get('/status/user/u')).headers.get(DEGRADED) === null);
  expect((await server.get('/status/user/u')).body.online).toBe(true);
}, 20_000);

test('[P10] who beat while Redis was away is waited for when it comes back empty', async () => {
  const { servers } = await startRig('open');
  const [server] = servers;
  await redis.kill();
  const beat = { userId: 'u', sessionId: 'tv', streamId: 'x', intervalMs: 20_000 };
  await until(async () => (await server.request('POST', '/heartbeat', beat)).body.degraded === true);
  await redis.restart();
  const mark = async () => {
    const reply = await server.get('/status/user/u');
    return reply.status === 200 ? (reply.headers.get(DEGRADED) ?? 'none') : 'away';
  };
  await until(async () => (await mark()) === 'restoring');
  // Longer than nodes take to open again what their sockets hold.
  await sleep(4_000);
  expect(await mark()).toBe('restoring');
}, 30_000);
