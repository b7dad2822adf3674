import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { MemoryStore } from '../../presence-core/index.ts';
import { ManualClock, startSidecar, type TestSidecar } from '../support/sidecar.ts';

let clock: ManualClock;
let sidecar: TestSidecar;

beforeEach(async () => {
  clock = new ManualClock();
  sidecar = await startSidecar(new MemoryStore({ clock: clock.read }));
});
afterEach(() => sidecar.close());

const beat = (userId: string, sessionId: string, more: object = {}) =>
  sidecar.request('POST', '/heartbeat', { userId, sessionId, streamId: 's1', ...more });
const manyIds = (count: number) => Array.from({ length: count }, (_, i) => `u${i}`);

describe('status', () => {
  test('[P3] of a user: online by any session, else when last seen', async () => {
    await beat('u1', 'a');
    await beat('u1', 'b');
    const online = { userId: 'u1', online: true, sessions: 2, lastSeenAt: clock.now };
    expect((await sidecar.get('/status/user/u1')).body).toEqual(online);
    await sidecar.request('DELETE', '/heartbeat', { userId: 'u1', sessionId: 'a' });
    expect((await sidecar.get('/status/user/u1')).body).toMatchObject({ online: true, sessions: 1 });
    clock.now += 30_000;
    const offline = { userId: 'u1', online: false, sessions: 0, lastSeenAt: clock.now };
    expect((await sidecar.get('/status/user/u1')).body).toEqual(offline);
    const { status, body } = await sidecar.get('/status/user/nobody');
    expect(status).toBe(200);
    expect(body).toEqual({ userId: 'nobody', online: false, sessions: 0, lastSeenAt: null });
  });

  test('of many users, in order and with duplicates', async () => {
    await beat('u1', 'a');
    await beat('u:3@x', 'a');
    const ids = ['u2', 'u1', 'u2', 'u:3@x'];
    const replies = [
      await sidecar.get(`/status/users?ids=${ids.join(',')}`),
      await sidecar.get(`/status/users?ids=${encodeURIComponent(ids.join(','))}`),
      await sidecar.request('POST', '/status/users', { ids }),
    ];
    for (const { status, body } of replies) {
      expect(status).toBe(200);
      expect(body.users.map((u: { userId: string }) => u.userId)).toEqual(ids);
      expect(body.users.map((u: { online: boolean }) => u.online)).toEqual([false, true, false, true]);
    }
  });

  test.each(['/status/users', '/concurrency/users'])('GET %s takes 1 to 1,000 ids', async (path) => {
    expect((await sidecar.get(`${path}?ids=${manyIds(1_000)}`)).body.users).toHaveLength(1_000);
    for (const query of ['', '?ids=', '?ids=a,,b', '?ids=,', `?ids=${manyIds(1_001)}`, '?ids=a%20b']) {
      const { status, body } = await sidecar.get(path + query);
      expect([status, body.code, body.errors[0].path]).toEqual([
        400,
        'invalid_request',
        expect.stringMatching(/^ids(\.\d+)?$/),
      ]);
    }
  });

  test.each(['/status/users', '/concurrency/users'])('POST %s takes 1 to 10,000 ids', async (path) => {
    const ids = manyIds(10_000).map((id) => id.padEnd(128, '-'));
    expect((await sidecar.request('POST', path, { ids })).body.users).toHaveLength(10_000);
    for (const bad of [[], [...ids, 'x'], ['a', 7], 'a,b', undefined]) {
      const { status, body } = await sidecar.request('POST', path, { ids: bad });
      expect([status, body.code]).toEqual([400, 'invalid_request']);
      expect(body.errors[0].path).toMatch(/^ids/);
    }
  });

  test('[P13] a bad user id is named, also when it hides a slash', async () => {
    for (const path of ['/status/user/a%2Fb', '/status/user/a%20b', `/status/user/${'x'.repeat(129)}`]) {
      const { status, body } = await sidecar.get(path);
      expect([status, body.errors?.[0].path]).toEqual([400, 'userId']);
    }
    expect((await sidecar.get(`/status/user/${'x'.repeat(128)}`)).status).toBe(200);
    expect((await sidecar.get('/status/user/%zz')).status).toBe(404);
  });

  test('/online counts users and sessions', async () => {
    await beat('u1', 'a');
    await beat('u1', 'b');
    await beat('u2', 'a');
    expect((await sidecar.get('/online')).body).toEqual({ users: 2, sessions: 3 });
  });
});

describe('viewer statistics', () => {
  const views = (path: string) => sidecar.get(`/stats/viewercount${path}`).then(({ body }) => body);
  const top = (query: string) => sidecar.get(`/stats/top?${query}`);

  beforeEach(async () => {
    await beat('U1', 'a', { streamId: 'TNT', deviceType: 'Android', country: 'US', state: 'CA' });
    await beat('U2', 'a', { streamId: 'ESPN', deviceType: 'Apple', country: 'US', state: 'TX' });
    await beat('U3', 'a', { streamId: 'ESPN', deviceType: 'Apple', country: 'US', state: 'NY' });
    await beat('U1', 'b', { streamId: 'ABC', deviceType: 'Android', country: 'US', state: 'CA' });
  });

  test('[P12] the worked case', async () => {
    expect(await views('/streams/ESPN')).toEqual({ users: 2, sessions: 2 });
    expect(await views('')).toEqual({ users: 3, sessions: 4 });
    expect(await views('/devices/Android')).toEqual({ users: 1, sessions: 2 });
    expect(await views('/devices/Apple')).toEqual({ users: 2, sessions: 2 });
    expect(await views('/location?country=US&state=CA')).toEqual({ users: 1, sessions: 2 });
    expect(await views('/location?country=US')).toEqual({ users: 3, sessions: 4 });
    expect(await views('/users/U1')).toEqual({ sessions: 2, streams: 2, devices: 1 });
    expect(await views('/users/nobody')).toEqual({ sessions: 0, streams: 0, devices: 0 });
    expect(await views('/streams/none')).toEqual({ users: 0, sessions: 0 });
    expect(await views('/devices/none')).toEqual({ users: 0, sessions: 0 });
  });

  test('names with spaces and beyond ASCII', async () => {
    await beat('U4', 'a', { deviceType: 'Smart TV', country: 'Österreich' });
    expect(await views('/devices/Smart%20TV')).toEqual({ users: 1, sessions: 1 });
    expect(await views('/location?country=%C3%96sterreich')).toEqual({ users: 1, sessions: 1 });
  });

  test('tops, in descending order', async () => {
    expect((await top('by=stream')).body).toEqual({
      by: 'stream',
      items: [
        { key: 'ESPN', users: 2, sessions: 2 },
        { key: 'ABC', users: 1, sessions: 1 },
        { key: 'TNT', users: 1, sessions: 1 },
      ],
    });
    expect((await top('by=state&limit=1')).body.items).toEqual([{ key: 'US/CA', users: 1, sessions: 2 }]);
    expect((await top('by=country')).body.items).toEqual([{ key: 'US', users: 3, sessions: 4 }]);
    expect((await top('by=deviceType')).body.items.map((item: { key: string }) => item.key)).toEqual([
      'Android',
      'Apple',
    ]);
  });

  test.each([
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
  ])('GET %s is refused naming %s', async (path, field) => {
    const { status, body } = await sidecar.get(path);
    expect([status, body.code, body.errors?.[0].path]).toEqual([400, 'invalid_request', field]);
  });
});
