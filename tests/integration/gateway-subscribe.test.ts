/** Dashboards: every message of the contract, on both transports and both stores. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Dashboard } from '../support/dashboard.ts';
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
      server = await startTestServer({ TRANSPORT, PRESENCE_SHARDS: '8', ...STORES[kind](), ...env });
    };
    afterEach(() => server.stop(0));
    const beat = (userId: string, sessionId: string, streamId: string, more: object = {}) =>
      server.post('/heartbeat', { userId, sessionId, streamId, ...more });

    test('[W24] [W25] a snapshot, then each change once', async () => {
      await start();
      const place = { deviceType: 'tv', country: 'US', state: 'CA' };
      const [player] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 's', streamId: 'tnt', ...place });
      const dashboard = await Dashboard.open(server.wsPort);
      const view = await dashboard.subscribe('user:u');
      await until(() => view.frames.length === 2);
      expect(view.frames).toEqual([
        { type: 'subscribed', id: expect.any(String), topic: 'user:u', resumed: false },
        {
          type: 'snapshot',
          topic: 'user:u',
          page: 0,
          last: true,
          sessions: [
            { userId: 'u', sessionId: 's', streamId: 'tnt', ...place, via: 'socket', startedAt: expect.any(Number) },
          ],
          cursor: expect.any(String),
        },
      ]);
      await beat('u', 'b', 'espn');
      await until(() => view.frames.length === 3);
      await player.ask({ type: 'update', streamId: 'abc', deviceType: 'phone' });
      await until(() => view.frames.length === 4);
      await player.leave();
      await until(() => view.frames.length === 5);
      await fetch(`http://127.0.0.1:${server.httpPort}/sessions/u`, { method: 'DELETE' });
      await until(() => view.frames.length === 6);
      const seen = view.frames.slice(2).map((frame) => frame.changes);
      const at = expect.any(Number);
      const us = { ...place, deviceType: 'phone' };
      const since = { startedAt: at };
      expect(seen).toEqual([
        [{ kind: 'open', userId: 'u', sessionId: 'b', streamId: 'espn', via: 'heartbeat', ...since, at }],
        [
          {
            kind: 'update',
            userId: 'u',
            sessionId: 's',
            streamId: 'abc',
            ...us,
            via: 'socket',
            ...since,
            previous: { streamId: 'tnt' },
            at,
          },
        ],
        [{ kind: 'close', userId: 'u', sessionId: 's', streamId: 'abc', ...us, reason: 'left', at }],
        [{ kind: 'close', userId: 'u', sessionId: 'b', streamId: 'espn', reason: 'kicked', offline: true, at }],
      ]);
      expect(view.rows()).toEqual([]);
      await beat('u', 'c', 'espn');
      await until(() => view.frames.length === 7);
      expect(view.frames[6]).toMatchObject({ type: 'changes', changes: [{ kind: 'open', online: true }] });
      expect(view.faults).toEqual([]);
    });

    test('[W25] a switch is seen by both streams; other topics stay silent', async () => {
      await start();
      const [player] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 's', streamId: 'tnt' });
      const dashboard = await Dashboard.open(server.wsPort);
      const [tnt, espn, abc, users, all] = await Promise.all(
        ['stream:tnt', 'stream:espn', 'stream:abc', 'users:x,u', 'all'].map((topic) => dashboard.subscribe(topic)),
      );
      await until(() => [tnt, espn, abc, users, all].every((view) => view?.frames.length === 2));
      expect([tnt, espn, users, all].map((view) => view?.rows())).toEqual([['u/s=tnt'], [], ['u/s=tnt'], ['u/s=tnt']]);
      await player.ask({ type: 'update', streamId: 'espn' });
      await until(() => [tnt, espn, users, all].every((view) => view?.frames.length === 3));
      for (const view of [tnt, espn, users, all]) {
        expect(view?.frames[2]?.changes).toEqual([
          {
            kind: 'update',
            userId: 'u',
            sessionId: 's',
            streamId: 'espn',
            previous: { streamId: 'tnt' },
            via: 'socket',
            startedAt: expect.any(Number),
            at: expect.any(Number),
          },
        ]);
      }
      expect([tnt, espn, abc, users, all].map((view) => view?.rows())).toEqual([
        [],
        ['u/s=espn'],
        [],
        ['u/s=espn'],
        ['u/s=espn'],
      ]);
      expect(abc?.frames).toHaveLength(2);
    });

    test('[W25] a presence-only mark shows as session * of its user and of all', async () => {
      await start();
      await server.post('/heartbeat', { userId: 'u' });
      const dashboard = await Dashboard.open(server.wsPort);
      const user = await dashboard.subscribe('user:u');
      const all = await dashboard.subscribe('all');
      await until(() => user.frames.length === 2 && all.frames.length === 2);
      expect([user.rows(), all.rows()]).toEqual([['u/*='], ['u/*=']]);
    });

    test('[W26] a cursor of any message resumes with what has happened since, and nothing else', async () => {
      await start();
      const dashboard = await Dashboard.open(server.wsPort);
      const view = await dashboard.subscribe('user:u');
      await until(() => view.cursor !== undefined);
      for (const sessionId of ['a', 'b', 'c']) {
        const { length } = view.frames;
        await beat('u', sessionId, 'tnt');
        await until(() => view.frames.length > length);
      }
      await dashboard.close();
      await server.post('/heartbeat', { userId: 'other', sessionId: 'o', streamId: 'tnt' });
      await fetch(`http://127.0.0.1:${server.httpPort}/sessions/u/a`, { method: 'DELETE' });
      const places = view.frames.filter((frame) => frame.cursor);
      expect(places).toHaveLength(4);
      for (const [i, { cursor }] of places.entries()) {
        const again = await Dashboard.open(server.wsPort);
        const resumed = await again.subscribe('user:u', { cursor });
        const since = () => resumed.frames.flatMap((frame) => frame.changes ?? []);
        await until(() => since().length >= 4 - i);
        expect(resumed.frames[0]).toMatchObject({ resumed: true });
        const opened = ['a', 'b', 'c'].slice(i).map((sessionId) => `open ${sessionId}`);
        expect(since().map((change) => `${change.kind} ${change.sessionId}`)).toEqual([...opened, 'close a']);
        expect(resumed.frames.some((frame) => frame.type === 'snapshot')).toBe(false);
        await again.close();
      }
    });

    test('[W23] what is no topic, mode or cursor is refused, and so is the 51st subscription', async () => {
      await start();
      const { player } = await Dashboard.open(server.wsPort);
      const refused = { type: 'error', problem: { code: 'invalid_request', errors: [{ path: expect.any(String) }] } };
      for (const wrong of [
        {},
        { topic: 7 },
        { topic: 'nothing' },
        { topic: 'user:' },
        { topic: 'all', mode: 'loud' },
        { topic: 'all', cursor: 'nonsense' },
        { topic: 'all', cursor: 'r:1.1;' },
        { topic: 'all', cursor: 7 },
      ]) {
        expect(await player.ask({ type: 'subscribe', ...wrong })).toMatchObject(refused);
      }
      for (let i = 0; i < 50; i++) {
        expect(await player.ask({ type: 'subscribe', topic: `user:u${i}` })).toMatchObject({ type: 'subscribed' });
      }
      expect(await player.ask({ type: 'subscribe', topic: 'user:more' })).toMatchObject(refused);
      expect(await player.ask({ type: 'subscribe', topic: 'user:u7' })).toMatchObject({ type: 'subscribed' });
      expect(await player.ask({ type: 'unsubscribe', topic: 'user:u7' })).toMatchObject({ type: 'ok' });
      expect(await player.ask({ type: 'subscribe', topic: 'user:more' })).toMatchObject({ type: 'subscribed' });
    });

    test('[W23] [W29] a second subscription to a topic takes the place of the first; after unsubscribe nothing comes', async () => {
      await start();
      const dashboard = await Dashboard.open(server.wsPort);
      const first = await dashboard.subscribe('user:u');
      // What still came of it would be taken for the second one's.
      await until(() => first.cursor !== undefined);
      const view = await dashboard.subscribe('user:u');
      const all = await dashboard.subscribe('all');
      await until(() => view.cursor !== undefined && all.cursor !== undefined);
      await beat('u', 'a', 'tnt');
      await until(() => all.rows().length === 1 && view.rows().length === 1);
      expect(view.faults).toEqual([]);
      const { length } = view.frames;
      await dashboard.player.ask({ type: 'unsubscribe', topic: 'user:u' });
      await beat('u', 'b', 'tnt');
      await until(() => all.rows().length === 2);
      expect(view.frames).toHaveLength(length);
    });

    test('[W23] a player may subscribe too', async () => {
      await start();
      const [player] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 's' });
      expect(await player.ask({ type: 'subscribe', topic: 'user:u' })).toMatchObject({ resumed: false });
      expect(await player.next('snapshot')).toMatchObject({ sessions: [{ sessionId: 's' }] });
    });

    test('[W24] [W26] a large snapshot comes in pages of at most 500', async () => {
      await start({ MAX_STREAMS: '100' });
      const users = Array.from({ length: 30 }, (_, i) => `user-${i}`);
      for (const u of users) await Promise.all(Array.from({ length: 40 }, (_, i) => beat(u, `s${i}`, 'tnt')));
      const dashboard = await Dashboard.open(server.wsPort);
      const view = await dashboard.subscribe('stream:tnt');
      await until(() => view.frames.at(-1)?.last === true);
      const pages = view.frames.filter((frame) => frame.type === 'snapshot');
      expect(pages.map((page) => page.page)).toEqual(pages.map((_, i) => i));
      expect(pages.length).toBeGreaterThan(2);
      expect(pages.every((page) => (page.sessions?.length ?? 0) <= 500)).toBe(true);
      expect(view.sessions.size).toBe(1_200);
      expect(view.faults).toEqual([]);
      // A client that has seen one page only begins anew.
      const [first] = pages;
      expect(await dashboard.player.ask({ type: 'subscribe', topic: 'all', cursor: first?.cursor })).toMatchObject({
        resumed: false,
      });
    });

    test('[W28] stats: totals and tops, at once and again', async () => {
      await start({ SUMMARY_INTERVAL_MS: '100' });
      await beat('u', 'a', 'tnt', { deviceType: 'tv', country: 'US' });
      await beat('u', 'b', 'espn', { deviceType: 'tv', country: 'CA' });
      await beat('v', 'c', 'espn', { deviceType: 'web', country: 'CA' });
      const dashboard = await Dashboard.open(server.wsPort);
      const view = await dashboard.subscribe('stats');
      await until(() => view.frames.length > 1);
      expect(view.frames[1]).toEqual({
        type: 'snapshot',
        topic: 'stats',
        page: 0,
        last: true,
        stats: {
          users: 2,
          sessions: 3,
          streams: [
            { key: 'espn', users: 2, sessions: 2 },
            { key: 'tnt', users: 1, sessions: 1 },
          ],
          deviceTypes: [
            { key: 'tv', users: 1, sessions: 2 },
            { key: 'web', users: 1, sessions: 1 },
          ],
          countries: [
            { key: 'CA', users: 2, sessions: 2 },
            { key: 'US', users: 1, sessions: 1 },
          ],
        },
        cursor: expect.any(String),
      });
      await beat('w', 'd', 'espn');
      await until(() => view.frames.at(-1)?.stats?.sessions === 4);
      const again = await dashboard.subscribe('stats', { cursor: view.cursor });
      expect(again.frames[0]).toMatchObject({ resumed: false });
    });

    test('[W27] interval: totals, and what came and went', async () => {
      await start({ SUMMARY_INTERVAL_MS: '100' });
      await beat('u', 'a', 'tnt');
      const dashboard = await Dashboard.open(server.wsPort);
      const topics = ['stream:tnt', 'all', 'users:u,v'];
      const views = await Promise.all(topics.map((topic) => dashboard.subscribe(topic, { mode: 'interval' })));
      await beat('u', 'b', 'tnt');
      await beat('v', 'c', 'espn');
      await beat('u', 'a', 'espn');
      const sums = (i: number) => {
        const frames = views[i]?.frames.filter((frame) => frame.type === 'interval') as unknown as {
          opened: number;
          closed: number;
          users: number;
          sessions: number;
        }[];
        const { users, sessions } = frames.at(-1) ?? {};
        const sum = (of: 'opened' | 'closed') => frames.reduce((total, frame) => total + frame[of], 0);
        return { users, sessions, opened: sum('opened'), closed: sum('closed') };
      };
      await until(() => sums(0).closed === 1 && sums(1).opened === 2 && sums(2).opened === 2);
      await until(() => sums(0).sessions === 1 && sums(1).sessions === 3 && sums(2).sessions === 3);
      expect(sums(0)).toEqual({ users: 1, sessions: 1, opened: 1, closed: 1 });
      expect(sums(1)).toEqual({ users: 2, sessions: 3, opened: 2, closed: 0 });
      expect(sums(2)).toEqual({ users: 2, sessions: 3, opened: 2, closed: 0 });
      expect(views[0]?.frames[1]).toMatchObject({ type: 'snapshot', stats: { users: 1, sessions: 1 } });
      expect(views.flatMap((view) => view.frames).some((frame) => frame.type === 'changes')).toBe(false);
    });

    test('[W27] auto: events while slow, summaries while fast, a fresh snapshot when slow again', async () => {
      await start({ SUMMARY_INTERVAL_MS: '200', AUTO_INTERVAL_ABOVE: '50', MAX_STREAMS: '100' });
      const dashboard = await Dashboard.open(server.wsPort);
      const view = await dashboard.subscribe('all', { mode: 'auto' });
      await beat('u', 'a', 'tnt');
      await until(() => view.rows().length === 1);
      expect(view.frames.at(-1)).toMatchObject({ type: 'changes' });
      await Promise.all(Array.from({ length: 80 }, (_, i) => beat('v', `s${i}`, 'tnt')));
      await until(() => view.frames.some((frame) => frame.type === 'interval'));
      await until(() => view.frames.filter((frame) => frame.type === 'snapshot').length === 2);
      await until(() => view.rows().length === 81);
      await beat('u', 'b', 'tnt');
      await until(() => view.rows().length === 82);
      expect(view.frames.at(-1)).toMatchObject({ type: 'changes' });
      expect(view.faults).toEqual([]);
    });
  });
});
