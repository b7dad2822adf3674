/** Ids of every look (P13) through every route: in paths, queries, lists, headers, bodies and tokens. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { overBothStores } from '../support/both-stores.ts';
import { HOSTILE_IDS, REAL_IDS } from '../support/hostile-ids.ts';
import { type TestServer, until } from '../support/servers.ts';
import { hsToken, SECRET } from '../support/tokens.ts';

/** Of a path `.` and `..` are no segments, however they are written: `http-dotted-ids`. */
const IDS = HOSTILE_IDS.filter((id) => id !== '.' && id !== '..');
const encoded = encodeURIComponent;
const at = (i: number): string => IDS[i % IDS.length] as string;
const tens = Array.from({ length: Math.ceil(IDS.length / 10) }, (_, i) => IDS.slice(10 * i, 10 * i + 10));

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});
function sqliteUrl(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ids-'));
  folders.push(folder);
  return `sqlite:${join(folder, 'presence.db')}`;
}

overBothStores((rig) => {
  const beat = async (server: TestServer, i: number): Promise<void> => {
    const body = { userId: at(i), sessionId: at(i + 1), streamId: at(i + 2), deviceId: at(i + 3) };
    const { status } = await server.post('/heartbeat', body);
    expect([at(i), status]).toEqual([at(i), 200]);
  };

  test('[P13] a user, a session and a stream are each found under their own id', async () => {
    const server = await rig.start({ DATABASE_URL: sqliteUrl() });
    for (let i = 0; i < IDS.length; i += 1) await beat(server, i);
    for (const [i, id] of IDS.entries()) {
      expect((await server.get(`/status/user/${encoded(id)}`)).body).toMatchObject({ userId: id, sessions: 1 });
      expect((await server.get(`/concurrency/user/${encoded(id)}`)).body).toMatchObject({
        userId: id,
        sessions: [{ sessionId: at(i + 1), streamId: at(i + 2), deviceId: at(i + 3) }],
      });
      const [stream, user] = [`/stats/viewercount/streams/${encoded(id)}`, `/stats/viewercount/users/${encoded(id)}`];
      expect((await server.get(stream)).body).toEqual({ users: 1, sessions: 1 });
      expect((await server.get(user)).body).toEqual({ sessions: 1, streams: 1, devices: 0 });
      expect((await server.post('/admission', { userId: id })).body).toMatchObject({ admitted: true, current: 1 });
    }
    for (const ids of tens) {
      const list = ids.map(encoded).join(',');
      for (const path of ['/status/users', '/concurrency/users']) {
        const found = (await server.get(`${path}?ids=${list}`)).body.users;
        expect(found.map(({ userId }: { userId: string }) => userId)).toEqual(ids);
        expect((await server.post(path, { ids })).body.users.length).toBe(ids.length);
      }
      for (const { sessions } of (await server.get(`/status/users?ids=${list}`)).body.users) expect(sessions).toBe(1);
    }
    const { items } = (await server.get('/stats/top?by=stream&limit=100')).body;
    expect(IDS).toEqual(expect.arrayContaining(items.map(({ key }: { key: string }) => key)));

    for (const [i, id] of IDS.entries()) {
      expect((await server.request('PUT', `/limits/${encoded(id)}`, { max: (i % 90) + 2 })).status).toBe(204);
    }
    for (const [i, id] of IDS.entries()) {
      expect((await server.get(`/concurrency/user/${encoded(id)}`)).body.max).toBe((i % 90) + 2);
      expect((await server.request('DELETE', `/limits/${encoded(id)}`)).status).toBe(204);
    }
    const now = Date.now();
    for (const id of IDS) {
      const counted = await server.post(`/analytics?timestamp=${now}&user=${encoded(id)}&event=click`);
      expect(counted.status).toBe(204);
    }
    const { body } = await server.request('GET', `/analytics?timestamp=${now}`, undefined, {
      accept: 'application/json',
    });
    expect(Math.abs(body.uniqueUsers - IDS.length)).toBeLessThan(4);

    for (const [i, id] of IDS.entries()) {
      const path = i % 2 === 0 ? `/sessions/${encoded(id)}` : `/sessions/${encoded(id)}/${encoded(at(i + 1))}`;
      if (i % 3 === 0) await server.request('DELETE', '/heartbeat', { userId: id, sessionId: at(i + 1) });
      else expect((await server.request('DELETE', path)).status).toBe(204);
      expect((await server.get(`/status/user/${encoded(id)}`)).body).toMatchObject({ userId: id, online: false });
    }
    expect((await server.get('/online')).body).toEqual({ users: 0, sessions: 0 });
    for (const [i, id] of IDS.entries()) {
      const [row] = await untilSome(
        async () => (await server.get(`/history/sessions?userId=${encoded(id)}`)).body.sessions,
      );
      expect(row).toMatchObject({ userId: id, sessionId: at(i + 1), streamId: at(i + 2) });
      const there = (await server.get(`/history/sessions?streamId=${encoded(at(i + 2))}`)).body.sessions;
      expect(there).toEqual([row]);
    }
  });

  test('[P13] a guard names its user in a header, percent-encoded', async () => {
    const server = await rig.start();
    for (const id of IDS) {
      const headers = { 'x-user-id': encoded(id) };
      const { guardId } = (await server.request('POST', '/guards', {}, headers)).body;
      expect((await server.get(`/status/user/${encoded(id)}`)).body).toMatchObject({ userId: id, sessions: 1 });
      expect((await server.request('PATCH', `/guards/${guardId}`, undefined, headers)).status).toBe(204);
      expect((await server.request('DELETE', `/guards/${guardId}`, undefined, headers)).status).toBe(204);
    }
    // As HTTP has it: bytes beyond ASCII, which servers read differently.
    const raw = await server.request('POST', '/guards', {}, { 'x-user-id': 'j\u00fcrgen' });
    expect(raw).toMatchObject({ status: 400, body: { errors: [{ path: 'x-user-id' }] } });
  });

  test('[P13] a player is who its token says, in whatever part of a request that is', async () => {
    const server = await rig.start({ AUTH: 'jwt', JWT_SECRET: SECRET, DATABASE_URL: sqliteUrl() });
    const reader = { authorization: `Bearer ${await hsToken({ sub: 'reader', scope: 'presence:read' })}` };
    const players = await Promise.all(
      [...REAL_IDS, '100%', '%41', 'a,b', '{a}', '"', 'שלום', '|'.repeat(255)].map(async (id) => {
        const token = await hsToken({ sub: id, scope: 'presence:player' });
        const ask = (method: string, path: string, body?: object) =>
          server.request(method, path, body, { authorization: `Bearer ${token}` });
        return { id, ask };
      }),
    );
    for (const { id, ask } of players) {
      const sent = await ask('POST', '/heartbeat', { streamId: 'tnt', sessionId: 's' });
      expect([id, sent.status]).toEqual([id, 200]);
      expect((await ask('POST', '/guards', {})).status).toBe(200);
      expect((await ask('POST', `/analytics?timestamp=${Date.now()}&event=click`)).status).toBe(204);
      expect((await ask('GET', `/status/user/${encoded(id)}`)).body).toMatchObject({ userId: id, sessions: 2 });
      expect((await ask('GET', `/status/user/${encoded(`${id.slice(1)}x`)}`)).status).toBe(403);
      await ask('DELETE', '/heartbeat', { sessionId: 's' });
    }
    for (const { id, ask } of players) {
      const history = (): Promise<unknown[]> =>
        ask('GET', '/history/sessions').then(({ status, body }) => (status === 200 ? body.sessions : []));
      expect(await untilSome(history)).toMatchObject([{ userId: id }]);
    }
    const { body } = await server.request('GET', '/online', undefined, reader);
    expect(body.users).toBe(players.length);
  });

  test('lists are divided at raw commas and then decoded; + in an id is itself', async () => {
    const server = await rig.start();
    const idsOf = async (list: string): Promise<unknown> =>
      (await server.get(`/status/users?ids=${list}`)).body.users?.map(({ userId }: { userId: string }) => userId);
    expect(await idsOf('a,b%2Cc,%2C,me+tv@x,%2B,100%25,%2541')).toEqual([
      'a',
      'b,c',
      ',',
      'me+tv@x',
      '+',
      '100%',
      '%41',
    ]);
    expect(await idsOf('a&ids=b%2Cc&ids=%25')).toEqual(['a', 'b,c', '%']);
    expect((await server.get('/concurrency/users?ids=me+tv@x')).body.users).toMatchObject([{ userId: 'me+tv@x' }]);
    await server.post('/heartbeat', {
      userId: 'u',
      sessionId: 's',
      streamId: 'x',
      country: 'New Zealand',
      state: 'a+b',
    });
    for (const query of ['country=New+Zealand&state=a%2Bb', 'country=New%20Zealand&state=a%2Bb']) {
      expect((await server.get(`/stats/viewercount/location?${query}`)).body).toMatchObject({ sessions: 1 });
    }
  });
});

describe('[P13] what is not percent-encoded UTF-8 is refused, and never read as another id', () => {
  overBothStores((rig) => {
    test.each([
      '/status/user/%ff',
      '/status/user/%zz',
      '/status/user/100%',
      '/status/users?ids=a,%ff',
      '/status/users?ids=a,b%2',
      '/status/user?userId=%E0%A4',
      '/history/sessions?userId=%',
      '/stats/top?by=%ff',
    ])('%s', async (path) => {
      const server = await rig.start();
      const response = await fetch(`http://127.0.0.1:${server.httpPort}${path}`);
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, 'invalid_request']);
    });
  });
});

/** Asks until there is something. */
async function untilSome<T>(ask: () => Promise<T[]>): Promise<T[]> {
  let found: T[] = [];
  await until(async () => {
    found = await ask();
    return found.length > 0;
  });
  return found;
}
