/** The first seconds after Redis came back without its data, at two gateways (P10). */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Dashboard } from '../support/dashboard.ts';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

const USERS = Array.from({ length: 30 }, (_, i) => `u${i}`);
const DEGRADED = 'x-presence-degraded';
const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** Each user has all its slots at the first gateway. */
async function startRig(outagePolicy: string) {
  const redis = await startRedis();
  ended.push(() => redis.stop());
  const env = {
    REDIS_URL: redis.url,
    MAX_STREAMS: '1',
    OUTAGE_POLICY: outagePolicy,
    NODE_BEAT_MS: '1000',
    NODE_LEASE_MS: '5000',
  };
  const holder = await startTestServer(env);
  ended.push(() => holder.stop(0));
  const other = await startTestServer(env);
  ended.push(() => other.stop(0));
  const players: Player[] = [];
  for (const userId of USERS) {
    const [player, welcome] = await Player.hello(holder.wsPort, { userId, sessionId: 'tv', streamId: 'tnt' });
    expect(welcome.type).toBe('welcome');
    players.push(player);
  }
  return { redis, env, other, players };
}

/** Users that are offline by an answer that does not say it may lack some; undefined: no answer. */
async function offlineOf(server: TestServer): Promise<string[] | undefined> {
  const reply = await server.request('POST', '/status/users', { ids: USERS });
  if (reply.status !== 200 || reply.headers.get(DEGRADED) !== null) return undefined;
  return reply.body.users
    .filter((one: { online: boolean }) => !one.online)
    .map((one: { userId: string }) => one.userId);
}

/** How a store comes to have nothing: by a new start, or emptied while its connections are kept. */
const LOSSES: Readonly<Record<string, (redis: TestRedis) => Promise<unknown>>> = {
  'came back empty': async (redis) => {
    await redis.kill();
    await redis.restart();
  },
  'was emptied': async (redis) => {
    const client = new Redis(redis.url);
    await client.flushall();
    client.disconnect();
  },
};

test.each(Object.keys(LOSSES).flatMap((loss) => [[loss, 'open'] as const, [loss, 'closed'] as const]))(
  '[P10] %s: until sockets hold their slots again nobody gets them, and no answer claims that they are free (policy %s)',
  async (loss, outagePolicy) => {
    const { redis, other, players } = await startRig(outagePolicy);
    await LOSSES[loss]?.(redis);
    const wrong: string[] = [];
    const admitted: string[] = [];
    const tries = USERS.map(async (userId) => {
      for (;;) {
        // By policy open it is let in, and told so.
        if (outagePolicy === 'closed') {
          const reply = await other.request('POST', '/heartbeat', { userId, sessionId: 'phone', streamId: 'tnt' });
          if (reply.status === 200) admitted.push(`${userId} by HTTP`);
        }
        const [player, answer] = await Player.hello(other.wsPort, { userId, sessionId: 'pad', streamId: 'tnt' });
        if (answer.type === 'welcome' && answer.degraded !== true) admitted.push(`${userId} by a socket`);
        player.socket.terminate();
        if (answer.type === 'error' && (answer.problem as { code: string }).code === 'concurrency_limit') return;
      }
    });
    let isOver = false;
    const polling = (async () => {
      while (!isOver) {
        const offline = await offlineOf(other);
        wrong.push(...(offline ?? []));
      }
    })();
    await Promise.all(tries);
    isOver = true;
    await polling;
    expect(admitted).toEqual([]);
    expect(wrong).toEqual([]);
    await until(async () => (await offlineOf(other))?.length === 0);
    for (const player of players) expect(player.frames).toEqual([]);
  },
  30_000,
);

test('[P10] [W24] a dashboard is told of a store that forgot by a snapshot that has all who are still there', async () => {
  const { redis, other } = await startRig('open');
  const dashboard = await Dashboard.open(other.wsPort);
  ended.push(async () => dashboard.close());
  const view = await dashboard.subscribe('all');
  await until(() => view.sessions.size === USERS.length && !view.paging);
  const before = view.frames.length;
  await redis.kill();
  await redis.restart();
  await until(() => view.frames.slice(before).some(({ type, last }) => type === 'snapshot' && last === true));
  expect(view.sessions.size).toBe(USERS.length);
  expect(view.faults).toEqual([]);
}, 30_000);

