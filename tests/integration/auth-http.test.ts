/** Who may call which route: credentials, scopes and the own user, over the whole table of routes. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { loadConfig } from '../../gateway/config/config.ts';
import { createRoutes } from '../../gateway/http/routes/index.ts';
import { boundStore } from '../../gateway/http/sidecar-store.ts';
import { RecentRefusals } from '../../gateway/metrics/recent-refusals.ts';
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
  deployment: { metrics: async () => '', readiness: async () => 'ok', setLogLevel: () => undefined },
  reports: undefined,
  refusals: new RecentRefusals(),
  isRestoring: () => false,
  isReturning: () => false,
  returns: { answered: () => undefined },
  giveUp: () => undefined,
}).map(({ method, path, scope, reads }) => ({
  method,
  path,
  scope,
  isRead: method === 'GET' || reads === true,
  name: `${method} ${path}`,
}));
type TableRow = (typeof TABLE)[number];
const GUARDED = TABLE.filter(({ scope }) => scope !== 'none');

const GUARD = '/guards/00000000-0000-4000-8000-000000000000';
const HOUR = `timestamp=${Date.now()}`;
type Call = [path: string, body?: object, headers?: Record<string, string>];
/** For each route a good request about one user, and how a caller that may make it is answered: status, code of a problem. */
const CALLS: Record<string, [answer: string, call: (userId: string) => Call]> = {
  'POST /heartbeat': ['200', (userId) => ['/heartbeat', { userId, streamId: 's', sessionId: 'beat' }]],
  'DELETE /heartbeat': ['204', (userId) => ['/heartbeat', { userId, sessionId: 'beat' }]],
  'POST /guards': ['200', (userId) => ['/guards', {}, { 'x-user-id': userId }]],
  'PATCH /guards/:id': ['404 not_found', (userId) => [GUARD, undefined, { 'x-user-id': userId }]],
  'DELETE /guards/:id': ['404 not_found', (userId) => [GUARD, undefined, { 'x-user-id': userId }]],
  'GET /status/user/:userId': ['200', (userId) => [`/status/user/${userId}`]],
  'GET /status/users': ['200', (userId) => [`/status/users?ids=${userId}`]],
  'POST /status/users': ['200', (userId) => ['/status/users', { ids: [userId] }]],
  'GET /refusals/:userId': ['200', (userId) => [`/refusals/${userId}`]],
  'GET /limits/:userId': ['200', (userId) => [`/limits/${userId}`]],
  'GET /nodes': ['200', () => ['/nodes']],
  'GET /identity': ['200', () => ['/identity']],
  'GET /': ['200', () => ['/']],
  'GET /dashboard/page.js': ['200', () => ['/dashboard/page.js']],
  'GET /dashboard/page.css': ['200', () => ['/dashboard/page.css']],
  'GET /online': ['200', () => ['/online']],
  'GET /concurrency/user/:userId': ['200', (userId) => [`/concurrency/user/${userId}`]],
  'GET /concurrency/users': ['200', (userId) => [`/concurrency/users?ids=${userId}`]],
  'POST /concurrency/users': ['200', (userId) => ['/concurrency/users', { ids: [userId] }]],
  'POST /admission': ['200', (userId) => ['/admission', { userId }]],
  'PUT /limits/:userId': ['204', (userId) => [`/limits/${userId}`, { max: 5 }]],
  'DELETE /limits/:userId': ['204', (userId) => [`/limits/${userId}`]],
  'DELETE /sessions/:userId': ['204', (userId) => [`/sessions/${userId}`]],
  'DELETE /sessions/:userId/:sessionId': ['204', (userId) => [`/sessions/${userId}/a`]],
  'GET /stats/viewercount': ['200', () => ['/stats/viewercount']],
  'GET /stats/viewercount/streams/:streamId': ['200', () => ['/stats/viewercount/streams/s']],
  'GET /stats/viewercount/devices/:deviceType': ['200', () => ['/stats/viewercount/devices/tv']],
  'GET /stats/viewercount/location': ['200', () => ['/stats/viewercount/location?country=US']],
  'GET /stats/viewercount/users/:userId': ['200', (userId) => [`/stats/viewercount/users/${userId}`]],
  'GET /stats/top': ['200', () => ['/stats/top?by=stream']],
  'POST /analytics': ['204', (userId) => [`/analytics?${HOUR}&event=click&user=${userId}`]],
  'GET /analytics': ['200', () => [`/analytics?${HOUR}`]],
  // Whoever may ask is told that there is no database.
  'GET /history/sessions': ['404 not_found', (userId) => [`/history/sessions?userId=${userId}`]],
  'GET /history/concurrency': ['404 not_found', () => ['/history/concurrency']],
  'PUT /log-level': ['204', () => ['/log-level', { level: 'info' }]],
  'GET /healthz': ['200', () => ['/healthz']],
  'GET /livez': ['200', () => ['/livez']],
  'GET /readyz': ['200', () => ['/readyz']],
  'GET /metrics': ['200', () => ['/metrics']],
  'GET /openapi.json': ['200', () => ['/openapi.json']],
  'GET /docs': ['200', () => ['/docs']],
  'GET /docs/problems/:code': ['200', () => ['/docs/problems/forbidden']],
  'GET /docs/docs.js': ['200', () => ['/docs/docs.js']],
  'GET /favicon.ico': ['200', () => ['/favicon.ico']],
  'GET /client.js': ['200', () => ['/client.js']],
  'GET /client.iife.js': ['200', () => ['/client.iife.js']],
  'GET /client/:build/client.js': ['404 not_found', () => ['/client/other/client.js']],
  'GET /client/:build/client.iife.js': ['404 not_found', () => ['/client/other/client.iife.js']],
};

