/** Redis away, back, emptied; gateways that die. Players stay connected, ghosts go, nobody is let in twice (P8-P10). */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { Player } from '../support/player.ts';
import { freePort, startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function redisAt(port?: number): Promise<TestRedis> {
  const redis = await startRedis(port === undefined ? {} : { port });
  ended.push(() => redis.stop());
  return redis;
}

async function serverAt(redisPort: number, env: Record<string, string> = {}, ready = true): Promise<TestServer> {
  const server = await startTestServer({ REDIS_URL: `redis://127.0.0.1:${redisPort}`, ...env }, ready);
  ended.push(() => server.stop(0));
  return server;
}

const isReady = async (server: TestServer): Promise<boolean> => (await server.get('/readyz')).body.status === 'ok';

test('[P10] [W17] without Redis at start players are let in degraded, and admitted when it is there', async () => {
  const port = await freePort();
  const server = await serverAt(port, { MAX_STREAMS: '1' }, false);
  expect(await server.get('/healthz')).toMatchObject({ status: 200 });
  expect(await server.get('/readyz')).toMatchObject({ status: 200, body: { status: 'degraded' } });
  expect(await server.get('/status/user/u')).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
  expect(await server.post('/heartbeat', { userId: 'h', sessionId: 's', streamId: 'f' })).toMatchObject({
    status: 200,
    body: { status: 'ok', degraded: true },
  });
  const [player, welcome] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'a', streamId: 'tnt' });
  expect(welcome).toMatchObject({ type: 'welcome', degraded: true, resumed: false });
  expect(welcome).not.toHaveProperty('current');
  expect(welcome).not.toHaveProperty('resumeToken');
  const [second] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'b', streamId: 'espn' });
  expect(await player.ask({ type: 'update', streamId: 'abc' })).toMatchObject({ type: 'ok' });
  expect(await player.ask({ type: 'heartbeat' })).toMatchObject({ degraded: true });

  await redisAt(port);
  await until(() => isReady(server));
  // One slot, two that were let in unchecked: admission keeps one and refuses the other.
  const refused = await Promise.race([player.closed, second.closed]);
  expect(refused).toBe(4009);
  await until(async () => (await server.get('/online')).body.sessions === 1);
  const [session] = (await server.get('/concurrency/user/u')).body.sessions as { streamId: string }[];
  expect(['abc', 'espn']).toContain(session?.streamId);
});

test('[W17] a fault of the data is no outage: nobody is admitted unchecked', async () => {
  const redis = await redisAt();
  const server = await serverAt(redis.port, { PRESENCE_SHARDS: '1', REDIS_PREFIX: 'p' });
  const client = new Redis(redis.port);
  ended.push(async () => client.disconnect());
  await client.set('{p:0}:u:broken', 'not a set of sessions');
  const [player, error] = await Player.hello(server.wsPort, { userId: 'broken', streamId: 'tnt' });
  expect(error).toMatchObject({ type: 'error', problem: { code: 'internal' } });
  expect(await player.closed).toBe(4100);
  const beat = { userId: 'broken', sessionId: 's', streamId: 'f' };
  expect(await server.post('/heartbeat', beat)).toMatchObject({ status: 500, body: { code: 'internal' } });
});

test('[P10] [W17] policy closed refuses players and beats with a code that tells to come back', async () => {
  const server = await serverAt(await freePort(), { OUTAGE_POLICY: 'closed' }, false);
  const [player, error] = await Player.hello(server.wsPort, { userId: 'u' });
  expect(error).toMatchObject({ type: 'error', problem: { code: 'store_unavailable', status: 503 } });
  expect(await player.closed).toBe(4100);
  const beat = await server.post('/heartbeat', { userId: 'h', sessionId: 's', streamId: 'f' });
  expect(beat).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
});

type Attempt = (server: TestServer) => Promise<'in' | 'away' | 'refused'>;

