/** Tokens of players on real sockets: hello, resume, expiry, refresh. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';
import { type Ends, slowTests } from '../support/slow-tests.ts';
import { hsToken, inSeconds, issuer, type KeySetServer, SECRET, serveKeySet } from '../support/tokens.ts';

let redis: TestRedis;
let server: TestServer;
const ended: Ends = [];
beforeAll(async () => {
  redis = await startRedis({ shared: true });
});
afterAll(() => redis.stop());
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

const READER = 'presence:read';
const start = async (env: Record<string, string> = {}): Promise<void> => {
  const started = await startTestServer({ AUTH: 'jwt', JWT_SECRET: SECRET, ...env });
  ended.push(() => started.stop(0));
  server = started;
};
const hello = (message: object) => Player.hello(server.wsPort, message);
const slowTest = slowTests();
/** For a slow test: says hello to a server that is its own. */
const startOwn = async (ends: Ends, env: Record<string, string>): Promise<typeof hello> => {
  const own = await startTestServer({ AUTH: 'jwt', JWT_SECRET: SECRET, ...env });
  ends.push(() => own.stop(0));
  return (message) => Player.hello(own.wsPort, message);
};
const admin = async () => ({ authorization: `Bearer ${await hsToken({ scope: 'presence:admin' })}` });
const usage = async (userId: string): Promise<Record<string, unknown>> => {
  const reply = await fetch(`http://127.0.0.1:${server.httpPort}/concurrency/user/${userId}`, {
    headers: await admin(),
  });
  return (await reply.json()) as Record<string, unknown>;
};
const refused = async ([player, frame]: Awaited<ReturnType<typeof hello>>) => ({
  code: (frame.problem as { code?: string } | undefined)?.code,
  close: await player.closed,
});
const UNAUTHENTICATED = { code: 'unauthenticated', close: 4001 };
const FORBIDDEN = { code: 'forbidden', close: 4003 };

