/** What a node tells of itself, why users were refused, and who the caller is. */
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { MemoryStore, RedisStore } from '../../presence-core/index.ts';
import { reportKey } from '../../presence-core/redis/keys.ts';
import { Player } from '../support/player.ts';
import { startRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';
import { startSidecar } from '../support/sidecar.ts';
import { apiKeyEntry, hsToken, SECRET } from '../support/tokens.ts';

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer(env);
  ends.push(() => server.stop(0));
  return server;
}

test('the report of a node has its sockets, what it admitted and refused, and its lease', async () => {
  const server = await start({ MAX_STREAMS: '1' });
  const [player] = await Player.hello(server.wsPort, { userId: 'ann', sessionId: 'a', streamId: 'tnt' });
  const [observer] = await Player.hello(server.wsPort, { observe: true });
  ends.push(() => player.socket.close());
  ends.push(() => observer.socket.close());
  await Player.hello(server.wsPort, { userId: 'ann', sessionId: 'b', streamId: 'espn' });
  await until(async () => (await server.get('/nodes')).body.self.admissions.refused === 1);
  const { nodes, self, settings } = (await server.get('/nodes')).body;
  const { nodeId, admissions, ended, ...state } = self;
  expect(nodes).toEqual([{ nodeId, report: { ...state, ageMs: 0 } }]);
  expect(self).toMatchObject({
    store: 'memory',
    draining: false,
    degraded: false,
    storeUp: true,
    sockets: { players: 1, dashboards: 1 },
    sessionsHeld: 1,
    admissions: { opened: 1, refused: 1 },
  });
  expect(self.leaseAgeMs).toBeGreaterThanOrEqual(0);
  expect(settings).toMatchObject({ maxStreams: 1, wsPort: server.wsPort, history: false });
  expect((await server.get('/refusals/ann')).body.refusals).toMatchObject([
    { sessionId: 'b', streamId: 'espn', current: 1, max: 1, conflicts: [{ sessionId: 'a', streamId: 'tnt' }] },
  ]);
});

test('[P19] each node gives the reports of all, while they live; one that tells nothing by its id', async () => {
  const redis = await startRedis();
  ends.push(() => redis.stop());
  const prefix = 'reports';
  const env = { REDIS_URL: redis.url, REDIS_PREFIX: prefix, PRESENCE_SHARDS: '4' };
  const [first, second] = [await start(env), await start(env)];
  const client = new Redis(redis.url);
  ends.push(() => client.disconnect());
  const [player] = await Player.hello(second.wsPort, { userId: 'ann', sessionId: 'a', streamId: 'tnt' });
  ends.push(() => player.socket.close());
  const firstId = (await first.get('/nodes')).body.self.nodeId as string;
  const secondId = (await second.get('/nodes')).body.self.nodeId as string;
  type Listed = { nodeId: string; report?: Record<string, unknown> };
  const listed = async (server: TestServer, query = ''): Promise<Map<string, Listed['report']>> => {
    const { nodes } = (await server.get(`/nodes${query}`)).body as { nodes: Listed[] };
    return new Map(nodes.map(({ nodeId, report }) => [nodeId, report]));
  };
  await until(
    async () => JSON.stringify((await listed(first)).get(secondId)?.sockets)?.includes('"players":1') ?? false,
  );
  const seen = await listed(first);
  expect([...seen.keys()].sort()).toEqual([firstId, secondId].sort());
  expect(seen.get(firstId)).toMatchObject({ sockets: { players: 0 }, sessionsHeld: 0, ageMs: 0 });
  const report = seen.get(secondId);
  expect(report).toMatchObject({ store: 'redis', storeUp: true, draining: false, sessionsHeld: 1 });
  // The lease is as old as the report says, and the report itself is some time old.
  expect(report?.leaseAgeMs).toBeGreaterThanOrEqual(report?.ageMs as number);
  expect((await listed(second)).get(firstId)).toMatchObject({ sockets: { players: 0 } });
  const text = (await client.get(reportKey(prefix, secondId))) as string;
  expect(Buffer.byteLength(text)).toBeLessThan(1_024);
  expect(await client.pttl(reportKey(prefix, secondId))).toBeLessThanOrEqual(1_000);

  // Of another version.
  const at = Date.now();
  const store = new RedisStore({ url: redis.url, prefix, shards: 4 });
  await store.start();
  ends.push(() => store.stop());
  const odd = [
    '{"at":',
    '[]',
    '{"at":1}',
    `{"at":${at},"state":{"version":7}}`,
    `{"at":${at},"state":null}`,
    undefined,
  ];
  for (const [i, each] of odd.entries()) {
    await store.nodes.join(`odd-${i}`, 60_000);
    if (each !== undefined) await store.nodes.report(`odd-${i}`, each, 60_000);
  }
  await until(async () => (await listed(first)).has('odd-5'));
  // Until those that were read before are old.
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const known = await listed(first);
  expect(odd.map((_, i) => [known.has(`odd-${i}`), known.get(`odd-${i}`)])).toEqual(odd.map(() => [true, undefined]));

  // Who wants its own only costs no read.
  const reads = async (): Promise<number> =>
    Number(/cmdstat_mget:calls=(\d+)/.exec(await client.info('commandstats'))?.[1] ?? 0);
  const before = await reads();
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const own = await listed(first, '?reports=own');
  expect([own.get(firstId)?.store, own.get(secondId)]).toEqual(['redis', undefined]);
  expect(await reads()).toBe(before);
  // All who ask within a second cost one.
  await Promise.all(Array.from({ length: 50 }, () => listed(first)));
  const cost = (await reads()) - before;
  expect([cost > 0, cost < 10]).toEqual([true, true]);

  await second.stop(0);
  await until(async () => !(await listed(first)).has(secondId));
});

