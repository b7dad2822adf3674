/** Viewer statistics: distinct users and sessions by stream, device type and place. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { overBothStores } from '../support/both-stores.ts';
import { Player } from '../support/player.ts';
import { type TestServer, until } from '../support/servers.ts';

const NONE = { users: 0, sessions: 0 };

overBothStores((rig) => {
  let server: TestServer;
  beforeEach(async () => {
    server = await rig.start();
  });

  const beat = (userId: string, sessionId: string, more: object = {}) =>
    server.post('/heartbeat', { userId, sessionId, streamId: 's1', ...more });
  const leave = (userId: string, sessionId: string) => server.request('DELETE', '/heartbeat', { userId, sessionId });
  const views = async (path: string) => (await server.get(`/stats/viewercount${path}`)).body;
  const top = async (query: string) => (await server.get(`/stats/top?${query}`)).body;
  const keysOf = ({ items }: { items: { key: string }[] }) => items.map(({ key }) => key);

  describe('the worked case', () => {
    const AUDIENCE: [string, string, object][] = [
      ['U1', 'a', { streamId: 'TNT', deviceType: 'Android', country: 'US', state: 'CA' }],
      ['U2', 'a', { streamId: 'ESPN', deviceType: 'Apple', country: 'US', state: 'TX' }],
      ['U3', 'a', { streamId: 'ESPN', deviceType: 'Apple', country: 'US', state: 'NY' }],
      ['U1', 'b', { streamId: 'ABC', deviceType: 'Android', country: 'US', state: 'CA' }],
    ];
    const watch = async () => {
      for (const [userId, sessionId, more] of AUDIENCE) expect((await beat(userId, sessionId, more)).status).toBe(200);
    };
    async function expectWorkedCase(): Promise<void> {
      expect(await views('/streams/ESPN')).toEqual({ users: 2, sessions: 2 });
      expect(await views('/streams/TNT')).toEqual({ users: 1, sessions: 1 });
      expect(await views('/streams/ABC')).toEqual({ users: 1, sessions: 1 });
      expect(await views('')).toEqual({ users: 3, sessions: 4 });
      expect(await views('/devices/Android')).toEqual({ users: 1, sessions: 2 });
      expect(await views('/devices/Apple')).toEqual({ users: 2, sessions: 2 });
      expect(await views('/location?country=US&state=CA')).toEqual({ users: 1, sessions: 2 });
      expect(await views('/location?country=US&state=TX')).toEqual({ users: 1, sessions: 1 });
      expect(await views('/location?country=US')).toEqual({ users: 3, sessions: 4 });
      expect(await views('/users/U1')).toEqual({ sessions: 2, streams: 2, devices: 1 });
    }
    beforeEach(watch);

    test('[P12] counts users and sessions', async () => {
      await expectWorkedCase();
    });

    test('[P12] the same data twice counts once', async () => {
      await watch();
      await Promise.all([watch(), watch()]);
      await expectWorkedCase();
    });

    test('[P12] a switch of stream moves', async () => {
      await beat('U1', 'a', { streamId: 'ESPN' });
      expect(await views('/streams/TNT')).toEqual(NONE);
      expect(await views('/streams/ESPN')).toEqual({ users: 3, sessions: 3 });
      // What a beat leaves out stays as it was.
      expect(await views('/devices/Android')).toEqual({ users: 1, sessions: 2 });
      expect(await views('/location?country=US&state=CA')).toEqual({ users: 1, sessions: 2 });
      await beat('U1', 'b', { streamId: 'ESPN' });
      expect(await views('/streams/ESPN')).toEqual({ users: 3, sessions: 4 });
      expect(await views('/users/U1')).toEqual({ sessions: 2, streams: 1, devices: 1 });
      expect(keysOf(await top('by=stream'))).toEqual(['ESPN']);
      expect(await views('')).toEqual({ users: 3, sessions: 4 });
    });

    test('[P12] a new device adds a session to the same user', async () => {
      await beat('U3', 'tv', { streamId: 'ESPN', deviceType: 'TV', country: 'US', state: 'NY' });
      expect(await views('/streams/ESPN')).toEqual({ users: 2, sessions: 3 });
      expect(await views('/devices/TV')).toEqual({ users: 1, sessions: 1 });
      expect(await views('/devices/Apple')).toEqual({ users: 2, sessions: 2 });
      expect(await views('/location?country=US&state=NY')).toEqual({ users: 1, sessions: 2 });
      expect(await views('/users/U3')).toEqual({ sessions: 2, streams: 1, devices: 2 });
      expect(await views('')).toEqual({ users: 3, sessions: 5 });
    });

    test('top lists descend, then by key', async () => {
      expect(await top('by=stream')).toEqual({
        by: 'stream',
        items: [
          { key: 'ESPN', users: 2, sessions: 2 },
          { key: 'ABC', users: 1, sessions: 1 },
          { key: 'TNT', users: 1, sessions: 1 },
        ],
      });
      expect(await top('by=state')).toEqual({
        by: 'state',
        items: [
          { key: 'US/CA', users: 1, sessions: 2 },
          { key: 'US/NY', users: 1, sessions: 1 },
          { key: 'US/TX', users: 1, sessions: 1 },
        ],
      });
      expect(await top('by=state&limit=1')).toEqual({ by: 'state', items: [{ key: 'US/CA', users: 1, sessions: 2 }] });
      expect((await top('by=country')).items).toEqual([{ key: 'US', users: 3, sessions: 4 }]);
      await beat('U4', 'a', { streamId: 'ABC', deviceType: 'Apple', country: 'DE', state: 'CA' });
      expect(keysOf(await top('by=deviceType'))).toEqual(['Apple', 'Android']);
      expect(keysOf(await top('by=state'))).toEqual(['US/CA', 'DE/CA', 'US/NY', 'US/TX']);
    });

    test.each(['by leave', 'by kick'])('[P12] after everything ended %s all is zero', async (how) => {
      for (const [userId, sessionId] of AUDIENCE) {
        if (how === 'by leave') await leave(userId, sessionId);
        else await server.request('DELETE', `/sessions/${userId}`);
      }
      await expectNothing();
    });
  });

  async function expectNothing(): Promise<void> {
    expect((await server.get('/online')).body).toEqual(NONE);
    const paths = ['', '/streams/ESPN', '/devices/Apple', '/location?country=US', '/location?country=US&state=CA'];
    for (const path of paths) expect([path, await views(path)]).toEqual([path, NONE]);
    expect(await views('/users/U1')).toEqual({ sessions: 0, streams: 0, devices: 0 });
    for (const by of ['stream', 'deviceType', 'country', 'state']) {
      expect(await top(`by=${by}`)).toEqual({ by, items: [] });
    }
  }

  test('[P12] what nobody has is zero', expectNothing);

  test('[P12] what ends by silence and by sockets is counted out too', async () => {
    server = await rig.start({ HEARTBEAT_INTERVAL_MS: '100', HEARTBEAT_TTL_MS: '200' });
    const place = { streamId: 'ESPN', deviceType: 'Apple', country: 'US', state: 'CA' };
    const [player] = await Player.hello(server.wsPort, { userId: 'U1', sessionId: 'a', ...place });
    expect(await views('/streams/ESPN')).toEqual({ users: 1, sessions: 1 });
    expect(await player.ask({ type: 'update', streamId: 'TNT' })).toMatchObject({ type: 'ok' });
    expect(keysOf(await top('by=stream'))).toEqual(['TNT']);
    await beat('U2', 'a', place);
    await player.leave();
    await until(async () => (await views('')).sessions === 0);
    await expectNothing();
  });

  test('[P12] switches, beats and leaves in a race never double', async () => {
    const streams = ['s0', 's1', 's2', 's3', 's4'];
    const users = ['U1', 'U2', 'U3'];
    await Promise.all(
      Array.from({ length: 300 }, (_, i) => {
        const [userId, sessionId] = [users[i % 3] as string, i % 2 ? 'a' : 'b'];
        if (i % 10 === 9) return leave(userId, sessionId);
        // Else nobody would come back after the first leave (P8).
        const fresh = i % 4 === 0;
        return beat(userId, sessionId, {
          streamId: streams[(i * 7) % 5],
          deviceType: `d${i % 4}`,
          country: 'US',
          fresh,
        });
      }),
    );
    const last = { streamId: 's0', deviceType: 'd0', country: 'US', fresh: true };
    for (const userId of users) {
      for (const sessionId of ['a', 'b']) await beat(userId, sessionId, last);
    }
    const all = { users: 3, sessions: 6 };
    expect(await views('')).toEqual(all);
    for (const [by, key] of Object.entries({ stream: 's0', deviceType: 'd0', country: 'US' })) {
      expect(await top(`by=${by}`)).toEqual({ by, items: [{ key, ...all }] });
    }
  });

  test('names with spaces and beyond ASCII', async () => {
    await beat('U4', 'a', { deviceType: 'Smart TV', country: 'Österreich' });
    expect(await views('/devices/Smart%20TV')).toEqual({ users: 1, sessions: 1 });
    expect(await views('/location?country=%C3%96sterreich')).toEqual({ users: 1, sessions: 1 });
  });

  test('bad requests are 400 naming the parameter', async () => {
    const cases = [
      ['/stats/top', 'by'],
      ['/stats/top?by=user', 'by'],
      ['/stats/top?by=stream&limit=0', 'limit'],
      ['/stats/top?by=stream&limit=1001', 'limit'],
      ['/stats/top?by=stream&limit=ten', 'limit'],
      ['/stats/top?by=stream&limit=', 'limit'],
      ['/stats/top?by=stream&by=country', 'by'],
      ['/stats/viewercount/location', 'country'],
      ['/stats/viewercount/location?country=US&state=', 'state'],
      ['/stats/viewercount/location?state=CA', 'country'],
      ['/stats/viewercount/devices/a%2Fb', 'deviceType'],
      ['/stats/viewercount/streams/a%20b', 'streamId'],
      ['/stats/viewercount/users/a%20b', 'userId'],
    ] as const;
    for (const [path, field] of cases) {
      const { status, body } = await server.get(path);
      expect([path, status, body.code, body.errors?.[0].path]).toEqual([path, 400, 'invalid_request', field]);
    }
  });
});
