/** What clients on real devices need of the gateway, on both transports. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Frame, Player } from '../support/player.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';
import { hsToken, SECRET } from '../support/tokens.ts';

let server: TestServer;
afterEach(() => server.stop(0));
const conflictsOf = (frame: Frame) => (frame.problem as { conflicts: object[] }).conflicts;

describe.each(['uws', 'ws'])('transport %s', (TRANSPORT) => {
  const start = async (env: Record<string, string> = {}): Promise<void> => {
    server = await startTestServer({ TRANSPORT, ...env });
  };
  const lost = async (player: Player): Promise<void> => {
    player.socket.terminate();
    await player.closed;
    await until(async () => {
      const { body } = await server.get('/concurrency/user/u');
      return body.sessions.some((session: { detached?: true }) => session.detached);
    });
  };

  test('[W34] a ping is answered before and after the welcome, and is no hello', async () => {
    await start({ HELLO_TIMEOUT_MS: '300' });
    const player = await Player.connect(server.wsPort);
    player.send({ type: 'ping', id: 7 });
    player.send({ type: 'ping' });
    expect([await player.next(), await player.next()]).toEqual([{ type: 'pong', id: 7 }, { type: 'pong' }]);
    expect(await player.closed).toBe(4008);
    const [other] = await Player.hello(server.wsPort, { userId: 'u' });
    other.send({ type: 'ping', id: 'p' });
    expect(await other.next()).toEqual({ type: 'pong', id: 'p' });
  });

  test('[W2] ids may be numbers, and come back as numbers', async () => {
    await start();
    const [player, welcome] = await Player.hello(server.wsPort, { userId: 'u', id: 1 });
    expect(welcome).toMatchObject({ type: 'welcome', id: 1 });
    player.send({ type: 'update', id: 2, streamId: 'tnt' });
    expect(await player.next()).toEqual({ type: 'ok', id: 2 });
    for (const id of [1.5, 2 ** 53, null, {}, 'x'.repeat(65)]) {
      player.send({ type: 'heartbeat', id });
      expect(await player.next('error')).toMatchObject({ problem: { code: 'invalid_request' } });
    }
  });

  test('[W13] a leave behind a hello ends what that opens', async () => {
    await start();
    const player = await Player.connect(server.wsPort);
    player.send({ type: 'hello', userId: 'u', streamId: 'tnt' });
    player.send({ type: 'leave' });
    expect(await player.closed).toBe(1000);
    expect((await server.get('/concurrency/user/u')).body).toMatchObject({ current: 0 });
  });

  test('[W8] a hello at the limit takes the slot of its own device, if that lost its connection', async () => {
    await start({ MAX_STREAMS: '1', RESUME_GRACE_MS: '20000' });
    const [first] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'a', deviceId: 'ipad' });
    const [, refused] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'b', deviceId: 'ipad' });
    expect(conflictsOf(refused)).toMatchObject([{ sessionId: 'a' }]);
    await lost(first);
    const [, other] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'c', deviceId: 'tv' });
    expect(conflictsOf(other)).toMatchObject([{ sessionId: 'a', deviceId: 'ipad', detached: true }]);
    const [, welcome] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'd', deviceId: 'ipad' });
    expect(welcome).toMatchObject({ type: 'welcome', sessionId: 'd', current: 1 });
  });

  test('[W8] … before anybody else is evicted for it', async () => {
    await start({ MAX_STREAMS: '2', RESUME_GRACE_MS: '20000', ON_LIMIT: 'evict-oldest' });
    const [tv] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'tv', deviceId: 'tv' });
    const [first] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'a', deviceId: 'ipad' });
    await lost(first);
    const [second, welcome] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'b', deviceId: 'ipad' });
    expect(welcome).toMatchObject({ type: 'welcome', current: 2 });
    // Of a device that lost none the oldest is evicted.
    await Player.hello(server.wsPort, { userId: 'u', sessionId: 'c', deviceId: 'phone' });
    expect(await tv.next('evicted')).toMatchObject({ reason: 'evicted', by: { sessionId: 'c' } });
    expect(
      (await server.get('/concurrency/user/u')).body.sessions.map((s: { sessionId: string }) => s.sessionId),
    ).toEqual(['b', 'c']);
    expect(second.frames).toEqual([]);
  });

  test('[W8] … unless DEVICE_TAKEOVER is off; a session that was lost can be replaced all the same', async () => {
    await start({ MAX_STREAMS: '1', RESUME_GRACE_MS: '20000', DEVICE_TAKEOVER: 'off' });
    const [first] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'a', deviceId: 'ipad' });
    await lost(first);
    const [, refused] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'b', deviceId: 'ipad' });
    expect(refused).toMatchObject({ type: 'error', problem: { code: 'concurrency_limit' } });
    const [, welcome] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'b', replace: ['a'] });
    expect(welcome).toMatchObject({ type: 'welcome', current: 1 });
  });

  test('[W8] conflicts say what their player told of itself', async () => {
    await start({ MAX_STREAMS: '1' });
    const about = { deviceId: 'd1', deviceType: 'tablet', meta: { name: 'Anna’s iPad' } };
    await Player.hello(server.wsPort, { userId: 'u', sessionId: 'a', streamId: 'tnt', ...about });
    const [, refused] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'b' });
    expect(conflictsOf(refused)).toEqual([
      { sessionId: 'a', streamId: 'tnt', ...about, startedAt: expect.any(Number) },
    ]);
    expect((await server.get('/concurrency/user/u')).body.sessions).toMatchObject([about]);
  });

  test('[W24] [W25] snapshots, opens and updates hold device and meta; a change of them is a change', async () => {
    await start();
    const about = { deviceId: 'd1', meta: { name: 'TV' } };
    const [player] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 's', streamId: 'tnt', ...about });
    const [dashboard] = await Player.hello(server.wsPort, { observe: true });
    dashboard.send({ type: 'subscribe', topic: 'user', ids: ['u'] });
    expect(await dashboard.next('subscribed')).toMatchObject({ topic: 'user:u' });
    expect(await dashboard.next('snapshot')).toMatchObject({ topic: 'user:u', sessions: [about] });
    player.send({ type: 'update', meta: { name: 'Kitchen' } });
    expect(await dashboard.next('changes')).toMatchObject({
      changes: [{ kind: 'update', deviceId: 'd1', meta: { name: 'Kitchen' }, via: 'socket', streamId: 'tnt' }],
    });
  });

  test('[W23] topics by arrays of ids; those who are offline were last seen then', async () => {
    await start();
    const [gone] = await Player.hello(server.wsPort, { userId: 'gone', sessionId: 's' });
    await Player.hello(server.wsPort, { userId: 'here', sessionId: 's' });
    gone.send({ type: 'leave' });
    await gone.closed;
    const [dashboard] = await Player.hello(server.wsPort, { observe: true });
    dashboard.send({ type: 'subscribe', id: 1, topic: 'users', ids: ['here', 'gone', 'never'], seen: true });
    const topic = 'users:here,gone,never';
    expect(await dashboard.next()).toEqual({ type: 'subscribed', id: 1, topic, resumed: false });
    expect(await dashboard.next('seen')).toEqual({
      type: 'seen',
      topic,
      users: [
        { userId: 'gone', lastSeenAt: expect.any(Number) },
        { userId: 'never', lastSeenAt: null },
      ],
    });
    for (const bad of [
      { topic: 'users', ids: [] },
      { topic: 'all', ids: ['x'] },
      { topic: 'users', ids: ['a b'] },
    ]) {
      dashboard.send({ type: 'subscribe', ...bad });
      expect(await dashboard.next('error')).toMatchObject({ problem: { code: 'invalid_request' } });
    }
  });

  test('[W18] [W20] [W23] scope presence:friends follows its own user and its friends, and nobody else', async () => {
    await start({ AUTH: 'jwt', JWT_SECRET: SECRET });
    const scope = 'presence:player presence:friends';
    const token = await hsToken({ scope, friends: ['ann', 'bob'] });
    const [observer] = await Player.hello(server.wsPort, { observe: true, token });
    const [player] = await Player.hello(server.wsPort, { streamId: 'tnt', token });
    for (const socket of [observer, player]) {
      for (const topic of ['user:u', 'users:ann,u,bob', 'user:bob']) {
        socket.send({ type: 'subscribe', topic });
        expect(await socket.next('subscribed')).toMatchObject({ topic });
      }
      for (const topic of ['user:eve', 'users:ann,eve', 'stream:tnt', 'all', 'stats']) {
        socket.send({ type: 'subscribe', topic });
        expect(await socket.next('error')).toMatchObject({ problem: { code: 'forbidden' } });
      }
    }
    observer.send({ type: 'refresh', token: await hsToken({ scope, friends: ['ann', 'bob', 'cat'] }) });
    await observer.next('ok');
    observer.send({ type: 'refresh', token: await hsToken({ scope, friends: ['ann'] }) });
    expect(await observer.closed).toBe(4210);
  });

  test('[W1] a page may ask by HTTP why its upgrade failed', async () => {
    await start({ ALLOWED_ORIGINS: 'https://ours.example' });
    const ask = async (path: string, origin: string) => {
      const { status, headers } = await fetch(`http://127.0.0.1:${server.wsPort}${path}`, { headers: { origin } });
      return [status, headers.get('access-control-allow-origin')];
    };
    expect(await ask('/ws', 'https://ours.example')).toEqual([426, '*']);
    expect(await ask('/ws', 'https://other.example')).toEqual([403, '*']);
    expect(await ask('/', 'https://ours.example')).toEqual([404, '*']);
  });
});
