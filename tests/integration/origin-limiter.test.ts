/** The heartbeat limiter: players without a socket ask at each beat whether they may go on. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { PRESENCE_ONLY } from '../../presence-core/index.ts';
import { overBothStores } from '../support/both-stores.ts';
import type { Reply } from '../support/http-client.ts';
import { Player } from '../support/player.ts';
import { type TestServer, until } from '../support/servers.ts';

/** Such a beat holds its slot for three minutes: none lapses because the machine is slow. */
const SLOW = { intervalMs: 60_000 };
const SHORT_TTL = { HEARTBEAT_INTERVAL_MS: '300', HEARTBEAT_TTL_MS: '600' };

interface Held {
  readonly sessionId: string;
  readonly streamId: string;
  readonly startedAt: number;
  readonly expiresAt: number;
  readonly via: string;
}

overBothStores((rig) => {
  let server: TestServer;
  beforeEach(async () => {
    server = await rig.start();
  });

  const beat = (body: unknown, at = server) => at.post('/heartbeat', body);
  const leave = (body: unknown) => server.request('DELETE', '/heartbeat', body);
  const kick = (path: string) => server.request('DELETE', `/sessions/${path}`);
  const heldBy = async (userId: string): Promise<Held[]> =>
    (await server.get(`/concurrency/user/${userId}`)).body.sessions;
  const fieldsOf = ({ body }: Reply): string[] => body.errors.map(({ path }: { path: string }) => path).toSorted();

  /** Takes all three slots. */
  async function fill(userId: string, more: object = {}): Promise<void> {
    for (const sessionId of ['a', 'b', 'c']) {
      const { status } = await beat({ userId, sessionId, streamId: `s-${sessionId}`, deviceType: 'tv', ...more });
      expect(status).toBe(200);
    }
  }

  describe('the limit', () => {
    test('a beat is told that it may go on, and until when', async () => {
      const { status, body } = await beat({ userId: 'u1', streamId: 's1', sessionId: 'a', unknown: { field: 1 } });
      expect(status).toBe(200);
      const [held] = await heldBy('u1');
      expect(held).toMatchObject({ sessionId: 'a', streamId: 's1', via: 'heartbeat' });
      expect(body).toEqual({
        status: 'ok',
        current: 1,
        max: 3,
        expiresAt: (held as Held).startedAt + 30_000,
        heartbeatIntervalMs: 10_000,
      });
    });

    test('[P4] of three streams all are admitted, a fourth is refused with who holds the slots', async () => {
      await fill('u1');
      const { status, body, headers } = await beat({ userId: 'u1', streamId: 's-d', sessionId: 'd' });
      expect(status).toBe(400);
      expect(headers.get('content-type')).toBe('application/problem+json');
      const held = await heldBy('u1');
      expect(body).toMatchObject({
        status: 400,
        code: 'concurrency_limit',
        requestId: headers.get('x-request-id'),
        current: 3,
        max: 3,
        nextFreeAt: Math.min(...held.map(({ expiresAt }) => expiresAt)),
      });
      expect(body.conflicts).toEqual(
        held.map(({ sessionId, startedAt }) => ({
          sessionId,
          streamId: `s-${sessionId}`,
          deviceType: 'tv',
          startedAt,
        })),
      );
      expect(held.map(({ sessionId }) => sessionId)).toEqual(['a', 'b', 'c']);
      expect((await beat({ userId: 'u2', streamId: 's-d', sessionId: 'd' })).body.current).toBe(1);
    });

    test('[P4] three sessions of one stream take three slots, a fourth is refused', async () => {
      await fill('u1', { streamId: 'same' });
      const { status, body } = await beat({ userId: 'u1', streamId: 'same', sessionId: 'd' });
      expect([status, body.code, body.conflicts.length]).toEqual([400, 'concurrency_limit', 3]);
    });

    test('[P4] at the limit a known session goes on, and a new stream on it is a switch', async () => {
      await fill('u1');
      expect((await beat({ userId: 'u1', streamId: 's-a', sessionId: 'a' })).body).toMatchObject({
        current: 3,
        max: 3,
      });
      expect((await beat({ userId: 'u1', streamId: 'other', sessionId: 'a' })).body.current).toBe(3);
      expect((await heldBy('u1')).map(({ streamId }) => streamId)).toEqual(['other', 's-b', 's-c']);
    });

    test('[P1] silence for a TTL frees the slot, and who was silent is refused', async () => {
      server = await rig.start(SHORT_TTL);
      for (const sessionId of ['a', 'b']) await beat({ userId: 'u1', streamId: 's', sessionId, ...SLOW });
      expect((await beat({ userId: 'u1', streamId: 's', sessionId: 'c' })).body.current).toBe(3);
      await until(async () => (await beat({ userId: 'u1', streamId: 's', sessionId: 'd', ...SLOW })).status === 200);
      const { body } = await beat({ userId: 'u1', streamId: 's', sessionId: 'c' });
      expect(body.code).toBe('concurrency_limit');
      expect(body.conflicts.map(({ sessionId }: Held) => sessionId)).toEqual(['a', 'b', 'd']);
      await until(async () => (await server.get('/online')).body.sessions === 3);
    });

    test.each([20, 50, 100, 200])('[P4] of %d new sessions at once exactly three are admitted', async (count) => {
      const settings = rig.kind === 'redis' ? [[server], [server, await rig.another()]] : [[server]];
      for (const servers of settings) {
        const userId = `u${servers.length}`;
        const replies = await Promise.all(
          Array.from({ length: count }, (_, i) =>
            beat({ userId, streamId: 's', sessionId: `n${i}` }, servers[i % servers.length]),
          ),
        );
        expect(replies.filter(({ status }) => status === 200)).toHaveLength(3);
        expect(replies.filter(({ body }) => body.code === 'concurrency_limit')).toHaveLength(count - 3);
        expect(await heldBy(userId)).toHaveLength(3);
      }
    });

    test('[P4] many users at once have three each', async () => {
      const users = Array.from({ length: 20 }, (_, u) => `u${u}`);
      const beats = Array.from({ length: 10 }, (_, i) =>
        users.map((userId) => ({ userId, sessionId: `n${i}` })),
      ).flat();
      const replies = await Promise.all(beats.map((body) => beat({ ...body, streamId: 's' })));
      const admitted = beats.filter((_, i) => replies[i]?.status === 200).map(({ userId }) => userId);
      expect(admitted.toSorted()).toEqual(users.flatMap((userId) => [userId, userId, userId]).toSorted());
    });
  });

  describe('what a beat may say', () => {
    test('a slower beat is given three of its intervals, and never less than the TTL', async () => {
      const leaseOf = async (sessionId: string, intervalMs: number) => {
        const { body } = await beat({ userId: 'u1', streamId: 's', sessionId, intervalMs });
        const { startedAt } = (await heldBy('u1')).find((held) => held.sessionId === sessionId) as Held;
        return [body.expiresAt - startedAt, body.heartbeatIntervalMs];
      };
      expect(await leaseOf('a', 20_000)).toEqual([60_000, 20_000]);
      expect(await leaseOf('b', 60_000)).toEqual([180_000, 60_000]);
      expect(await leaseOf('c', 1_000)).toEqual([30_000, 1_000]);
    });

    test('the device is the session when there is none', async () => {
      for (let i = 0; i < 2; i++) await beat({ userId: 'u1', streamId: 's', deviceId: 'd1' });
      expect((await beat({ userId: 'u1', streamId: 's', deviceId: 'd1', sessionId: 'a' })).body.current).toBe(2);
      expect((await heldBy('u1')).map(({ sessionId }) => sessionId).toSorted()).toEqual(['a', 'd1']);
    });

    test('[P6] a beat that names nothing marks presence and takes no slot', async () => {
      const { status, body } = await beat({ userId: 'u1' });
      expect([status, body.current, body.max]).toEqual([200, 0, 3]);
      expect((await server.get('/status/user/u1')).body.online).toBe(true);
      expect((await server.get('/concurrency/user/u1')).body).toMatchObject({ current: 0, sessions: [] });
      await fill('u1');
      expect((await beat({ userId: 'u1' })).body.current).toBe(3);
      expect((await beat({ userId: 'u1', sessionId: PRESENCE_ONLY })).status).toBe(400);
    });

    test('07 and 7 are different users, sessions and streams', async () => {
      await fill('07');
      for (const sessionId of ['07', '7']) await beat({ userId: '7', streamId: sessionId, sessionId });
      expect((await heldBy('7')).map(({ sessionId, streamId }) => `${sessionId} ${streamId}`).toSorted()).toEqual([
        '07 07',
        '7 7',
      ]);
      expect((await beat({ userId: '07', streamId: 's', sessionId: 'd' })).status).toBe(400);
      expect((await server.get('/stats/viewercount/streams/7')).body).toEqual({ users: 1, sessions: 1 });
    });
  });

  describe('DELETE /heartbeat', () => {
    test('leaves at once, and again without harm', async () => {
      await fill('u1');
      await leave({ userId: 'u1', sessionId: 'b' });
      expect((await beat({ userId: 'u1', streamId: 's', deviceId: 'd1' })).body.current).toBe(3);
      for (const left of [{ sessionId: 'a' }, { sessionId: 'a' }, { sessionId: 'c' }, { deviceId: 'd1' }]) {
        const { status, body } = await leave({ userId: 'u1', ...left });
        expect([status, body]).toEqual([204, undefined]);
      }
      expect((await server.get('/status/user/u1')).body).toMatchObject({ online: false, sessions: 0 });
    });

    test('[P8] a beat that comes late starts nothing; the device that starts again says so', async () => {
      const mine = { userId: 'u1', streamId: 's', sessionId: 'a' };
      await beat(mine);
      await leave(mine);
      const late = { status: 410, body: { code: 'session_ended', reason: 'left', retryAfterMs: expect.any(Number) } };
      expect(await beat(mine)).toMatchObject(late);
      expect(await beat({ ...mine, fresh: false })).toMatchObject(late);
      expect(await heldBy('u1')).toEqual([]);
      expect(await beat({ ...mine, fresh: true })).toMatchObject({ status: 200, body: { current: 1 } });
      expect(await beat(mine)).toMatchObject({ status: 200, body: { current: 1 } });
    });

    test('takes its fields from the query, where a request has no body', async () => {
      await fill('u1');
      const url = `http://127.0.0.1:${server.httpPort}/heartbeat`;
      const left = await fetch(`${url}?userId=u1&sessionId=b`, { method: 'DELETE' });
      expect(left.status).toBe(204);
      expect((await heldBy('u1')).map(({ sessionId }) => sessionId)).toEqual(['a', 'c']);
      const faulty = await fetch(`${url}?userId=u1`, { method: 'DELETE' });
      expect(fieldsOf({ ...faulty, body: await faulty.json() } as Reply)).toEqual(['sessionId']);
      expect(await leave({ userId: 'u1', sessionId: 'c' })).toMatchObject({ status: 204 });
    });

    test('names what is missing', async () => {
      expect(fieldsOf(await leave({ userId: 'u1' }))).toEqual(['sessionId']);
      expect(fieldsOf(await leave({ sessionId: 'a' }))).toEqual(['userId']);
    });
  });

  describe('together with sockets', () => {
    test('[P7] a beat for a session that a socket holds only answers', async () => {
      const hello = { userId: 'u1', sessionId: 'a', streamId: 's1' };
      const [player, { expiresAt }] = await Player.hello(server.wsPort, hello);
      const { status, body } = await beat({ userId: 'u1', streamId: 's2', sessionId: 'a' });
      expect([status, body.current, body.expiresAt]).toEqual([200, 1, expiresAt]);
      expect(await heldBy('u1')).toMatchObject([{ streamId: 's1', via: 'socket', expiresAt }]);
      expect(await player.leave()).toBe(1000);
    });

    test('[P8] a beat takes over a session whose socket was lost', async () => {
      server = await rig.start({ RESUME_GRACE_MS: '60000' });
      const [player] = await Player.hello(server.wsPort, { userId: 'u1', sessionId: 'a', streamId: 's1' });
      const [before] = await heldBy('u1');
      await player.vanish();
      await until(async () => {
        await beat({ userId: 'u1', streamId: 's2', sessionId: 'a' });
        return (await heldBy('u1'))[0]?.via === 'heartbeat';
      });
      expect(await heldBy('u1')).toMatchObject([{ streamId: 's2', startedAt: before?.startedAt }]);
    });

    test('[P8] [W16] a leave ends the socket that held the session', async () => {
      const [player] = await Player.hello(server.wsPort, { userId: 'u1', sessionId: 'a', streamId: 's1' });
      expect((await leave({ userId: 'u1', sessionId: 'a' })).status).toBe(204);
      expect(await player.closed).toBe(1000);
    });
  });

  describe('[P5] a session that was ended is told so with 410, until a fresh hello', () => {
    const ended = (reason: string) => ({
      status: 410,
      body: { code: 'session_ended', status: 410, reason, retryAfterMs: expect.any(Number) },
    });

    test('after a kick', async () => {
      await fill('u1');
      expect((await kick('u1/a')).status).toBe(204);
      for (let i = 0; i < 2; i++) {
        expect(await beat({ userId: 'u1', streamId: 's', sessionId: 'a' })).toMatchObject(ended('kicked'));
      }
      expect((await beat({ userId: 'u1', streamId: 's', sessionId: 'b' })).body.current).toBe(2);
      expect((await kick('u1')).status).toBe(204);
      expect(await beat({ userId: 'u1', streamId: 's', sessionId: 'c' })).toMatchObject(ended('kicked'));

      const [player, welcome] = await Player.hello(server.wsPort, { userId: 'u1', sessionId: 'a', streamId: 's' });
      expect(welcome).toMatchObject({ type: 'welcome', current: 1 });
      await player.leave();
      expect((await beat({ userId: 'u1', streamId: 's', sessionId: 'a', fresh: true })).status).toBe(200);
    });

    test('after a replacement', async () => {
      await fill('u1');
      const hello = { userId: 'u1', sessionId: 'd', streamId: 's', replace: ['b'] };
      const [, welcome] = await Player.hello(server.wsPort, hello);
      expect(welcome).toMatchObject({ type: 'welcome', current: 3 });
      expect(await beat({ userId: 'u1', streamId: 's', sessionId: 'b' })).toMatchObject(ended('replaced'));
    });

    test('[W16] after an eviction; the evicted do not evict in turn, and a socket is told by whom', async () => {
      server = await rig.start({ ON_LIMIT: 'evict-oldest' });
      const [player] = await Player.hello(server.wsPort, { userId: 'u1', sessionId: 'oldest', streamId: 's' });
      for (const sessionId of ['a', 'b', 'c', 'd']) {
        // An order by age needs ages that differ.
        await until(async () => Date.now() > Math.max(0, ...(await heldBy('u1')).map(({ startedAt }) => startedAt)));
        const { status, body } = await beat({ userId: 'u1', streamId: 's', sessionId, deviceType: 'tv' });
        expect([sessionId, status, body.current <= 3]).toEqual([sessionId, 200, true]);
      }
      const by = { sessionId: 'c', deviceType: 'tv' };
      expect(await player.next('evicted')).toEqual({ type: 'evicted', reason: 'evicted', by });
      expect(await player.closed).toBe(4010);
      for (const sessionId of ['oldest', 'a', 'oldest', 'a']) {
        expect(await beat({ userId: 'u1', streamId: 's', sessionId })).toMatchObject(ended('evicted'));
      }
      expect((await heldBy('u1')).map(({ sessionId }) => sessionId)).toEqual(['b', 'c', 'd']);
    });
  });

  describe('bad requests', () => {
    const url = () => `http://127.0.0.1:${server.httpPort}/heartbeat`;
    const send = async (body: string, contentType: string) => {
      const reply = await fetch(url(), { method: 'POST', headers: { 'content-type': contentType }, body });
      return { status: reply.status, body: await reply.json() };
    };

    test('[P13] what is missing or wrong is 400 naming the fields', async () => {
      const cases: [unknown, string[]][] = [
        [{ streamId: 's', sessionId: 'a' }, ['userId']],
        [{ userId: 'u1', streamId: 's' }, ['sessionId']],
        [{}, ['userId']],
        [{ userId: 7, streamId: 's', sessionId: 'a' }, ['userId']],
        [{ userId: 'u1', streamId: 7, sessionId: 7, deviceId: 7 }, ['deviceId', 'sessionId', 'streamId']],
        [{ userId: null, sessionId: ['a'] }, ['sessionId', 'userId']],
        [{ userId: '', sessionId: 'a' }, ['userId']],
        [{ userId: 'u 1', streamId: 's', sessionId: 'a\u200bb' }, ['sessionId', 'userId']],
        [{ userId: 'u1', sessionId: 'x'.repeat(256) }, ['sessionId']],
        [{ userId: 'u1', sessionId: 'a', country: 'U|S' }, ['country']],
        [{ userId: 'u1', sessionId: 'a', deviceType: '' }, ['deviceType']],
        [{ userId: 'u1', sessionId: 'a', state: 5 }, ['state']],
        [{ userId: 'u1', sessionId: 'a', intervalMs: 999 }, ['intervalMs']],
        [{ userId: 'u1', sessionId: 'a', intervalMs: 60_001 }, ['intervalMs']],
        [{ userId: 'u1', sessionId: 'a', intervalMs: 1_000.5 }, ['intervalMs']],
        [{ userId: 'u1', sessionId: 'a', intervalMs: '5000' }, ['intervalMs']],
        [[], ['body']],
        ['u1', ['body']],
      ];
      for (const [body, fields] of cases) {
        const reply = await beat(body);
        expect([body, reply.status, reply.body.code]).toEqual([body, 400, 'invalid_request']);
        expect([body, fieldsOf(reply)]).toEqual([body, fields]);
        for (const { message } of reply.body.errors) expect(message).toEqual(expect.any(String));
      }
      expect((await server.get('/online')).body).toEqual({ users: 0, sessions: 0 });
    });

    test('what is no JSON is 400, and no JSON by its type 415', async () => {
      const json = JSON.stringify({ userId: 'u1', streamId: 's', sessionId: 'a' });
      expect(await send(json.slice(1), 'application/json')).toMatchObject({
        status: 400,
        body: { code: 'invalid_request', errors: [{ path: 'body' }] },
      });
      for (const type of ['text/plain', 'application/x-www-form-urlencoded']) {
        expect(await send(json, type)).toMatchObject({ status: 415, body: { code: 'unsupported_media_type' } });
      }
      expect((await send(json, 'application/json')).status).toBe(200);
    });

    test.each(['GET', 'PUT', 'PATCH'])('%s is 405 and told what is allowed', async (method) => {
      const { status, body, headers } = await server.request(method, '/heartbeat');
      expect([status, body.code]).toEqual([405, 'method_not_allowed']);
      expect(headers.get('allow')?.split(', ')).toEqual(expect.arrayContaining(['POST', 'DELETE']));
      expect(headers.get('allow')).not.toContain(method);
    });
  });
});