test('[W18] an API key of scope read in place of the token lets observe, and not play', async () => {
  const keys = [apiKeyEntry('wall', 'presence:read', 'k of wall'), apiKeyEntry('tv', 'presence:player', 'k of tv')];
  const server = await start({ AUTH: 'jwt', JWT_SECRET: SECRET, API_KEYS: keys.join(',') });
  const hello = async (message: object) => {
    const [player, frame] = await Player.hello(server.wsPort, message);
    ends.push(() => player.socket.close());
    return frame.type === 'error' ? (frame.problem as { code: string }).code : frame.type;
  };
  expect(await hello({ observe: true, token: 'k of wall' })).toBe('welcome');
  expect(await hello({ observe: true, token: 'k of nobody' })).toBe('unauthenticated');
  expect(await hello({ observe: true, token: 'k of tv' })).toBe('forbidden');
  expect(await hello({ userId: 'ann', streamId: 'tnt', token: 'k of wall' })).toBe('unauthenticated');

  const asked = await server.request('GET', '/identity', undefined, { 'x-api-key': 'k of wall' });
  expect(asked.body).toEqual({ auth: 'jwt', scopes: ['read'], machine: 'wall' });
  const authorization = `Bearer ${await hsToken({ sub: 'ops', scope: 'presence:admin' })}`;
  const admin = await server.request('GET', '/identity', undefined, { authorization });
  expect(admin.body).toEqual({ auth: 'jwt', scopes: ['admin'], userId: 'ops' });
});

test('the page may run its own script only, and open sockets to its own host only', async () => {
  const server = await start();
  const { headers } = await server.get('/');
  expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
  const policy = (headers.get('content-security-policy') ?? '').split('; ');
  const host = `127.0.0.1:${server.httpPort}`;
  const gateway = `127.0.0.1:${server.wsPort}`;
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).toContain(`connect-src 'self' ws://${host} wss://${host} ws://${gateway} wss://${gateway}`);
});

test('the reason of an act of an admin is in its log line', async () => {
  const sidecar = await startSidecar(new MemoryStore(), { LOG_LEVEL: 'info' });
  ends.push(() => sidecar.close());
  await sidecar.post('/heartbeat', { userId: 'ann', sessionId: 'a', streamId: 'tnt' });
  await sidecar.request('PUT', '/limits/ann?reason=a%20big%20family', { max: 5 });
  await sidecar.request('DELETE', '/sessions/ann/a?reason=ticket%2012');
  await sidecar.request('DELETE', '/sessions/ann?reason=ticket%2013');
  await sidecar.request('DELETE', '/limits/ann?reason=moved%20out');
  const reasons = sidecar.lines.filter(({ reason }) => reason !== undefined);
  expect(reasons.map(({ message, reason }) => [message, reason])).toEqual([
    ['limit set', 'a big family'],
    ['kicked', 'ticket 12'],
    ['no session to kick', 'ticket 13'],
    ['limit removed', 'moved out'],
  ]);
  expect((await sidecar.request('DELETE', `/sessions/ann?reason=${'x'.repeat(201)}`)).status).toBe(400);
});