describe.each(['uws', 'ws'])('transport %s', (TRANSPORT) => {
  test('[W18] the user is the one of the token', async () => {
    await start({ TRANSPORT });
    const [player, welcome] = await hello({ token: await hsToken(), streamId: 'tnt' });
    expect(welcome).toMatchObject({ type: 'welcome', userId: 'u', current: 1, max: 3 });
    expect((await hello({ token: await hsToken(), userId: 'u' }))[1]).toMatchObject({ type: 'welcome', current: 2 });
    expect(await refused(await hello({ token: await hsToken(), userId: 'other' }))).toEqual(FORBIDDEN);
    expect(await player.leave()).toBe(1000);
  });

  test.each<[string, () => Promise<object>, object]>([
    ['no token', async () => ({ userId: 'u' }), UNAUTHENTICATED],
    ['nothing', async () => ({}), UNAUTHENTICATED],
    ['a token that ended', async () => ({ token: await hsToken({ exp: inSeconds(-1) }) }), UNAUTHENTICATED],
    ['a bad signature', async () => ({ token: `${await hsToken()}x` }), UNAUTHENTICATED],
    ['no scope', async () => ({ token: await hsToken({ scope: undefined }) }), FORBIDDEN],
    ['a scope that only reads', async () => ({ token: await hsToken({ scope: READER }) }), FORBIDDEN],
    ['an observer without token', async () => ({ observe: true }), UNAUTHENTICATED],
    ['an observer that may not read', async () => ({ observe: true, token: await hsToken() }), FORBIDDEN],
    ['a forged resume token', async () => ({ resume: 'dX5zfjA.AAAAAAAAAAAAAAAAAAAAAA' }), UNAUTHENTICATED],
    ['a token that is no text', async () => ({ token: 7 }), { code: 'invalid_request', close: 4000 }],
    ['a token too long', async () => ({ token: 'x'.repeat(9_000) }), { code: 'invalid_request', close: 4000 }],
  ])('[W18] refuses %s', async (_, make, answer) => {
    await start({ TRANSPORT });
    expect(await refused(await hello(await make()))).toEqual(answer);
    expect(await usage('u')).toMatchObject({ current: 0 });
  });

  test('[W18] an observer needs the scope to read', async () => {
    await start({ TRANSPORT });
    const [, welcome] = await hello({ observe: true, token: await hsToken({ scope: READER }) });
    expect(welcome).toMatchObject({ type: 'welcome', resumed: false });
  });

  test('[W23] a player subscribes only with the scope to read', async () => {
    await start({ TRANSPORT });
    const [blind] = await hello({ token: await hsToken() });
    expect(await blind.ask({ type: 'subscribe', topic: 'all' })).toMatchObject({ problem: { code: 'forbidden' } });
    const [seeing] = await hello({ token: await hsToken({ scope: `presence:player ${READER}` }) });
    expect(await seeing.ask({ type: 'subscribe', topic: 'all' })).toMatchObject({ type: 'subscribed' });
  });

  slowTest(
    '[W19] [W20] before its end a player is told, a new token goes on, and without one the socket is closed',
    async (ends) => {
      const hello = await startOwn(ends, { TRANSPORT });
      const exp = inSeconds(4);
      const [player] = await hello({ token: await hsToken({ exp }) });
      expect(await player.next('token_expiring')).toEqual({ type: 'token_expiring', expiresAt: exp * 1_000 });
      const next = inSeconds(4);
      const ok = await player.ask({ type: 'refresh', token: await hsToken({ exp: next }) });
      expect(ok).toMatchObject({ type: 'ok', resumeToken: expect.any(String) });
      expect(await player.next('token_expiring')).toMatchObject({ expiresAt: next * 1_000 });
      expect(await player.closed).toBe(4202);
      // The slot waits for the player to come back with a fresh token.
      expect(await refused(await hello({ resume: ok.resumeToken }))).toEqual({ code: 'unauthenticated', close: 4202 });
      const [, resumed] = await hello({ resume: ok.resumeToken, token: await hsToken() });
      expect(resumed).toMatchObject({ type: 'welcome', resumed: true, current: 1 });
    },
  );

  test('[W20] a refresh is for the same user and no less scope; a bad token leaves the former one', async () => {
    await start({ TRANSPORT });
    const [player] = await hello({ token: await hsToken() });
    for (const token of ['nonsense', await hsToken({ exp: inSeconds(-1) })]) {
      const answer = await player.ask({ type: 'refresh', token });
      expect(answer).toMatchObject({ type: 'error', problem: { code: 'unauthenticated' } });
    }
    expect(await player.ask({ type: 'refresh' })).toMatchObject({ problem: { code: 'invalid_request' } });
    const other = await player.ask({ type: 'refresh', token: await hsToken({ sub: 'other' }) });
    expect(other).toMatchObject({ type: 'error', problem: { code: 'forbidden' } });
    expect(await player.closed).toBe(4003);
    const [narrowed] = await hello({ token: await hsToken() });
    narrowed.send({ type: 'refresh', token: await hsToken({ scope: READER }) });
    expect(await narrowed.closed).toBe(4003);
  });

  test('[W1] an origin that is not listed does not connect, whatever its token', async () => {
    await start({ TRANSPORT, ALLOWED_ORIGINS: 'https://player.example' });
    await expect(Player.connect(server.wsPort, { origin: 'https://evil.example' })).rejects.toThrow('403');
    const listed = await Player.connect(server.wsPort, { origin: 'https://player.example' });
    listed.send({ type: 'hello', token: await hsToken() });
    expect(await listed.next()).toMatchObject({ type: 'welcome' });
    expect((await hello({ token: await hsToken() }))[1]).toMatchObject({ type: 'welcome' });
  });
});

const STORES = { memory: () => ({}), redis: () => ({ REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix() }) };

