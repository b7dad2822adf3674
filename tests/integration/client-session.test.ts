/** The SDK's player against the real gateway, on both transports. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Change } from '../../presence-core/index.ts';
import { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { closeClients, next, playerOf } from '../support/clients.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ shared: true });
});
afterAll(() => redis.stop());

describe.each(['uws', 'ws'])('transport %s', (TRANSPORT) => {
  const ends: (() => Promise<unknown>)[] = [];
  let prefix: string;
  const start = async (env: Record<string, string> = {}): Promise<TestServer> => {
    const server = await startTestServer({ TRANSPORT, REDIS_URL: redis.url, REDIS_PREFIX: prefix, ...env });
    ends.push(() => server.stop(0));
    return server;
  };
  const proxyTo = async (port: number): Promise<FaultProxy> => {
    const proxy = await FaultProxy.to(port);
    ends.push(() => proxy.close());
    return proxy;
  };
  const log = async (): Promise<readonly Change[]> => {
    const store = new RedisStore({ url: redis.url, prefix });
    await store.start();
    const { changes } = await store.log.read(await store.log.head(), 10_000, 0);
    await store.stop();
    return changes;
  };
  beforeEach(() => {
    prefix = redis.prefix();
  });
  afterEach(async () => {
    closeClients();
    for (const end of ends.splice(0).reverse()) await end();
  });
  const urlOf = ({ wsPort }: { wsPort: number }): string => `ws://127.0.0.1:${wsPort}/ws`;
  const sessions = async (server: TestServer) =>
    (await server.get('/concurrency/user/u')).body.sessions as { sessionId: string; streamId: string }[];

  test('connects, switches, counts, leaves', async () => {
    const server = await start();
    const player = playerOf({ url: urlOf(server), userId: 'u', streamId: 'tnt', deviceType: 'tv', country: 'US' });
    expect(player.state).toBe('idle');
    expect(await player.connect()).toMatchObject({ userId: 'u', current: 1, max: 3, resumed: false });
    expect(player.state).toBe('live');
    expect(player.session).toMatchObject({ userId: 'u', resumed: false, degraded: false });
    const second = playerOf({ url: urlOf(server), userId: 'u', sessionId: 's2' });
    await second.connect();
    expect(player.current).toBe(1);
    await player.check();
    expect([player.current, player.max]).toEqual([2, 3]);
    await player.setStream('espn', { meta: { volume: '11' } });
    expect(await sessions(server)).toMatchObject([{ streamId: 'espn', deviceType: 'tv' }, { sessionId: 's2' }]);
    await Promise.all([player.leave(), second.leave()]);
    expect(player.state).toBe('closed');
    expect(await sessions(server)).toEqual([]);
  });

  test('[P8] [W9] [W15] a cut connection is resumed: the same session, no offline in the log, nothing said is lost', async () => {
    const server = await start({ RESUME_GRACE_MS: '20000' });
    const proxy = await proxyTo(server.wsPort);
    const player = playerOf({ url: urlOf({ wsPort: proxy.port }), userId: 'u', streamId: 'tnt' });
    const { sessionId } = await player.connect();
    const back = next(player, 'welcome');
    proxy.reset();
    await next(player, 'disconnected');
    const told = player.setStream('espn');
    expect(await back).toMatchObject({ sessionId, resumed: true, current: 1 });
    await told;
    expect(await sessions(server)).toMatchObject([{ sessionId, streamId: 'espn' }]);
    const changes = await log();
    expect(changes.map(({ kind, transition }) => [kind, transition])).toEqual([
      ['open', 'online'],
      ['update', undefined],
    ]);
  });

  test('[P8] [W9] a session that is gone is opened anew by the same hello, with a stale resume token', async () => {
    const server = await start({ RESUME_GRACE_MS: '50' });
    const proxy = await proxyTo(server.wsPort);
    const player = playerOf({ url: urlOf({ wsPort: proxy.port }), userId: 'u', streamId: 'tnt' });
    const { sessionId } = await player.connect();
    proxy.blackhole = true;
    proxy.cut();
    await until(async () => (await sessions(server)).length === 0);
    proxy.blackhole = false;
    proxy.cut();
    expect(await next(player, 'welcome')).toMatchObject({ sessionId, resumed: false, current: 1 });
    expect(await sessions(server)).toMatchObject([{ sessionId, streamId: 'tnt' }]);
    // A machine that stands still is a silence of the store, which extends every lease by 35 s (P9).
  }, 90_000);

  test('[P8] [W22] a drain: the client comes back on another node, with no offline in the log', async () => {
    const [old, other] = [await start({ RESUME_GRACE_MS: '20000' }), await start({ RESUME_GRACE_MS: '20000' })];
    // The load balancer: new connections go to the node that stays.
    let port = old.wsPort;
    const { WebSocket } = await import('ws');
    class Balanced extends WebSocket {
      constructor(_url: string, protocols?: string) {
        super(`ws://127.0.0.1:${port}/ws`, protocols);
      }
    }
    const player = playerOf({ url: urlOf(old), userId: 'u', streamId: 'tnt', WebSocket: Balanced });
    const { sessionId } = await player.connect();
    port = other.wsPort;
    const [drain, lost, delay, back] = [
      next(player, 'drain'),
      next(player, 'disconnected'),
      next(player, 'reconnecting'),
      next(player, 'welcome'),
    ];
    await old.stop(50);
    expect(await drain).toMatchObject({ reconnectInMs: expect.any(Number) });
    expect(await lost).toMatchObject({ code: 1001, willReconnect: true });
    expect(await delay).toMatchObject({ delayMs: 0 });
    expect(await back).toMatchObject({ sessionId, resumed: true });
    expect((await log()).map((change) => change.kind)).toEqual(['open']);
  });

  test('[P5] [W8] denied at the limit: the problem tells who holds the slots, and the user picks a victim', async () => {
    const server = await start({ MAX_STREAMS: '1' });
    const first = playerOf({ url: urlOf(server), userId: 'u', sessionId: 'a', streamId: 'tnt' });
    await first.connect();
    const second = playerOf({ url: urlOf(server), userId: 'u', sessionId: 'b', streamId: 'espn' });
    const denied = next(second, 'denied');
    const refusal = {
      code: 'concurrency_limit',
      closeCode: 4009,
      problem: { max: 1, conflicts: [{ sessionId: 'a' }] },
    };
    await expect(second.connect()).rejects.toMatchObject(refusal);
    const { conflicts, nextFreeAt } = await denied;
    expect(nextFreeAt).toEqual(expect.any(Number));
    const evicted = next(first, 'evicted');
    const closed = next(first, 'disconnected');
    await second.connect({ replace: conflicts.map((conflict) => conflict.sessionId) });
    expect(await evicted).toMatchObject({ reason: 'replaced', by: { sessionId: 'b' } });
    expect(await closed).toMatchObject({ code: 4012, willReconnect: false });
    expect(first.state).toBe('closed');
    // The loser may ask again: it is refused like anybody, and not answered by its tombstone.
    await expect(first.connect()).rejects.toMatchObject({ code: 'concurrency_limit' });
    expect(await sessions(server)).toMatchObject([{ sessionId: 'b', streamId: 'espn' }]);
  });

  test('[W9] [W15] closed without leaving, the slot stays: the same client or another takes it up', async () => {
    const server = await start({ RESUME_GRACE_MS: '20000' });
    const player = playerOf({ url: urlOf(server), userId: 'u', streamId: 'tnt' });
    const { sessionId, resumeToken } = await player.connect();
    player.close();
    expect(await player.connect()).toMatchObject({ sessionId, resumed: true });
    player.close();
    const reloaded = playerOf({ url: urlOf(server), resume: resumeToken as string });
    expect(await reloaded.connect()).toMatchObject({ userId: 'u', sessionId, resumed: true });
    expect(await sessions(server)).toMatchObject([{ streamId: 'tnt' }]);
  });

  test('[W13] a page that is loaded anew and leaves before its hello frees the slot of the page before', async () => {
    const server = await start({ RESUME_GRACE_MS: '20000' });
    const player = playerOf({ url: urlOf(server), userId: 'u', streamId: 'tnt' });
    const { resumeToken } = await player.connect();
    player.close();
    const reloaded = playerOf({ url: urlOf(server), resume: resumeToken as string });
    const outcome = expect(reloaded.connect()).rejects.toMatchObject({ code: 'closed' });
    await reloaded.leave();
    await outcome;
    expect(await sessions(server)).toEqual([]);
  });

  test('[W3] a bad hello is refused for good, with what is wrong', async () => {
    const server = await start();
    const player = playerOf({ url: urlOf(server), userId: 'no id' });
    await expect(player.connect()).rejects.toMatchObject({ code: 'invalid_request', closeCode: 4000 });
    await expect(playerOf({ url: 'no address', userId: 'u' }).connect()).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});
