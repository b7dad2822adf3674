/** The routes with REPLICA=on: the same answers, from memory, with their age. */
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Dashboard } from '../support/dashboard.ts';
import { HOSTILE_IDS } from '../support/hostile-ids.ts';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

const AGE = 'x-presence-age-ms';
/** What a server does by itself would be in the way of counting commands. */
const CALM = {
  NODE_BEAT_MS: '60000',
  NODE_LEASE_MS: '600000',
  SWEEP_MS: '600000',
  HEARTBEAT_TTL_MS: '600000',
};

let redis: TestRedis;
let admin: Redis;
let on: TestServer;
let off: TestServer;
let users: string[];

beforeAll(async () => {
  redis = await startRedis();
  admin = new Redis(redis.port);
  const env = { REDIS_URL: redis.url, PRESENCE_SHARDS: '8', ...CALM };
  off = await startTestServer({ ...env, ROLES: 'gateway,sidecar', REPLICA: 'off' });
  await off.post('/heartbeat', { userId: 'gone-before', sessionId: 'a', streamId: 'film-1' });
  await leave('gone-before');
  on = await startTestServer({
    ...env,
    ROLES: 'gateway,sidecar',
    REPLICA: 'on',
    REPLICA_MAX_LAG_MS: '60000',
    SUMMARY_INTERVAL_MS: '100',
  });
  users = Array.from({ length: 120 }, (_, i) => `user-${i}`);
  for (const [i, userId] of users.entries()) {
    const place = { deviceType: i % 3 ? 'tv' : 'web', country: i % 2 ? 'US' : 'DE', ...(i % 2 && { state: 'CA' }) };
    await off.post('/heartbeat', { userId, sessionId: 'a', streamId: `film-${i % 7}`, ...place });
  }
  await off.post('/heartbeat', { userId: 'user-0', sessionId: 'b', streamId: 'film-1' });
  await off.post('/heartbeat', { userId: 'only-marked' });
  await Player.hello(off.wsPort, { userId: 'by-socket', streamId: 'film-1' });
  await showsAll();
  // Seen to leave, unlike who is gone before the replica began.
  await leave('user-119');
  await showsAll();
}, 60_000);

afterAll(async () => {
  admin.disconnect();
  await Promise.all([on, off].map((server) => server.stop(0)));
  await redis.stop();
});

const fetchOf = (server: TestServer, path: string) => fetch(`http://127.0.0.1:${server.httpPort}${path}`);
const ageOf = async (path: string) => (await fetchOf(on, path)).headers.get(AGE);
/** Waits until the replica answers, and that as of a later instant than this. */
async function showsAll(): Promise<void> {
  const quietAt = performance.now();
  await until(async () => {
    const askedAt = performance.now();
    const age = await ageOf('/online');
    return age !== null && askedAt - Number(age) > quietAt;
  });
}
const leave = (userId: string, sessionId = 'a') =>
  fetch(`http://127.0.0.1:${off.httpPort}/heartbeat`, {
    method: 'DELETE',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId, sessionId }),
  });

/** Calls of every command so far but those that follow the log and check it, and the marks by which its reader does. */
async function readsSoFar(): Promise<Record<string, number>> {
  const stats = await admin.info('commandstats');
  const calls = [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, name, count]) => [name, Number(count)]);
  const own = new Set(['info', 'xread', 'xrevrange', 'fcall', 'get', 'set']);
  return Object.fromEntries(calls.filter(([name]) => !own.has(name as string)));
}

/** Online users were last seen now, which differs from one answer to the next. */
function comparable(body: Record<string, unknown>): unknown {
  return JSON.parse(JSON.stringify(body, (_, part) => (part?.online === true ? { ...part, lastSeenAt: 'now' } : part)));
}