const newGuard: Attempt = async ({ request }) => {
  const { status } = await request('POST', '/guards', {}, { 'x-user-id': 'u' });
  return status === 200 ? 'in' : status === 503 ? 'away' : 'refused';
};

const newHello: Attempt = async ({ wsPort }) => {
  const [, answer] = await Player.hello(wsPort, { userId: 'u' });
  if (answer.type === 'welcome') return 'in';
  return (answer.problem as { code: string }).code === 'store_unavailable' ? 'away' : 'refused';
};

test.each([
  ['a guard', newGuard],
  ['a hello', newHello],
] as const)(
  '[P7] [P10] policy closed: %s that Redis lets in after its caller was sent away takes no slot',
  async (_, attempt) => {
    const redis = await redisAt();
    const env = { OUTAGE_POLICY: 'closed', MAX_STREAMS: '1', RESUME_GRACE_MS: '600000', GUARD_TTL_MS: '600000' };
    const server = await serverAt(redis.port, env);
    const store = new RedisStore({ url: redis.url });
    ended.push(() => store.stop());
    await store.start();
    const before = await store.log.head();
    redis.process?.kill('SIGSTOP');
    try {
      expect(await attempt(server)).toBe('away');
    } finally {
      redis.process?.kill('SIGCONT');
    }
    await until(async () => (await attempt(server)) === 'in');
    const { changes } = await store.log.read(before, 1_000, 0);
    expect(changes.slice(0, 3).map(({ kind }) => kind)).toEqual(['open', 'close', 'open']);
  },
);

test('[P10] [W4] [W17] a frozen Redis costs each request a bounded time, and nobody a session', async () => {
  const redis = await redisAt();
  const server = await serverAt(redis.port);
  const [player] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 's', streamId: 'tnt' });
  redis.process?.kill('SIGSTOP');
  try {
    const replies = await Promise.all([
      server.get('/status/user/u'),
      server.get('/readyz'),
      server.post('/heartbeat', { userId: 'h', sessionId: 's', streamId: 'f' }),
      server.post('/admission', { userId: 'u' }),
    ]);
    expect(replies.map((reply) => reply.status)).toEqual([503, 200, 200, 503]);
    expect(await player.ask({ type: 'update', streamId: 'espn' })).toMatchObject({
      problem: { code: 'store_unavailable' },
    });
    const [, welcome] = await Player.hello(server.wsPort, { userId: 'v', streamId: 'abc' });
    expect(welcome).toMatchObject({ type: 'welcome', degraded: true });
    // More than may wait for an answer.
    for (let i = 0; i < 200; i++) player.send({ type: 'update', streamId: `f${i}` });
    expect(await player.closed).toBe(4129);
  } finally {
    redis.process?.kill('SIGCONT');
  }
  await until(() => isReady(server));
  await until(async () => (await server.get('/status/user/v')).body.online === true);
  await until(async () => (await server.get('/status/user/u')).body.online === false);
});

test('[P10] [W9] when Redis forgets, what sockets hold is restored without a disconnect, above the limit too', async () => {
  const redis = await redisAt();
  const server = await serverAt(redis.port, { RESUME_GRACE_MS: '5000' });
  const players = [];
  for (const sessionId of ['a', 'b', 'c']) {
    players.push(await Player.hello(server.wsPort, { userId: 'u', sessionId, streamId: sessionId, meta: { k: 'v' } }));
  }
  const before = (await server.get('/concurrency/user/u')).body.sessions as { startedAt: number }[];
  await redis.kill();
  await redis.restart();
  await until(async () => (await server.get('/online')).body.sessions === 3);
  const after = (await server.get('/concurrency/user/u')).body.sessions as { startedAt: number }[];
  expect(after.map((s) => s.startedAt)).toEqual(before.map((s) => s.startedAt));
  for (const [player] of players) expect(await player.ask({ type: 'heartbeat' })).toMatchObject({ current: 3 });
  // Resume tokens given before are still good.
  const [first, welcome] = players[0] as [Player, Record<string, unknown>];
  await first.vanish();
  const [, resumed] = await Player.hello(server.wsPort, { resume: welcome.resumeToken });
  expect(resumed).toMatchObject({ type: 'welcome', sessionId: 'a', resumed: true });
});

