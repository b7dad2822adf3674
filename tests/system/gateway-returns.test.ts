/** Heartbeats and guards after Redis lost its data: their holders open them again by themselves (P10). */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Dashboard, TopicView } from '../support/dashboard.ts';
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
async function startRig(outagePolicy: string, more: Record<string, string> = {}) {
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
    ...more,
  };
  const start = async (ready = true): Promise<TestServer> => {
    const server = await startTestServer(env, ready);
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
        fresh: true,
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

  test('[P10] players in their resume grace keep their slots when the store forgets', async () => {
    const { servers, client } = await startRig(policy, { RESUME_GRACE_MS: '6000' });
    const [server, other] = servers;
    const tokens: string[] = [];
    for (const userId of USERS) {
      const [player, welcome] = await Player.hello(server.wsPort, { userId, sessionId: 'tv', streamId: 'x' });
      tokens.push(welcome.resumeToken as string);
      player.socket.terminate();
    }
    const detached = async (userId: string) =>
      (await server.get(`/concurrency/user/${userId}`)).body.sessions[0].detached;
    for (const userId of USERS) await until(async () => (await detached(userId)) === true);
    await client.flushall();
    await until(async () => (await other.get('/status/user/u0')).headers.get(DEGRADED) === 'restoring');
    const outcomes: unknown[] = [];
    for (const [i, userId] of USERS.entries()) {
      const status = await other.get(`/status/user/${userId}`);
      if (status.headers.get(DEGRADED) === null) outcomes.push('offline');
      const [intruder, answer] = await Player.hello(other.wsPort, { userId, sessionId: 'pad', streamId: 'x' });
      if (answer.type === 'welcome' && (policy === 'closed' || answer.degraded !== true)) outcomes.push('intruder');
      const hello = { userId, sessionId: 'tv', streamId: 'x', resume: tokens[i] };
      const [player, back] = await Player.hello(other.wsPort, hello);
      if (back.type !== 'welcome' || back.degraded !== true) outcomes.push(back);
      intruder.socket.terminate();
      player.socket.terminate();
    }
    expect(outcomes).toEqual([]);
  }, 40_000);

  test('[P10] who was answered by a process that is gone when the store forgets is waited for by the others', async () => {
    const { servers, client } = await startRig(policy);
    const [server, gone] = servers;
    const intervalMs = 12_000;
    for (const userId of USERS) {
      await gone.request('POST', '/heartbeat', { userId, sessionId: 'tv', streamId: 'x', intervalMs });
    }
    // A beat of each.
    await sleep(700);
    await gone.stop(0);
    await client.flushall();
    await until(async () => (await server.get('/status/user/u0')).headers.get(DEGRADED) === 'restoring');
    // Longer than a process that died is waited for.
    await sleep(4_000);
    const wrong: string[] = [];
    for (const userId of USERS) {
      if ((await server.get(`/status/user/${userId}`)).headers.get(DEGRADED) === null) wrong.push(userId);
      const beat = { userId, sessionId: 'tv', streamId: 'x', intervalMs };
      const reply = await server.request('POST', '/heartbeat', beat);
      if (reply.status !== 200) wrong.push(`${userId} ${reply.status}`);
    }
    expect(wrong).toEqual([]);
  }, 40_000);

  test('[P10] a process that joins before others know that the store forgot waits for them', async () => {
    const { servers, start, client } = await startRig(policy, { NODE_BEAT_MS: '1000' });
    const [server] = servers;
    const players = [];
    for (const userId of USERS) {
      const [player, welcome] = await Player.hello(server.wsPort, { userId, sessionId: 'tv', streamId: 'x' });
      expect(welcome.type).toBe('welcome');
      players.push(player);
      const beat = { userId: `${userId}b`, sessionId: 'tv', streamId: 'x', intervalMs: 12_000 };
      await server.request('POST', '/heartbeat', beat);
    }
    await sleep(1_500);
    await client.flushall();
    const young = await start(false);
    const wrong: string[] = [];
    const ids = USERS.flatMap((userId) => [userId, `${userId}b`]);
    const endsAt = Date.now() + 6_000;
    while (Date.now() < endsAt) {
      const reply = await young.request('POST', '/status/users', { ids });
      if (reply.status !== 200 || reply.headers.get(DEGRADED) !== null) continue;
      for (const { userId, online } of reply.body.users) if (!online) wrong.push(userId);
      if (wrong.length > 0) break;
    }
    const beat = { userId: 'u0b', sessionId: 'other', streamId: 'x', fresh: true };
    const reply = await young.request('POST', '/heartbeat', beat);
    if (policy === 'closed' ? reply.status !== 503 : reply.body.degraded !== true) wrong.push(`second ${reply.status}`);
    const [, answer] = await Player.hello(young.wsPort, { userId: 'u0', sessionId: 'pad', streamId: 'x' });
    if (answer.type === 'welcome') wrong.push('second socket');
    expect(wrong).toEqual([]);
    for (const player of players) player.socket.terminate();
  }, 40_000);

  test('[P10] what is there for nodes to open again is neither refused a refresh nor passed over by a kick', async () => {
    // For a moment nobody notices that the store forgot.
    const { servers, client } = await startRig(policy, { NODE_BEAT_MS: '3000', NODE_LEASE_MS: '10000' });
    const [server, other] = servers;
    const as = { 'x-user-id': 'g' };
    const { guardId } = (await server.request('POST', '/guards', { streamId: 'x' }, as)).body;
    const players: Player[] = [];
    for (const userId of ['kicked', 'one']) {
      players.push((await Player.hello(server.wsPort, { userId, sessionId: 's', streamId: 'x' }))[0]);
    }
    await client.flushall();
    const refresh = () => other.request('PATCH', `/guards/${guardId}`, undefined, as);
    const kick = async (path: string) => (await other.request('DELETE', path)).status;
    const paths = ['/sessions/kicked', '/sessions/one/s'];
    const [refreshed, ...kicks] = await Promise.all([refresh(), ...paths.map(kick)]);
    expect([refreshed.status, ...kicks]).toEqual([policy === 'open' ? 200 : 503, 503, 503]);
    for (const path of paths) await until(async () => (await kick(path)) === 204);
    expect(await Promise.all(players.map(({ closed }) => closed))).toEqual([4011, 4011]);
    await until(async () => (await refresh()).status === 204);
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

test('[P10] [W24] dashboards are told that holders without a socket are not back, and get another snapshot when they are', async () => {
  const { servers, client } = await startRig('open', { SUMMARY_INTERVAL_MS: '300' });
  const [server, other] = servers;
  const dashboard = await Dashboard.open(other.wsPort);
  ended.push(async () => dashboard.close());
  const beat = async (): Promise<void> => {
    for (const userId of USERS) {
      await server.request('POST', '/heartbeat', { userId, sessionId: 'tv', streamId: 'x', intervalMs: 4_000 });
    }
  };
  await beat();
  const views = await Promise.all([
    dashboard.subscribe('all'),
    dashboard.subscribe('stream:x'),
    dashboard.subscribe('user:u0', { mode: 'interval' }),
    dashboard.subscribe('stats'),
  ]);
  const [all, , counted, stats] = views;
  await until(() => all.sessions.size === USERS.length && !all.paging);
  await until(() => counted.frames.some(({ type }) => type === 'interval'));
  const before = views.map((view) => view.frames.length);
  const since = (i: number) =>
    (views[i]?.frames ?? []).slice(before[i]).filter(({ type, last }) => type !== 'snapshot' || last);
  await client.flushall();
  await until(() => [0, 1].every((i) => since(i).some(({ type }) => type === 'snapshot')));
  // One that comes back by a cursor would not know that some are missing.
  const back = await Dashboard.open(other.wsPort);
  ended.push(async () => back.close());
  const resumed = new TopicView('all');
  resumed.cursor = all.cursor as string;
  await back.subscribe('all', {}, resumed);
  await beat();
  await until(() => resumed.frames.some(({ type, degraded }) => type === 'snapshot' && !degraded));
  expect(resumed.frames.find(({ type, last }) => type === 'snapshot' && last)).toMatchObject({ degraded: true });
  expect(resumed.rows()).toHaveLength(USERS.length);
  // Of the topic `all` and of the stream: one that is marked, what came back, and one that is not.
  await until(() => [0, 1].every((i) => since(i).some(({ type, degraded }) => type === 'snapshot' && !degraded)));
  for (const i of [0, 1]) {
    const snapshots = since(i).filter(({ type }) => type === 'snapshot');
    expect([i, ...snapshots.map(({ degraded }) => degraded)]).toEqual([i, true, undefined]);
    expect(views[i]?.rows()).toHaveLength(USERS.length);
  }
  const told = (i: number) => since(i).map((frame) => [frame.degraded, frame.users ?? frame.stats?.users]);
  for (const [i, users] of [
    [2, 1],
    [3, USERS.length],
  ] as const) {
    await until(() => told(i).at(-1)?.[0] === undefined);
    // Too few are counted only where it is said.
    expect(told(i).filter(([degraded, n]) => degraded === undefined && n !== users)).toEqual([]);
    expect(told(i).some(([degraded]) => degraded === true)).toBe(true);
  }
  expect([counted, stats].flatMap((view) => view.faults)).toEqual([]);
}, 40_000);

test('[P10] a failover that loses nothing keeps nobody waiting for heartbeats', async () => {
  const { servers, client } = await startRig('closed');
  const [server] = servers;
  await server.request('POST', '/heartbeat', { userId: 'u', sessionId: 'tv', streamId: 'x', intervalMs: 60_000 });
  // As another master process that has all.
  const keys = await client.keys('*:shard');
  const begun = await Promise.all(keys.map((key) => client.hexists(key, 'run')));
  const failover = client.multi();
  for (const [i, key] of keys.entries()) if (begun[i] === 1) failover.hset(key, 'run', 'another');
  await failover.exec();
  const mark = async () => {
    const reply = await server.get('/status/user/u');
    return reply.status === 200 ? (reply.headers.get(DEGRADED) ?? 'none') : 'unknown';
  };
  // A beat found the other master. The mark may be over before it is looked for; one for heartbeats lasts for a minute.
  const runs = async () => Promise.all(keys.map((key) => client.hget(key, 'run')));
  await until(async () => !(await runs()).includes('another'));
  await sleep(1_000);
  await until(async () => (await mark()) === 'none');
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
