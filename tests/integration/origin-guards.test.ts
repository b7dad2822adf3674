/** Guards: sessions with timers of their own, for players that know no session id. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { overBothStores } from '../support/both-stores.ts';
import { Player } from '../support/player.ts';
import { type TestServer, until } from '../support/servers.ts';

const UNKNOWN = '00000000-0000-4000-8000-000000000000';
const NO_GUARD = { status: 404, body: { status: 404, code: 'not_found', errorCode: 'GUARD_DOES_NOT_EXIST' } };
const RACES = 40;
const REFRESHES = 8;

overBothStores((rig) => {
  let server: TestServer;
  beforeEach(async () => {
    server = await rig.start();
  });

  const as = (userId: string) => ({ 'x-user-id': userId });
  const create = (userId: string, body?: object) => server.request('POST', '/guards', body, as(userId));
  const refresh = (userId: string, id: string, at = server) =>
    at.request('PATCH', `/guards/${id}`, undefined, as(userId));
  const remove = (userId: string, id: string) => server.request('DELETE', `/guards/${id}`, undefined, as(userId));
  const beat = (userId: string, sessionId: string) => server.post('/heartbeat', { userId, sessionId, streamId: 's' });
  const usage = async (userId: string) => (await server.get(`/concurrency/user/${userId}`)).body;
  const created = async (userId: string): Promise<string> => {
    const { status, body } = await create(userId);
    expect(status).toBe(200);
    return body.guardId;
  };

  describe('POST /guards', () => {
    test('gives a guard and its timers, and the guard shows wherever sessions do', async () => {
      const { status, body } = await create('u1', { streamId: 's1', deviceType: 'tv', country: 'US', state: 'CA' });
      expect(status).toBe(200);
      const [held] = (await usage('u1')).sessions;
      expect(body).toEqual({
        guardId: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/),
        refreshAt: held.startedAt + 60_000,
        expiresAt: held.startedAt + 90_000,
      });
      const { guardId, expiresAt } = body;
      expect(held).toMatchObject({ sessionId: guardId, streamId: 's1', deviceType: 'tv', via: 'guard', expiresAt });
      expect((await server.get('/status/user/u1')).body).toMatchObject({ online: true, sessions: 1 });
      expect((await server.get('/online')).body).toEqual({ users: 1, sessions: 1 });
      for (const path of ['/streams/s1', '/devices/tv', '/location?country=US&state=CA']) {
        expect((await server.get(`/stats/viewercount${path}`)).body).toEqual({ users: 1, sessions: 1 });
      }
      expect((await remove('u1', guardId)).status).toBe(204);
      expect((await server.get('/status/user/u1')).body).toMatchObject({ online: false, sessions: 0 });
      expect((await server.get('/stats/viewercount/streams/s1')).body).toEqual({ users: 0, sessions: 0 });
    });

    test('[P4] three are given, without a body too, the fourth is refused with 403', async () => {
      const ids = [await created('u1'), await created('u1'), await created('u1')];
      const { status, body } = await create('u1');
      expect(status).toBe(403);
      expect(body).toMatchObject({
        status: 403,
        code: 'concurrency_limit',
        errorCode: 'REACHED_MAX_GUARDS_COUNT',
        current: 3,
        max: 3,
      });
      const holders = body.conflicts.map(({ sessionId }: { sessionId: string }) => sessionId);
      expect(holders.toSorted()).toEqual(ids.toSorted());
      await remove('u1', ids[1] as string);
      await created('u1');
    });

    test.each([20, 100])('[P4] of %d at once exactly three are given', async (count) => {
      const replies = await Promise.all(Array.from({ length: count }, () => create('u1')));
      expect(replies.filter(({ status }) => status === 200)).toHaveLength(3);
      expect(replies.filter(({ status }) => status === 403)).toHaveLength(count - 3);
      const given = replies.flatMap(({ body }) => body.guardId ?? []);
      for (const id of given) expect((await refresh('u1', id)).status).toBe(204);
    });

    test('needs a user', async () => {
      for (const headers of [{}, as('')]) {
        for (const [method, path] of [
          ['POST', '/guards'],
          ['PATCH', `/guards/${UNKNOWN}`],
          ['DELETE', `/guards/${UNKNOWN}`],
        ] as const) {
          const { status, body } = await server.request(method, path, undefined, headers);
          expect(status).toBe(400);
          expect(body).toMatchObject({
            code: 'invalid_request',
            errorCode: 'MISSING_HEADER',
            errors: [{ path: 'x-user-id' }],
          });
        }
      }
    });

    test('[P13] a bad user or field is named', async () => {
      const bad = [
        [await create('a b'), 'x-user-id'],
        [await create('u1', { streamId: 'a\nb' }), 'streamId'],
        [await create('u1', { streamId: 7 }), 'streamId'],
        [await create('u1', { country: 'U|S' }), 'country'],
      ] as const;
      for (const [{ status, body }, field] of bad) {
        expect([status, body.code, body.errors[0].path]).toEqual([400, 'invalid_request', field]);
      }
    });
  });

  describe('PATCH /guards/{id}', () => {
    test('renews the TTL', async () => {
      const { guardId, expiresAt } = (await create('u1')).body;
      await until(async () => {
        const { status, body } = await refresh('u1', guardId);
        expect([status, body]).toEqual([204, undefined]);
        return (await usage('u1')).sessions[0].expiresAt > expiresAt;
      });
    });

    test('works when it is overdue, until the TTL', async () => {
      server = await rig.start({ GUARD_REFRESH_MS: '10', GUARD_TTL_MS: '60000' });
      const { guardId, refreshAt } = (await create('u1')).body;
      // Online, `lastSeenAt` is the store's now.
      await until(async () => (await server.get('/status/user/u1')).body.lastSeenAt > refreshAt);
      expect((await refresh('u1', guardId)).status).toBe(204);
    });

    test('[P1] after the TTL the guard is lost, and its slot free', async () => {
      server = await rig.start({ GUARD_REFRESH_MS: '100', GUARD_TTL_MS: '200', MAX_STREAMS: '1' });
      const { guardId } = (await create('u1')).body;
      await until(async () => !(await server.get('/status/user/u1')).body.online);
      expect(await refresh('u1', guardId)).toMatchObject(NO_GUARD);
      expect(await remove('u1', guardId)).toMatchObject(NO_GUARD);
      await created('u1');
    });
  });

  describe('no such guard', () => {
    test('once deleted', async () => {
      const guardId = await created('u1');
      const { status, body } = await remove('u1', guardId);
      expect([status, body]).toEqual([204, undefined]);
      for (const act of [remove, refresh]) expect(await act('u1', guardId)).toMatchObject(NO_GUARD);
    });

    test('for another user; 07 and 7 are two', async () => {
      for (let i = 0; i < 3; i++) await created('7');
      const guardId = await created('07');
      for (const act of [refresh, remove]) expect(await act('7', guardId)).toMatchObject(NO_GUARD);
      expect((await refresh('07', guardId)).status).toBe(204);
      expect((await usage('7')).current).toBe(3);
    });

    test('[P5] once kicked', async () => {
      const guardId = await created('u1');
      await server.request('DELETE', `/sessions/u1/${guardId}`);
      for (const act of [refresh, remove]) expect(await act('u1', guardId)).toMatchObject(NO_GUARD);
      await created('u1');
    });

    test('[P7] when beats hold the session', async () => {
      await beat('u1', UNKNOWN);
      for (const act of [refresh, remove]) expect(await act('u1', UNKNOWN)).toMatchObject(NO_GUARD);
      expect((await usage('u1')).current).toBe(1);
    });

    test('when the id is none', async () => {
      for (const id of ['x', '07', UNKNOWN.slice(1), `${UNKNOWN}0`, `${UNKNOWN}%0A`, `${UNKNOWN.slice(0, -1)}g`]) {
        for (const act of [refresh, remove]) {
          const { status, body } = await act('u1', id);
          expect([id, status, body.code, body.errors?.[0].path]).toEqual([id, 400, 'invalid_request', 'id']);
        }
      }
    });
  });

  test(`a deleted guard never comes back by a racing refresh, in ${RACES} races`, async () => {
    const other = rig.kind === 'redis' ? await rig.another() : server;
    let refreshed = 0;
    for (let race = 0; race < RACES; race++) {
      const guardId = await created('u1');
      const before = Array.from({ length: race % REFRESHES }, () => refresh('u1', guardId, other));
      const deleted = remove('u1', guardId);
      const after = Array.from({ length: REFRESHES - before.length }, () => refresh('u1', guardId, other));
      expect((await deleted).status).toBe(204);
      for (const { status } of await Promise.all([...before, ...after])) {
        expect([204, 404]).toContain(status);
        if (status === 204) refreshed++;
      }
      expect(await refresh('u1', guardId, other)).toMatchObject(NO_GUARD);
      expect(await usage('u1')).toMatchObject({ current: 0, sessions: [] });
    }
    // Else nothing raced.
    expect(refreshed).toBeGreaterThan(0);
    expect(refreshed).toBeLessThan(RACES * REFRESHES);
    expect((await server.get('/online')).body).toEqual({ users: 0, sessions: 0 });
  });

  describe('guards, beats and sockets share one limit', () => {
    test('[P4] in turn: whoever comes fourth is refused in its own way', async () => {
      const guardId = await created('u1');
      expect((await beat('u1', 'b')).body.current).toBe(2);
      const [player, welcome] = await Player.hello(server.wsPort, { userId: 'u1', sessionId: 'p', streamId: 's' });
      expect(welcome).toMatchObject({ type: 'welcome', current: 3 });

      const refused = [(await create('u1')).body, (await beat('u1', 'b2')).body];
      expect(refused.map(({ status }) => status)).toEqual([403, 400]);
      const [fourth, error] = await Player.hello(server.wsPort, { userId: 'u1', sessionId: 'p2', streamId: 's' });
      refused.push(error.problem);
      expect(await fourth.closed).toBe(4009);
      for (const problem of refused) {
        expect(problem).toMatchObject({ code: 'concurrency_limit', current: 3, max: 3 });
        const holders = problem.conflicts.map(({ sessionId }: { sessionId: string }) => sessionId);
        expect(holders.toSorted()).toEqual([guardId, 'b', 'p'].toSorted());
      }
      const { sessions } = await usage('u1');
      expect(sessions.map(({ via }: { via: string }) => via).toSorted()).toEqual(['guard', 'heartbeat', 'socket']);

      await player.leave();
      expect((await beat('u1', 'b2')).body.current).toBe(3);
      expect((await remove('u1', guardId)).status).toBe(204);
      const [, again] = await Player.hello(server.wsPort, { userId: 'u1', sessionId: 'p2', streamId: 's' });
      expect(again).toMatchObject({ type: 'welcome', current: 3 });
    });

    test('[P4] all at once: exactly three are let in', async () => {
      const hello = (sessionId: string) => Player.hello(server.wsPort, { userId: 'u1', sessionId });
      const attempts = Array.from({ length: 20 }, (_, i) => [
        create('u1').then(({ status }) => status === 200),
        beat('u1', `b${i}`).then(({ status }) => status === 200),
        hello(`p${i}`).then(([, { type }]) => type === 'welcome'),
      ]).flat();
      expect((await Promise.all(attempts)).filter(Boolean)).toHaveLength(3);
      expect((await usage('u1')).current).toBe(3);
    });

    test('[P5] an evicted guard does not exist any more', async () => {
      server = await rig.start({ ON_LIMIT: 'evict-oldest', MAX_STREAMS: '1' });
      const guardId = await created('u1');
      expect((await beat('u1', 'b')).body).toMatchObject({ status: 'ok', current: 1 });
      expect(await refresh('u1', guardId)).toMatchObject(NO_GUARD);
      await created('u1');
      expect(await beat('u1', 'b')).toMatchObject({ status: 410, body: { code: 'session_ended', reason: 'evicted' } });
    });
  });
});