test('[P10] [P11] a session that was switched twice is restored in its segment and closed as one row of history', async () => {
  const redis = await redisAt();
  const server = await serverAt(redis.port);
  const store = new RedisStore({ url: redis.url });
  ended.push(() => store.stop());
  await store.start();
  const [player] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 's', streamId: 'a' });
  for (const streamId of ['b', 'c'])
    expect(await player.ask({ type: 'update', streamId })).toMatchObject({ type: 'ok' });
  const [opened, , switched] = (await store.log.read(await store.log.head(), 1_000, 0)).changes;
  expect(switched).toMatchObject({ kind: 'update', streamId: 'c', segment: 2 });
  const admin = new Redis(redis.port);
  ended.push(async () => admin.disconnect());
  await admin.flushall();
  await until(async () => (await server.get('/online')).body.sessions === 1);
  await player.leave();
  const changes = (await store.log.read(await store.log.head(), 1_000, 0)).changes;
  expect(changes.map((change) => change.kind)).toEqual(['open', 'close']);
  const row = { streamId: 'c', startedAt: opened?.startedAt, segment: 2, segmentStartedAt: switched?.at };
  for (const change of changes) expect(change).toMatchObject(row);
});

interface Process {
  readonly child: ChildProcess;
  readonly wsPort: number;
  readonly httpPort: number;
  readonly exit: Promise<number | null>;
  readonly lines: Record<string, unknown>[];
}