test('[P10] a gateway that starts on a Redis that has just come back empty claims of nobody that it is offline', async () => {
  const { redis, env, players } = await startRig('open');
  await redis.kill();
  // The others try to connect again less and less often.
  await sleep(2_000);
  await redis.restart();
  const late = await startTestServer(env, false);
  ended.push(() => late.stop(0));
  const wrong: string[] = [];
  await until(async () => {
    const offline = await offlineOf(late);
    wrong.push(...(offline ?? []));
    return offline?.length === 0;
  });
  expect(wrong).toEqual([]);
  const [, answer] = await Player.hello(late.wsPort, { userId: 'u0', sessionId: 'pad', streamId: 'tnt' });
  expect(answer).toMatchObject({ problem: { code: 'concurrency_limit' } });
  for (const player of players) expect(player.frames).toEqual([]);
}, 30_000);

test('[P10] a gateway that started since the last beat of the others is waited for when Redis is emptied', async () => {
  const redis = await startRedis();
  ended.push(() => redis.stop());
  const env = { REDIS_URL: redis.url, MAX_STREAMS: '1', OUTAGE_POLICY: 'open' };
  // By none of its beats it hears of the young one.
  const other = await startTestServer({ ...env, NODE_BEAT_MS: '20000', NODE_LEASE_MS: '60000' });
  ended.push(() => other.stop(0));
  // On a Redis that has just started, a gateway is ready only 2 s later.
  await sleep(5_000);
  const young = await startTestServer({ ...env, NODE_BEAT_MS: '3000', NODE_LEASE_MS: '10000' });
  ended.push(() => young.stop(0));
  const players = await Promise.all(
    USERS.map(async (userId) => {
      const [player, welcome] = await Player.hello(young.wsPort, { userId, sessionId: 'tv', streamId: 'tnt' });
      expect(welcome.type).toBe('welcome');
      return player;
    }),
  );
  await LOSSES['was emptied']?.(redis);
  const wrong: string[] = [];
  await until(async () => {
    const offline = await offlineOf(other);
    wrong.push(...(offline ?? []));
    const [player, answer] = await Player.hello(other.wsPort, { userId: 'u0', sessionId: 'pad', streamId: 'tnt' });
    player.socket.terminate();
    if (answer.type === 'welcome' && answer.degraded !== true) wrong.push('u0 let in');
    return wrong.length > 0 || (offline?.length === 0 && answer.type === 'error');
  });
  expect(wrong).toEqual([]);
  for (const player of players) expect(player.frames).toEqual([]);
}, 30_000);

test('[P10] a gateway that has not noticed yet does not take for all what another has opened again', async () => {
  const redis = await startRedis();
  ended.push(() => redis.stop());
  const client = new Redis(redis.url);
  ended.push(async () => client.disconnect());
  // No shard is empty when the other has opened its own again; the first beats too seldom to notice by itself.
  const env = { REDIS_URL: redis.url, PRESENCE_SHARDS: '1', NODE_LEASE_MS: '60000', REPLICA: 'off' };
  const first = await startTestServer({ ...env, NODE_BEAT_MS: '20000' });
  ended.push(() => first.stop(0));
  const other = await startTestServer(env);
  ended.push(() => other.stop(0));
  for (const { wsPort } of [first, other]) {
    const [, welcome] = await Player.hello(wsPort, { userId: 'u', sessionId: `s${wsPort}`, streamId: 'x' });
    expect(welcome.type).toBe('welcome');
  }
  const reads = {
    '/concurrency/user/u': (body: { sessions: unknown[] }) => body.sessions.length,
    '/status/user/u': (body: { sessions: number }) => body.sessions,
    '/online': (body: { sessions: number }) => body.sessions,
    '/stats/top?by=stream': (body: { items: { sessions: number }[] }) => body.items[0]?.sessions,
  };
  for (const [path, sessions] of Object.entries(reads)) {
    const isWhole = async () => {
      const { status, headers, body } = await first.get(path);
      return status === 200 && headers.get(DEGRADED) === null && sessions(body as never) === 2;
    };
    await until(isWhole);
    await client.flushall();
    await until(async () => (await client.keys('*u:u')).length > 0);
    const { status, headers } = await first.get(path);
    expect([path, status === 200 && headers.get(DEGRADED) === null]).toEqual([path, false]);
  }
}, 90_000);
