/** The first whole run: sockets of players, on both transports and both stores, seen through the sidecar. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ shared: true });
});
afterAll(() => redis.stop());

const STORES = { memory: () => ({}), redis: () => ({ REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix() }) };

describe.each(['uws', 'ws'])('transport %s', (TRANSPORT) => {
  describe.each(['memory', 'redis'] as const)('store %s', (kind) => {
    let server: TestServer;
    const start = async (env: Record<string, string> = {}): Promise<void> => {
      server = await startTestServer({ TRANSPORT, ...STORES[kind](), ...env });
    };
    afterEach(() => server.stop(0));
    const status = async (userId: string): Promise<Record<string, unknown>> =>
      (await server.get(`/status/user/${userId}`)).body;

    test('[W6] [W8] [W13] a player opens, the world sees it, the fourth stream is refused, it leaves, the world sees that', async () => {
      await start();
      const [first, welcome] = await Player.hello(server.wsPort, {
        userId: 'u',
        streamId: 'tnt',
        deviceType: 'android',
        country: 'US',
        state: 'CA',
      });
      expect(welcome).toEqual({
        type: 'welcome',
        userId: 'u',
        sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
        resumeToken: expect.any(String),
        resumed: false,
        current: 1,
        max: 3,
        expiresAt: expect.any(Number),
        pingIntervalMs: 25_000,
        resumeGraceMs: 600,
      });
      expect(await status('u')).toMatchObject({ online: true, sessions: 1 });
      const others = [];
      for (const streamId of ['espn', 'abc']) {
        // So that their age tells their order.
        await sleep(5);
        others.push(await Player.hello(server.wsPort, { userId: 'u', streamId }));
      }
      expect(others.map(([, frame]) => frame.current)).toEqual([2, 3]);

      const [fourth, refusal] = await Player.hello(server.wsPort, { userId: 'u', streamId: 'hbo' });
      expect(refusal).toMatchObject({
        type: 'error',
        problem: {
          code: 'concurrency_limit',
          status: 409,
          current: 3,
          max: 3,
          conflicts: [{ streamId: 'tnt', deviceType: 'android' }, { streamId: 'espn' }, { streamId: 'abc' }],
          nextFreeAt: expect.any(Number),
        },
      });
      expect(await fourth.closed).toBe(4009);

      expect(await first.leave()).toBe(1000);
      expect(await status('u')).toMatchObject({ online: true, sessions: 2 });
      for (const [player] of others) await player.leave();
      expect(await status('u')).toMatchObject({ online: false, sessions: 0, lastSeenAt: expect.any(Number) });
      expect((await server.get('/online')).body).toEqual({ users: 0, sessions: 0 });
    });

    test('[P11] [W11] [W12] an update switches the stream of the same slot', async () => {
      await start();
      const [player] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 's', streamId: 'tnt' });
      expect(await player.ask({ type: 'update', streamId: 'espn', meta: { volume: '11' } })).toMatchObject({
        type: 'ok',
      });
      expect((await server.get('/concurrency/user/u')).body).toMatchObject({
        current: 1,
        sessions: [{ sessionId: 's', streamId: 'espn', via: 'socket' }],
      });
      expect(await player.ask({ type: 'heartbeat' })).toMatchObject({ type: 'heartbeat', current: 1, max: 3 });
    });

    test('[P8] [W9] [W15] a lost socket keeps its slot for the grace, and a resume takes it back', async () => {
      await start({ MAX_STREAMS: '1', RESUME_GRACE_MS: '5000' });
      const [player, { sessionId, resumeToken }] = await Player.hello(server.wsPort, { userId: 'u', streamId: 'tnt' });
      await player.vanish();
      await until(async () => {
        const { body } = await server.get('/concurrency/user/u');
        const [session] = body.sessions as { expiresAt: number }[];
        return session !== undefined && session.expiresAt < Date.now() + 6_000;
      });
      const [, refusal] = await Player.hello(server.wsPort, { userId: 'u', streamId: 'other' });
      expect(refusal).toMatchObject({ type: 'error', problem: { code: 'concurrency_limit' } });
      const [resumed, welcome] = await Player.hello(server.wsPort, { resume: resumeToken });
      expect(welcome).toMatchObject({ type: 'welcome', userId: 'u', sessionId, resumed: true, current: 1 });
      expect((await server.get('/concurrency/user/u')).body).toMatchObject({ sessions: [{ streamId: 'tnt' }] });
      await resumed.leave();
    });

    test('[P8] [W9] after the grace the session is gone, and a late resume is a new one', async () => {
      await start({ RESUME_GRACE_MS: '100' });
      const [player, { resumeToken }] = await Player.hello(server.wsPort, { userId: 'u', streamId: 'tnt' });
      await player.vanish();
      await until(async () => (await status('u')).online === false);
      await until(async () => (await server.get('/online')).body.users === 0);
      const [, welcome] = await Player.hello(server.wsPort, { resume: resumeToken });
      expect(welcome).toMatchObject({ type: 'welcome', resumed: false, current: 1 });
    });

    test('[P7] [W9] [W10] a second socket for the same session wins, the older is told and closed 4012', async () => {
      await start();
      const [older] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 's', streamId: 'tnt' });
      const [newer, welcome] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 's' });
      expect(welcome).toMatchObject({ type: 'welcome', sessionId: 's', resumed: false, current: 1 });
      expect(await older.next('evicted')).toMatchObject({ reason: 'replaced', by: { sessionId: 's' } });
      expect(await older.closed).toBe(4012);
      // The older one's end leaves the session with the newer.
      await sleep(50);
      expect(await newer.ask({ type: 'heartbeat' })).toMatchObject({ current: 1 });
    });

    test('[P5] [W16] evict-oldest and replace end sockets with their reason', async () => {
      await start({ MAX_STREAMS: '1', ON_LIMIT: 'evict-oldest' });
      const [oldest] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'a' });
      const [second] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'b', deviceType: 'tv' });
      expect(await oldest.next('evicted')).toMatchObject({
        reason: 'evicted',
        by: { sessionId: 'b', deviceType: 'tv' },
      });
      expect(await oldest.closed).toBe(4010);
      await Player.hello(server.wsPort, { userId: 'u', sessionId: 'c', replace: ['b'] });
      expect(await second.next('evicted')).toMatchObject({ reason: 'replaced', by: { sessionId: 'c' } });
      expect(await second.closed).toBe(4012);
    });

    test('sockets and HTTP heartbeats share one limit; a beat for a socket’s session only answers', async () => {
      await start({ MAX_STREAMS: '2' });
      await Player.hello(server.wsPort, { userId: 'u', sessionId: 'a', streamId: 'tnt' });
      const beat = (sessionId: string) => server.post('/heartbeat', { userId: 'u', sessionId, streamId: 'espn' });
      expect(await beat('a')).toMatchObject({ status: 200, body: { status: 'ok', current: 1 } });
      expect((await server.get('/concurrency/user/u')).body).toMatchObject({
        sessions: [{ sessionId: 'a', streamId: 'tnt', via: 'socket' }],
      });
      expect(await beat('b')).toMatchObject({ status: 200, body: { current: 2 } });
      expect(await beat('c')).toMatchObject({ status: 400, body: { code: 'concurrency_limit' } });
      const [, refusal] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'd' });
      expect(refusal).toMatchObject({ problem: { code: 'concurrency_limit' } });
    });

    test('[W8] [W16] a kick over HTTP ends the socket with 4011, and the session may not resume', async () => {
      await start();
      const [player, { resumeToken }] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 's' });
      const reply = await fetch(`http://127.0.0.1:${server.httpPort}/sessions/u/s`, { method: 'DELETE' });
      expect(reply.status).toBe(204);
      expect(await player.next('evicted')).toMatchObject({ reason: 'kicked' });
      expect(await player.closed).toBe(4011);
      const [again, told] = await Player.hello(server.wsPort, { resume: resumeToken });
      expect(told).toMatchObject({ type: 'evicted', reason: 'kicked' });
      expect(await again.closed).toBe(4011);
      const [, fresh] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 's' });
      expect(fresh).toMatchObject({ type: 'welcome', current: 1 });
    });

    test('[W7] an observer opens no session, and has none to change', async () => {
      await start();
      const [observer, welcome] = await Player.hello(server.wsPort, { observe: true });
      expect(welcome).toEqual({ type: 'welcome', resumed: false, pingIntervalMs: 25_000, resumeGraceMs: 600 });
      expect((await server.get('/online')).body).toEqual({ users: 0, sessions: 0 });
      for (const type of ['update', 'heartbeat']) {
        expect(await observer.ask({ type, streamId: 'tnt' })).toMatchObject({ problem: { code: 'invalid_request' } });
      }
      const [, player] = await Player.hello(server.wsPort, { observe: true, userId: 'u', streamId: 'tnt' });
      expect(player).toMatchObject({ type: 'welcome', userId: 'u', current: 1 });
    });

    test('[W20] without authentication any token is good', async () => {
      await start();
      const [player] = await Player.hello(server.wsPort, { userId: 'u', token: 'anything' });
      const ok = await player.ask({ type: 'refresh', token: 'anything else' });
      expect(ok).toEqual({ type: 'ok', id: expect.any(String), resumeToken: expect.any(String) });
    });

    test('[W6] [W21] silence before hello closes 4008, an unanswered ping 4203', async () => {
      await start({ HELLO_TIMEOUT_MS: '200', PING_INTERVAL_MS: '1000', PONG_TIMEOUT_MS: '1500' });
      const silent = await Player.connect(server.wsPort);
      expect(await silent.closed).toBe(4008);
      // Its next ping is sent before the first one is overdue: the oldest counts.
      const deaf = await Player.connect(server.wsPort, { autoPong: false });
      deaf.send({ type: 'hello', userId: 'deaf' });
      const [hearing] = await Player.hello(server.wsPort, { userId: 'hearing' });
      expect(await deaf.closed).toBe(4203);
      expect(await hearing.ask({ type: 'heartbeat' })).toMatchObject({ current: 1 });
    });

    test('[W34] a page that was frozen, though its browser answers pings, is closed 4203, and may resume', async () => {
      await start({ PING_INTERVAL_MS: '1000', SILENCE_TIMEOUT_MS: '2000', RESUME_GRACE_MS: '5000' });
      const [frozen, welcome] = await Player.hello(server.wsPort, { userId: 'frozen', sessionId: 's' });
      expect(welcome).toMatchObject({ silenceTimeoutMs: 2000 });
      const [dashboard] = await Player.hello(server.wsPort, { observe: true });
      const [awake] = await Player.hello(server.wsPort, { userId: 'awake' });
      const pings = setInterval(() => awake.send({ type: 'ping' }), 600);
      expect(await frozen.closed).toBe(4203);
      clearInterval(pings);
      for (const open of [dashboard, awake]) expect(open.socket.readyState).toBe(open.socket.OPEN);
      const back = { userId: 'frozen', sessionId: 's', resume: welcome.resumeToken };
      expect((await Player.hello(server.wsPort, back))[1]).toMatchObject({ type: 'welcome', resumed: true });
    });
  });
});