const FROM_MEMORY = [
  '/online',
  '/status/user/user-0',
  '/status/user/user-119',
  '/status/user/only-marked',
  '/status/user/by-socket',
  '/status/users?ids=user-3,user-0,user-3,user-119,by-socket',
  '/stats/viewercount',
  '/stats/viewercount/streams/film-1',
  '/stats/viewercount/streams/none',
  '/stats/viewercount/devices/tv',
  '/stats/viewercount/location?country=US',
  '/stats/viewercount/location?country=US&state=CA',
  '/stats/viewercount/users/user-0',
  '/stats/viewercount/users/nobody',
  '/stats/top?by=stream',
  '/stats/top?by=state&limit=1',
];
const FROM_THE_STORE = ['/concurrency/user/user-0', '/concurrency/users?ids=user-0,nobody', '/status/user/nobody'];

describe('with REPLICA=on', () => {
  test.each([...FROM_MEMORY, ...FROM_THE_STORE])('GET %s answers as without', async (path) => {
    const [with_, without] = await Promise.all([on.get(path), off.get(path)]);
    expect(with_.status).toBe(200);
    expect(comparable(with_.body)).toEqual(comparable(without.body));
  });

  test.each(FROM_MEMORY)('GET %s tells its age and asks nothing of Redis', async (path) => {
    const before = await readsSoFar();
    expect(Number(await ageOf(path))).toBeGreaterThan(0);
    expect(await readsSoFar()).toEqual(before);
    expect((await fetchOf(off, path)).headers.get(AGE)).toBeNull();
    expect(await readsSoFar()).not.toEqual(before);
  });

  test('dashboards are told totals and tops, and Redis is not asked', async () => {
    const dashboard = await Dashboard.open(on.wsPort);
    const view = await dashboard.subscribe('stats');
    await until(() => view.frames.length > 1);
    // The other server renews the session of its socket by and by.
    await until(async () => {
      const before = await readsSoFar();
      const told = view.frames.length;
      await until(() => view.frames.length > told + 3);
      return isDeepStrictEqual(await readsSoFar(), before);
    });
    const { body } = await off.get('/stats/top?by=stream&limit=10');
    expect(view.frames.at(-1)?.stats).toMatchObject({ streams: body.items });
    dashboard.player.socket.terminate();
  });

  test.each([
    ['stream:film-1', 'c'],
    ['users:user-0,user-5,nobody,only-marked', 'd'],
    ['all', 'e'],
  ])('[W24] a snapshot of %s shows what the store would, of which no session is asked', async (topic, sessionId) => {
    const [replicas, stores] = [await Dashboard.open(on.wsPort), await Dashboard.open(off.wsPort)];
    const before = await readsSoFar();
    const view = await replicas.subscribe(topic);
    await until(() => view.frames.at(-1)?.last === true);
    const after = await readsSoFar();
    for (const command of ['hgetall', 'zscore', 'hget', 'zrange']) {
      expect([command, after[command] ?? 0]).toEqual([command, before[command] ?? 0]);
    }
    const expected = await stores.subscribe(topic);
    await until(() => expected.frames.at(-1)?.last === true);
    expect(view.rows()).toEqual(expected.rows());
    expect([...view.sessions.values()].length).toBeGreaterThan(0);
    expect(new Set(view.sessions.values())).toEqual(new Set(expected.sessions.values()));
    await off.post('/heartbeat', { userId: 'user-0', sessionId, streamId: 'film-1' });
    const row = `user-0/${sessionId}=film-1`;
    await until(() => view.rows().includes(row) && expected.rows().includes(row));
    await leave('user-0', sessionId);
    await until(() => isDeepStrictEqual(view.rows(), expected.rows()) && !view.rows().includes(row));
    expect(view.faults).toEqual([]);
    for (const dashboard of [replicas, stores]) dashboard.player.socket.terminate();
    await showsAll();
  });

  test('[P11] the copy and the dashboards of a process wait at Redis with one read', async () => {
    const waiting = async (): Promise<number> => {
      const clients = String(await admin.client('LIST')).split('\n');
      return clients.filter((text) => text.includes(' cmd=xread ') && text.includes(' flags=b ')).length;
    };
    // One inbox of each server, and the copy.
    await until(async () => (await waiting()) === 3);
    const [beside, alone] = [await Dashboard.open(on.wsPort), await Dashboard.open(off.wsPort)];
    const view = await beside.subscribe('all');
    for (let i = 0; i < 20; i++) {
      const told = view.frames.length;
      await off.post('/heartbeat', { userId: 'user-0', sessionId: 'a', streamId: `film-${(i + 1) % 2}` });
      await until(() => view.frames.length > told);
      expect(await waiting()).toBeLessThanOrEqual(3);
    }
    await alone.subscribe('all');
    await until(async () => (await waiting()) === 4);
    for (const dashboard of [beside, alone]) dashboard.player.socket.terminate();
    await showsAll();
  });

  test('a batch of 100 online users asks nothing of Redis, and one with others asks for those', async () => {
    const ids = users.slice(0, 100);
    const before = await readsSoFar();
    const { status, body } = await on.post('/status/users', { ids });
    expect(status).toBe(200);
    expect((body.users as { online: boolean }[]).every(({ online }) => online)).toBe(true);
    expect(await readsSoFar()).toEqual(before);

    const mixed = ['nobody', ...ids.slice(0, 50), 'gone-before', 'nobody', 'user-119'];
    expect(comparable((await on.post('/status/users', { ids: mixed })).body)).toEqual(
      comparable((await off.post('/status/users', { ids: mixed })).body),
    );
    // One call each, which asks the time once; the replica's carries three users, the other all.
    const after = await readsSoFar();
    expect((after.time ?? 0) - (before.time ?? 0)).toBe(2);
    expect((after.zrange ?? 0) - (before.zrange ?? 0)).toBeLessThan(2 * mixed.length);
  });

  test('what is never told by the replica has no age', async () => {
    for (const path of ['/concurrency/user/user-0', '/concurrency/users?ids=user-0', '/healthz']) {
      expect([path, await ageOf(path)]).toEqual([path, null]);
    }
  });

  test('its metrics say what it answered', async () => {
    const text = await (await fetchOf(on, '/metrics')).text();
    for (const line of ['presence_replica_serving 1', 'presence_replica_rebuilds_total 0'])
      expect(text).toContain(line);
    expect(text).toMatch(/^presence_replica_users 12[12]$/m);
    expect(text).toMatch(/^presence_replica_age_seconds [01]\.\d+$/m);
    expect(text).toMatch(/^presence_replica_reads_total\{answered="replica"\} [1-9]/m);
    expect(text).toMatch(/^presence_replica_reads_total\{answered="both"\} [1-9]/m);
    expect(text).toContain('presence_replica_fallbacks_total{reason="gap"} 0');
    expect(await (await fetchOf(off, '/metrics')).text()).not.toContain('presence_replica');
  });

  test('a change is soon seen', async () => {
    await off.post('/heartbeat', { userId: 'late', sessionId: 'a', streamId: 'film-9' });
    await until(async () => (await on.get('/stats/viewercount/streams/film-9')).body.users === 1);
  });
});