const callOf = ({ name }: TableRow) => {
  const found = CALLS[name];
  if (!found) throw new Error(`add ${name} to CALLS`);
  return found;
};
/** Makes the call of a route about a user; the answer is its status, and its code if it is a problem. */
async function call(route: TableRow, userId: string, credentials: Record<string, string>): Promise<string> {
  const [path, body, headers] = callOf(route)[1](userId);
  const reply = await sidecar.request(route.method, path, body, { ...headers, ...credentials });
  return reply.status < 400 ? String(reply.status) : `${reply.status} ${reply.body.code}`;
}
const FORBIDDEN = '403 forbidden';

describe('every route', () => {
  test.each(GUARDED)('$name needs credentials', async (route) => {
    const [path, body, headers] = callOf(route)[1]('u');
    const reply = await sidecar.request(route.method, path, body, headers);
    expect(reply).toMatchObject({ status: 401, body: { code: 'unauthenticated', status: 401 } });
    expect(reply.headers.get('www-authenticate')).toBe('Bearer realm="presence"');
  });

  test.each(GUARDED)('$name is for scope $scope', async (route) => {
    const { scope, isRead } = route;
    const [answer] = callOf(route);
    const expected = {
      player: scope === 'player' ? answer : FORBIDDEN,
      read: scope === 'read' || (scope === 'player' && isRead) ? answer : FORBIDDEN,
      admin: answer,
    };
    for (const held of SCOPES) {
      const user = `${held}-holder`;
      const answered = await call(route, user, await bearer(`presence:${held}`, user));
      expect({ held, answer: answered }).toEqual({ held, answer: expected[held] });
    }
    expect(await call(route, 'u', await bearer('openid'))).toBe(FORBIDDEN);
  });

  test.each(TABLE.filter(({ scope }) => scope === 'none'))('$name is for everyone', async (route) => {
    const [answer] = callOf(route);
    expect(await call(route, 'u', {})).toBe(answer);
    expect(await call(route, 'u', { authorization: 'Bearer nonsense' })).toBe(answer);
  });
});

describe('a player', () => {
  test.each(TABLE.filter(({ scope }) => scope === 'player'))('acts on its own user only: $name', async (route) => {
    const [answer] = callOf(route);
    const player = await bearer('presence:player');
    expect(await call(route, 'u', player)).toBe(answer);
    expect(await call(route, 'other', player)).toBe(FORBIDDEN);
    // Ids are compared as they are written.
    expect(await call(route, 'U', player)).toBe(FORBIDDEN);
    expect(await call(route, '07', await bearer('presence:player', '7'))).toBe(FORBIDDEN);
    const reader = await bearer('presence:player presence:read');
    expect(await call(route, 'other', reader)).toBe(route.isRead ? answer : FORBIDDEN);
    expect(await call(route, 'other', await bearer('presence:admin'))).toBe(answer);
    expect(await call(route, 'other', { 'x-api-key': 'key of the backend' })).toBe(answer);
  });

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
