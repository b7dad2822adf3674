/** The online/offline tracker: who is online, of one user and of many. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { overBothStores } from '../support/both-stores.ts';
import { Player } from '../support/player.ts';
import { type TestServer, until } from '../support/servers.ts';

const SHORT_TTL = { HEARTBEAT_INTERVAL_MS: '300', HEARTBEAT_TTL_MS: '600' };
const manyIds = (count: number) => Array.from({ length: count }, (_, i) => `u${i}`);

overBothStores((rig) => {
  let server: TestServer;
  beforeEach(async () => {
    server = await rig.start();
  });

  const beat = (userId: string, sessionId?: string, more: object = {}) =>
    server.post('/heartbeat', { userId, sessionId, ...more });
  const status = async (userId: string) => (await server.get(`/status/user/${userId}`)).body;
  const startedAt = async (userId: string): Promise<number> =>
    (await server.get(`/concurrency/user/${userId}`)).body.sessions[0].startedAt;

  describe('one user', () => {
    test('[P3] a beat brings online, and one session that goes of two does not take offline', async () => {
      const before = (await status('u1')).lastSeenAt;
      expect(before).toBeNull();
      await beat('u1', 'a');
      await beat('u1', 'b');
      const online = await status('u1');
      expect(online).toEqual({ userId: 'u1', online: true, sessions: 2, lastSeenAt: expect.any(Number) });
      expect(online.lastSeenAt).toBeGreaterThanOrEqual(await startedAt('u1'));
      await server.request('DELETE', '/heartbeat', { userId: 'u1', sessionId: 'a' });
      expect(await status('u1')).toMatchObject({ online: true, sessions: 1 });
      await server.request('DELETE', '/heartbeat', { userId: 'u1', sessionId: 'b' });
      const offline = await status('u1');
      expect(offline).toEqual({ userId: 'u1', online: false, sessions: 0, lastSeenAt: expect.any(Number) });
      expect(offline.lastSeenAt).toBeGreaterThanOrEqual(online.lastSeenAt);
    });

    test('[P15] silence for a TTL takes offline, last seen when it ended', async () => {
      server = await rig.start(SHORT_TTL);
      for (const sessionId of ['a', undefined]) {
        const userId = `u-${sessionId}`;
        const { expiresAt } = (await beat(userId, sessionId)).body;
        await until(async () => !(await status(userId)).online);
        const offline = { userId, online: false, sessions: 0, lastSeenAt: expiresAt };
        expect(await status(userId)).toEqual(offline);
        await until(async () => (await server.get('/online')).body.users === 0);
        expect(await status(userId)).toEqual(offline);
      }
    });

    test('a beat again keeps online past the first TTL', async () => {
      server = await rig.start(SHORT_TTL);
      const first = (await beat('u1', 'a')).body.expiresAt;
      const since = await startedAt('u1');
      const second = (await beat('u1', 'a', { intervalMs: 60_000 })).body.expiresAt;
      expect(second).toBeGreaterThan(first);
      // Online, `lastSeenAt` is the store's now.
      await until(async () => (await status('u1')).lastSeenAt > first);
      expect(await status('u1')).toMatchObject({ online: true, sessions: 1 });
      expect(await startedAt('u1')).toBe(since);
    });

    test('[P8] a socket brings online, and its leave takes offline', async () => {
      const [player] = await Player.hello(server.wsPort, { userId: 'u1', streamId: 's' });
      expect(await status('u1')).toMatchObject({ online: true, sessions: 1 });
      await player.leave();
      await until(async () => !(await status('u1')).online);
    });

    test('who is unknown is offline, not an error', async () => {
      const reply = await server.get('/status/user/nobody');
      expect(reply.status).toBe(200);
      expect(reply.body).toEqual({ userId: 'nobody', online: false, sessions: 0, lastSeenAt: null });
    });

    test('07 and 7 are different users', async () => {
      await beat('07', 'a');
      expect([(await status('07')).online, (await status('7')).online]).toEqual([true, false]);
    });

    test('[P13] a bad id is named, also when it hides a blank', async () => {
      for (const path of ['/status/user/a%0Ab', '/status/user/a%20b', `/status/user/${'x'.repeat(256)}`]) {
        const reply = await server.get(path);
        expect([reply.status, reply.body.code, reply.body.errors?.[0].path]).toEqual([
          400,
          'invalid_request',
          'userId',
        ]);
      }
      expect((await server.get(`/status/user/${'x'.repeat(255)}`)).status).toBe(200);
      expect((await server.get('/status/user/%zz')).status).toBe(400);
    });
  });

  describe('many users', () => {
    test('online, offline and unknown ones mix, in the order and with the duplicates asked for', async () => {
      await beat('u1', 'a');
      await beat('u1', 'b');
      await beat('u:3@x');
      await beat('gone', 'a');
      await server.request('DELETE', '/heartbeat', { userId: 'gone', sessionId: 'a' });
      const ids = ['u2', 'u1', 'gone', 'u2', 'u:3@x', 'u1'];
      const replies = [
        await server.get(`/status/users?ids=${ids.join(',')}`),
        await server.get(`/status/users?ids=${ids.map(encodeURIComponent).join(',')}`),
        await server.get(`/status/users?${new URLSearchParams(ids.map((id): [string, string] => ['ids', id]))}`),
        await server.post('/status/users', { ids }),
      ];
      const now = expect.any(Number);
      for (const reply of replies) {
        expect(reply.status).toBe(200);
        expect(reply.body).toEqual({
          users: [
            { userId: 'u2', online: false, sessions: 0, lastSeenAt: null },
            { userId: 'u1', online: true, sessions: 2, lastSeenAt: now },
            { userId: 'gone', online: false, sessions: 0, lastSeenAt: now },
            { userId: 'u2', online: false, sessions: 0, lastSeenAt: null },
            { userId: 'u:3@x', online: true, sessions: 0, lastSeenAt: now },
            { userId: 'u1', online: true, sessions: 2, lastSeenAt: now },
          ],
        });
      }
    });

    test('GET takes 1 to 1,000 ids', async () => {
      await beat('u999', 'a');
      const { body } = await server.get(`/status/users?ids=${manyIds(1_000)}`);
      expect(body.users.map(({ userId }: { userId: string }) => userId)).toEqual(manyIds(1_000));
      expect(body.users.filter(({ online }: { online: boolean }) => online)).toMatchObject([{ userId: 'u999' }]);
      for (const query of ['', '?ids=', '?ids=a,,b', '?ids=,', `?ids=${manyIds(1_001)}`, '?ids=a%20b']) {
        const refused = await server.get(`/status/users${query}`);
        expect([refused.status, refused.body.code]).toEqual([400, 'invalid_request']);
        expect(refused.body.errors[0].path).toMatch(/^ids(\.\d+)?$/);
      }
    });

    test('POST takes 1 to 10,000 ids', async () => {
      const ids = manyIds(10_000).map((id) => id.padEnd(128, '-'));
      await beat(ids[9_999] as string, 'a');
      const { body } = await server.post('/status/users', { ids });
      expect(body.users).toHaveLength(10_000);
      expect(body.users.filter(({ online }: { online: boolean }) => online)).toMatchObject([{ userId: ids[9_999] }]);
      for (const bad of [[], [...ids, 'x'], ['a', 7], [''], 'a,b', undefined]) {
        const refused = await server.post('/status/users', { ids: bad });
        expect([refused.status, refused.body.code]).toEqual([400, 'invalid_request']);
        expect(refused.body.errors[0].path).toMatch(/^ids/);
      }
    });
  });

  test('GET /online counts users and sessions', async () => {
    const online = async () => (await server.get('/online')).body;
    expect(await online()).toEqual({ users: 0, sessions: 0 });
    for (const sessionId of ['a', 'b', 'b']) await beat('u1', sessionId);
    await beat('u2', 'a');
    await beat('u3');
    expect(await online()).toEqual({ users: 3, sessions: 3 });
    await server.request('DELETE', '/heartbeat', { userId: 'u1', sessionId: 'a' });
    await server.request('DELETE', '/heartbeat', { userId: 'u2', sessionId: 'a' });
    expect(await online()).toEqual({ users: 2, sessions: 1 });
  });
});