/** The built command, as an operator runs it; resolves at its `ready` line. */
async function launch(env: Record<string, string>): Promise<Process> {
  const child = spawn(process.execPath, ['dist/gateway/main.js'], {
    env: { ...process.env, WS_PORT: '0', HTTP_PORT: '0', DATABASE_URL: 'none', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  ended.push(async () => {
    child.kill('SIGKILL');
    await exit;
  });
  const lines: Record<string, unknown>[] = [];
  let rest = '';
  const ready = new Promise<Record<string, unknown>>((resolve, reject) => {
    child.stdout?.on('data', (data) => {
      const parts = (rest + data).split('\n');
      rest = parts.pop() as string;
      for (const part of parts) {
        const line = JSON.parse(part) as Record<string, unknown>;
        lines.push(line);
        if (line.msg === 'ready') resolve(line);
      }
    });
    void exit.then((code) => reject(new Error(`exited ${code} before it was ready: ${JSON.stringify(lines)}`)));
  });
  const { wsPort, httpPort } = (await ready) as { wsPort: number; httpPort: number };
  return { child, wsPort, httpPort, exit, lines };
}

const QUICK = { NODE_BEAT_MS: '200', NODE_LEASE_MS: '1500', SWEEP_MS: '100', RESUME_GRACE_MS: '3000', DRAIN_MS: '200' };

test('[P9] kill -9 of a gateway: its players’ sessions end once, as node_lost; others do not notice', async () => {
  const redis = await redisAt();
  const env = { ...QUICK, REDIS_URL: redis.url };
  const [doomed, other] = await Promise.all([launch(env), launch(env)]);
  for (let i = 0; i < 20; i++) await Player.hello(doomed.wsPort, { userId: `d${i}`, streamId: 'tnt' });
  const [stays] = await Player.hello(other.wsPort, { userId: 'stays', streamId: 'tnt' });
  doomed.child.kill('SIGKILL');
  await until(async () => {
    const reply = await fetch(`http://127.0.0.1:${other.httpPort}/online`);
    return ((await reply.json()) as { users: number }).users === 1;
  });
  expect(await stays.ask({ type: 'heartbeat' })).toMatchObject({ current: 1 });
  const store = new RedisStore({ url: redis.url });
  await store.start();
  const { changes } = await store.log.read(await store.log.head(), 10_000, 0);
  await store.stop();
  const closes = changes.filter((change) => change.kind === 'close');
  expect(closes.map((c) => c.reason)).toEqual(Array(20).fill('node_lost'));
  expect(new Set(closes.map((c) => c.userId)).size).toBe(20);
});

test('[P8] [W22] SIGTERM drains: players reconnect elsewhere with no offline in the log, and the process exits 0', async () => {
  const redis = await redisAt();
  const env = { ...QUICK, REDIS_URL: redis.url };
  const [old, next] = await Promise.all([launch(env), launch(env)]);
  const players = await Promise.all(
    Array.from({ length: 10 }, (_, i) => Player.hello(old.wsPort, { userId: `u${i}`, streamId: 'tnt' })),
  );
  old.child.kill('SIGTERM');
  const delays = await Promise.all(
    players.map(async ([player, { resumeToken }]) => {
      const { reconnectInMs } = await player.next('drain');
      expect(await player.closed).toBe(1001);
      const [, welcome] = await Player.hello(next.wsPort, { resume: resumeToken });
      expect(welcome).toMatchObject({ type: 'welcome', resumed: true });
      return reconnectInMs as number;
    }),
  );
  expect(Math.max(...delays)).toBeLessThan(200);
  expect(new Set(delays).size).toBeGreaterThan(1);
  expect(await old.exit).toBe(0);
  await sleep(1_000);
  const store = new RedisStore({ url: redis.url });
  await store.start();
  const { changes } = await store.log.read(await store.log.head(), 10_000, 0);
  await store.stop();
  expect(changes.map((change) => change.kind)).toEqual(Array(10).fill('open'));
});

test('[W13] [W14] [W17] an event or a leave while Redis is away is answered so, with an id or without, and the socket stays open', async () => {
  const redis = await redisAt();
  const server = await serverAt(redis.port);
  const [player] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'a', streamId: 's' });
  await redis.kill();
  const error = { type: 'error', problem: { code: 'store_unavailable', status: 503 } };
  expect(await player.ask({ type: 'event', event: 'click' })).toMatchObject(error);
  player.send({ type: 'event', event: 'click' });
  expect(await player.next('error')).toMatchObject(error);
  player.send({ type: 'leave' });
  expect(await player.next('error')).toMatchObject(error);
  await redis.restart();
  await until(async () => (await player.ask({ type: 'event', event: 'click' })).type === 'ok');
  expect(await player.leave()).toBe(1000);
});

test('the embedded store: the ready line tells the ports, SIGINT with nobody on exits 0', async () => {
  const server = await launch({ DRAIN_MS: '100' });
  const ready = server.lines.find((line) => line.msg === 'ready');
  expect(ready).toMatchObject({ store: 'memory', transport: expect.any(String), nodeId: expect.any(String) });
  const [, welcome] = await Player.hello(server.wsPort, { userId: 'u' });
  expect(welcome).toMatchObject({ type: 'welcome', current: 1 });
  server.child.kill('SIGINT');
  expect(await server.exit).toBe(0);
});

test('[P10] a master that answers reads and takes no beats may be cut off: what is read of it is marked', async () => {
  const redis = await redisAt();
  const server = await serverAt(redis.port);
  const doubt = async (): Promise<string | null> =>
    (await fetch(`http://127.0.0.1:${server.httpPort}/status/user/u`)).headers.get('x-presence-degraded');
  const admin = new Redis(redis.port);
  ended.push(async () => admin.disconnect());
  await until(async () => (await doubt()) === null);
  await admin.config('SET', 'min-replicas-to-write', '1');
  await until(async () => (await doubt()) === 'unconfirmed');
  await admin.config('SET', 'min-replicas-to-write', '0');
  await until(async () => (await doubt()) === null);
});
