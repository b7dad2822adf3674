/** Who may call which route: credentials, scopes and the own user, over the whole table of routes. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { loadConfig } from '../../gateway/config/config.ts';
import { createRoutes } from '../../gateway/http/routes/index.ts';
import { boundStore } from '../../gateway/http/sidecar-store.ts';
import { Metrics } from '../../gateway/metrics/metrics.ts';
import { MemoryStore } from '../../presence-core/index.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { apiKeyEntry, hsToken, inSeconds, SECRET } from '../support/tokens.ts';

const API_KEYS = [
  apiKeyEntry('dashboard', 'read', 'key of the dashboard'),
  apiKeyEntry('operator', 'admin', 'key of the operator'),
  apiKeyEntry('backend', 'player', 'key of the backend'),
].join();

let sidecar: TestSidecar;
beforeAll(async () => {
  sidecar = await startSidecar(new MemoryStore(), { AUTH: 'jwt', JWT_SECRET: SECRET, API_KEYS });
});
afterAll(() => sidecar.close());

const bearer = async (scope: string, sub = 'u') => ({ authorization: `Bearer ${await hsToken({ scope, sub })}` });
const SCOPES = ['player', 'read', 'admin'] as const;

const TABLE = createRoutes({
  config: loadConfig({}, []),
  store: boundStore(new MemoryStore(), 0, () => undefined),
  history: undefined,
  log: pino({ enabled: false }),
  metrics: new Metrics(),
  isDraining: () => false,
}).map(({ method, path, scope, reads }) => ({ method, path, scope, reads }));
const GUARDED = TABLE.filter(({ scope }) => scope !== 'none');
/** Every parameter is the player's own id, which is also a fine session, stream and device. */
const at = (path: string) => path.replace(/:\w+/g, 'u');

describe('every route', () => {
  test.each(GUARDED)('$method $path needs credentials', async ({ method, path }) => {
    const reply = await sidecar.request(method, at(path));
    expect(reply).toMatchObject({ status: 401, body: { code: 'unauthenticated', status: 401 } });
    expect(reply.headers.get('www-authenticate')).toBe('Bearer realm="presence"');
  });

  test.each(GUARDED)('$method $path is for scope $scope', async ({ method, path, scope, reads }) => {
    const suffices = {
      player: scope === 'player',
      read: scope === 'read' || (scope === 'player' && (method === 'GET' || reads === true)),
      admin: true,
    };
    for (const held of SCOPES) {
      const { status, body } = await sidecar.request(method, at(path), undefined, await bearer(`presence:${held}`));
      if (suffices[held]) expect([401, 403]).not.toContain(status);
      else expect({ held, status, code: body.code }).toEqual({ held, status: 403, code: 'forbidden' });
    }
    expect((await sidecar.request(method, at(path), undefined, await bearer('openid'))).status).toBe(403);
  });

  test.each(TABLE.filter(({ scope }) => scope === 'none'))(
    '$method $path is for everyone',
    async ({ method, path }) => {
      const { status } = await sidecar.request(method, at(path), undefined, { authorization: 'Bearer nonsense' });
      expect([401, 403]).not.toContain(status);
    },
  );
});

const GUARD = '/guards/00000000-0000-4000-8000-000000000000';
/** For each route of scope player, the request that names a user. */
const NAMING: Record<string, (user: string) => [path: string, body?: object, headers?: Record<string, string>]> = {
  'POST /heartbeat': (userId) => ['/heartbeat', { userId, streamId: 's', sessionId: 'beat' }],
  'DELETE /heartbeat': (userId) => ['/heartbeat', { userId, sessionId: 'beat' }],
  'POST /guards': (user) => ['/guards', {}, { 'x-user-id': user }],
  'PATCH /guards/:id': (user) => [GUARD, undefined, { 'x-user-id': user }],
  'DELETE /guards/:id': (user) => [GUARD, undefined, { 'x-user-id': user }],
  'GET /status/user/:userId': (user) => [`/status/user/${user}`],
  'GET /concurrency/user/:userId': (user) => [`/concurrency/user/${user}`],
  'POST /admission': (userId) => ['/admission', { userId }],
  'GET /stats/viewercount/users/:userId': (user) => [`/stats/viewercount/users/${user}`],
  'GET /history/sessions': (user) => [`/history/sessions?userId=${user}`],
  'POST /analytics': (user) => [`/analytics?timestamp=${Date.now()}&event=click&user=${user}`],
};