describe.each(['memory', 'redis'] as const)('store %s', (kind) => {
  test('[P8] [W19] a resume token alone resumes, on the terms of the token behind it', async () => {
    await start({ ...STORES[kind](), RESUME_GRACE_MS: '20000' });
    const token = await hsToken({ max_streams: 7, on_limit: 'evict-oldest' });
    const [player, { sessionId, resumeToken }] = await hello({ token, streamId: 'tnt' });
    await player.vanish();
    const [resumed, welcome] = await hello({ resume: resumeToken });
    expect(welcome).toMatchObject({ type: 'welcome', userId: 'u', sessionId, resumed: true, current: 1, max: 7 });
    expect(await usage('u')).toMatchObject({ current: 1, max: 7, sessions: [{ streamId: 'tnt', via: 'socket' }] });
    // Also while the former socket is still there.
    const [again, twice] = await hello({ resume: welcome.resumeToken });
    expect(twice).toMatchObject({ type: 'welcome', resumed: true, current: 1, max: 7 });
    expect(await resumed.closed).toBe(4012);
    expect(await refused(await hello({ resume: resumeToken, userId: 'other' }))).toEqual(FORBIDDEN);
    const others = await hsToken({ sub: 'other' });
    expect(await refused(await hello({ resume: resumeToken, token: others }))).toEqual(FORBIDDEN);
    expect(await again.ask({ type: 'heartbeat' })).toMatchObject({ current: 1, max: 7 });
  });

  test('[P8] [W19] a resume token alone opens nothing once its session is over', async () => {
    await start({ ...STORES[kind](), MAX_STREAMS: '1', ON_LIMIT: 'evict-oldest' });
    const [player, { resumeToken }] = await hello({ token: await hsToken(), streamId: 'tnt' });
    await player.leave();
    const [bystander] = await hello({ token: await hsToken(), streamId: 'abc' });
    expect(await refused(await hello({ resume: resumeToken }))).toEqual(UNAUTHENTICATED);
    expect(await bystander.ask({ type: 'heartbeat' })).toMatchObject({ current: 1 });
    const [, anew] = await hello({ resume: resumeToken, token: await hsToken() });
    expect(anew).toMatchObject({ type: 'welcome', resumed: false, current: 1 });
  });

  test('[W19] a resume token of an earlier session under the same id takes nothing over', async () => {
    await start(STORES[kind]());
    const [former, { resumeToken }] = await hello({ token: await hsToken(), sessionId: 'tv', streamId: 'tnt' });
    await former.leave();
    const [player] = await hello({ token: await hsToken(), sessionId: 'tv', streamId: 'abc' });
    expect(await refused(await hello({ resume: resumeToken }))).toEqual(UNAUTHENTICATED);
    expect(await player.ask({ type: 'heartbeat' })).toMatchObject({ current: 1 });
  });

  slowTest('[W19] a resume by its token alone ends with the token behind it', async (ends) => {
    const hello = await startOwn(ends, { ...STORES[kind](), RESUME_GRACE_MS: '20000' });
    const exp = inSeconds(4);
    const [player, { resumeToken }] = await hello({ token: await hsToken({ exp }) });
    await player.vanish();
    const [resumed, welcome] = await hello({ resume: resumeToken });
    expect(welcome).toMatchObject({ type: 'welcome', resumed: true });
    expect(await resumed.next('token_expiring')).toMatchObject({ expiresAt: exp * 1_000 });
    expect(await resumed.closed).toBe(4202);
  });

  test('[P6] max_streams and on_limit of the token decide', async () => {
    await start({ ...STORES[kind](), MAX_STREAMS: '9' });
    const one = { max_streams: 1, sub: 'one' };
    const [first, welcome] = await hello({ token: await hsToken(one), sessionId: 'a' });
    expect(welcome).toMatchObject({ current: 1, max: 1 });
    const crowd = await refused(await hello({ token: await hsToken(one), sessionId: 'b' }));
    expect(crowd).toEqual({ code: 'concurrency_limit', close: 4009 });
    const evicting = await hsToken({ ...one, on_limit: 'evict-oldest' });
    const [, evicted] = await hello({ token: evicting, sessionId: 'b' });
    expect(evicted).toMatchObject({ type: 'welcome', current: 1, max: 1 });
    expect(await first.closed).toBe(4010);
    expect(await usage('one')).toMatchObject({ max: 1 });
  });
});

test('[P10] a session that Redis forgot comes back on the terms of its token', async () => {
  const prefix = redis.prefix();
  await start({ REDIS_URL: redis.url, REDIS_PREFIX: prefix });
  const [player] = await hello({ token: await hsToken({ max_streams: 7 }) });
  const client = new Redis(redis.url);
  await client.unlink(await client.keys(`{${prefix}:*`));
  client.disconnect();
  await until(async () => (await usage('u')).current === 1);
  expect(await usage('u')).toMatchObject({ current: 1, max: 7 });
  expect(await player.ask({ type: 'heartbeat' })).toMatchObject({ current: 1, max: 7 });
});

describe('a key set', () => {
  let keySet: KeySetServer;
  afterEach(() => keySet.close());

  test('[W18] that is away refuses nobody for good', async () => {
    const keys = await issuer('ES256');
    keySet = await serveKeySet([keys.jwk]);
    keySet.status = 500;
    await start({ JWT_SECRET: '', JWKS_URL: keySet.url });
    const token = await keys.token();
    expect(await refused(await hello({ token }))).toEqual({ code: 'store_unavailable', close: 4100 });
    const reply = await fetch(`http://127.0.0.1:${server.httpPort}/online`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(reply.status).toBe(503);
    expect(reply.headers.get('retry-after')).toBe('1');
  });

  test('lets players in by its keys', async () => {
    const keys = await issuer('ES256');
    keySet = await serveKeySet([keys.jwk]);
    await start({ JWT_SECRET: '', JWKS_URL: keySet.url });
    expect((await hello({ token: await keys.token() }))[1]).toMatchObject({ type: 'welcome', userId: 'u' });
    expect(await refused(await hello({ token: await keys.token({}, { kid: 'x' }) }))).toEqual(UNAUTHENTICATED);
    await until(() => keySet.requests === 1);
  });
});