test('[P13] ids of every look are answered from memory as from Redis', async () => {
  for (const [i, userId] of HOSTILE_IDS.entries()) {
    await off.post('/heartbeat', { userId, sessionId: 'a', streamId: HOSTILE_IDS[HOSTILE_IDS.length - 1 - i] });
  }
  await showsAll();
  const paths = [`/status/users?ids=${HOSTILE_IDS.slice(0, -6).map(encodeURIComponent).join(',')}`];
  // Of a path `.` and `..` are no segments.
  for (const id of HOSTILE_IDS.filter((each) => !/^\.\.?$/.test(each)).map(encodeURIComponent)) {
    paths.push(`/status/user/${id}`, `/stats/viewercount/streams/${id}`, `/stats/viewercount/users/${id}`);
  }
  const withoutClock = (body: string): string => body.replaceAll(/"lastSeenAt":\d+/g, '"lastSeenAt":0');
  for (const path of paths) {
    const [answer, expected] = [await fetchOf(on, path), await fetchOf(off, path)];
    expect(answer.headers.get(AGE)).not.toBeNull();
    expect(withoutClock(await answer.text())).toBe(withoutClock(await expected.text()));
  }
  for (const userId of HOSTILE_IDS) await off.request('DELETE', '/heartbeat', { userId, sessionId: 'a' });
  await showsAll();
  expect(await (await fetchOf(on, '/online')).json()).toEqual(await (await fetchOf(off, '/online')).json());
});