describe('a player', () => {
  test.each(TABLE.filter(({ scope }) => scope === 'player'))(
    'acts on its own user only: $method $path',
    async (route) => {
      const { method, path, reads } = route;
      const name = NAMING[`${method} ${path}`];
      if (!name) throw new Error(`add ${method} ${path} to NAMING`);
      const call = async (user: string, headers: Record<string, string>): Promise<number> => {
        const [to, body, more] = name(user);
        return (await sidecar.request(method, to, body, { ...more, ...headers })).status;
      };
      const player = await bearer('presence:player');
      expect([401, 403]).not.toContain(await call('u', player));
      expect(await call('other', player)).toBe(403);
      // Ids are compared as they are written.
      expect(await call('U', player)).toBe(403);
      expect(await call('07', await bearer('presence:player', '7'))).toBe(403);
      const isRead = method === 'GET' || reads === true;
      expect((await call('other', await bearer('presence:player presence:read'))) === 403).toBe(!isRead);
      expect([401, 403]).not.toContain(await call('other', await bearer('presence:admin')));
      expect([401, 403]).not.toContain(await call('other', { 'x-api-key': 'key of the backend' }));
    },
  );

  test('has its own history only, and so has a machine that names no user', async () => {
    const ofStream = '/history/sessions?streamId=film';
    const ask = async (headers: Record<string, string>) =>
      (await sidecar.request('GET', ofStream, undefined, headers)).status;
    // Without a database whoever may ask is told that there is none.
    expect(await ask(await bearer('presence:player'))).toBe(404);
    expect(await ask({ 'x-api-key': 'key of the backend' })).toBe(403);
    expect(await ask({ 'x-api-key': 'key of the dashboard' })).toBe(404);
    expect(await ask(await bearer('presence:read'))).toBe(404);
  });

  test('need not name itself', async () => {
    const own = await bearer('presence:player', 'own');
    const beat = await sidecar.request('POST', '/heartbeat', { streamId: 's', sessionId: 'a' }, own);
    expect(beat).toMatchObject({ status: 200, body: { current: 1 } });
    const guard = await sidecar.request('POST', '/guards', undefined, own);
    expect(guard.status).toBe(200);
    expect((await sidecar.request('PATCH', `/guards/${guard.body.guardId}`, undefined, own)).status).toBe(204);
    const stranger = await bearer('presence:player', 'stranger');
    expect((await sidecar.request('DELETE', `/guards/${guard.body.guardId}`, undefined, stranger)).status).toBe(404);
    expect((await sidecar.request('POST', '/admission', undefined, own)).body).toMatchObject({ current: 2 });
    expect((await sidecar.request('DELETE', '/heartbeat', { sessionId: 'a' }, own)).status).toBe(204);
    expect((await sidecar.request('GET', '/status/user/own', undefined, own)).body).toMatchObject({ sessions: 1 });
  });

  test('that sends a bad request hears that before whose user it named', async () => {
    const body = { userId: 7, streamId: 's', sessionId: 'a' };
    const reply = await sidecar.request('POST', '/heartbeat', body, await bearer('presence:player', '7'));
    expect(reply).toMatchObject({ status: 400, body: { errors: [{ path: 'userId' }] } });
    const list = await sidecar.request('POST', '/heartbeat', ['u'], await bearer('presence:player'));
    expect(list.status).toBe(400);
  });

  test('has the limit of its token', async () => {
    const claims = { sub: 'limited', max_streams: 1, on_limit: 'evict-oldest' };
    const limited = { authorization: `Bearer ${await hsToken(claims)}` };
    const beat = (sessionId: string) => sidecar.request('POST', '/heartbeat', { streamId: 's', sessionId }, limited);
    expect(await beat('a')).toMatchObject({ status: 200, body: { current: 1, max: 1 } });
    expect(await beat('b')).toMatchObject({ status: 200, body: { current: 1, max: 1 } });
    expect(await beat('a')).toMatchObject({ status: 410, body: { reason: 'evicted' } });
    const dry = await sidecar.request('POST', '/admission', undefined, limited);
    expect(dry.body).toMatchObject({ admitted: true, max: 1, conflicts: [{ sessionId: 'b' }] });
    expect((await sidecar.request('POST', '/guards', undefined, limited)).status).toBe(200);
    expect((await beat('b')).status).toBe(410);
  });
});

describe('credentials', () => {
  test.each<[string, () => Promise<Record<string, string>>]>([
    ['a token that ended', async () => ({ authorization: `Bearer ${await hsToken({ exp: inSeconds(-1) })}` })],
    ['another secret', async () => ({ authorization: `Bearer ${await hsToken({}, 'x'.repeat(32))}` })],
    ['another scheme', async () => ({ authorization: 'Basic dTpw' })],
    ['no token', async () => ({ authorization: 'Bearer' })],
    ['an unknown key', async () => ({ 'x-api-key': 'guessed' })],
    ['a bad token beside a good key', async () => ({ authorization: 'Bearer x', 'x-api-key': 'key of the operator' })],
  ])('%s: 401', async (_, make) => {
    const reply = await sidecar.request('GET', '/online', undefined, await make());
    expect(reply).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    expect(reply.headers.get('www-authenticate')).toBe('Bearer realm="presence", error="invalid_token"');
  });

  test('the scheme is written in any case', async () => {
    const authorization = `bearer ${await hsToken({ scope: 'presence:read' })}`;
    expect((await sidecar.request('GET', '/online', undefined, { authorization })).status).toBe(200);
  });

  test('an API key has its scope', async () => {
    const by = (key: string, method: string, path: string, body?: object) =>
      sidecar.request(method, path, body, { 'x-api-key': key }).then(({ status }) => status);
    expect(await by('key of the dashboard', 'GET', '/online')).toBe(200);
    expect(await by('key of the dashboard', 'PUT', '/limits/u', { max: 5 })).toBe(403);
    expect(await by('key of the dashboard', 'POST', '/heartbeat', { userId: 'u', deviceId: 'd' })).toBe(403);
    expect(await by('key of the operator', 'PUT', '/limits/u', { max: 5 })).toBe(204);
    expect(await by('key of the backend', 'GET', '/online')).toBe(403);
    expect(await by('key of the backend', 'POST', '/guards')).toBe(401);
  });

  test('a body too large, or one that never comes, of someone unknown is of no interest', async () => {
    const reply = await sidecar.request('POST', '/heartbeat', { userId: 'x'.repeat(100_000) });
    expect(reply.status).toBe(401);
  });

  test('none is logged', async () => {
    const token = await hsToken({ scope: 'presence:player' });
    const headers = { authorization: `Bearer ${token}`, 'x-api-key': 'key of the operator' };
    await sidecar.request('GET', `/online?token=${token}`, undefined, headers);
    const logged = JSON.stringify(sidecar.lines);
    expect(logged).toContain('/online?token=[redacted]');
    expect(logged).not.toContain(token.split('.')[2]);
    expect(logged).not.toContain('key of the operator');
  });
});
