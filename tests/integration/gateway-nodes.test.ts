/** Two gateways over one Redis: what happens on one is felt on the other (P5, P7, P8). */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ shared: true });
});
afterAll(() => redis.stop());

let a: TestServer;
let b: TestServer;
const start = async (env: Record<string, string> = {}): Promise<void> => {
  const shared = { REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix(), ...env };
  [a, b] = await Promise.all([startTestServer(shared), startTestServer(shared)]);
};
afterEach(async () => {
  await Promise.all([a.stop(0), b.stop(0)]);
});

test('[P5] [W16] a kick at one node ends the socket at the other', async () => {
  await start();
  const [player] = await Player.hello(a.wsPort, { userId: 'u', sessionId: 's' });
  const reply = await fetch(`http://127.0.0.1:${b.httpPort}/sessions/u`, { method: 'DELETE' });
  expect([reply.status, await reply.text()]).toEqual([204, '']);
  expect(await player.next('evicted')).toEqual({ type: 'evicted', reason: 'kicked' });
  expect(await player.closed).toBe(4011);
});

test('[P5] [W16] an eviction and a replacement reach the other node, with who took the slot', async () => {
  await start({ MAX_STREAMS: '1', ON_LIMIT: 'evict-oldest' });
  const [first] = await Player.hello(a.wsPort, { userId: 'u', sessionId: 'a' });
  const [second] = await Player.hello(b.wsPort, { userId: 'u', sessionId: 'b', deviceType: 'tv' });
  expect(await first.next('evicted')).toMatchObject({ reason: 'evicted', by: { sessionId: 'b', deviceType: 'tv' } });
  expect(await first.closed).toBe(4010);
  await Player.hello(a.wsPort, { userId: 'u', sessionId: 'c', replace: ['b'] });
  expect(await second.next('evicted')).toMatchObject({ reason: 'replaced', by: { sessionId: 'c' } });
  expect(await second.closed).toBe(4012);
});

test('[P7] [W10] the same session at another node wins, and the older socket’s end does not touch it', async () => {
  await start();
  const [older] = await Player.hello(a.wsPort, { userId: 'u', sessionId: 's', streamId: 'tnt' });
  const [newer] = await Player.hello(b.wsPort, { userId: 'u', sessionId: 's' });
  expect(await older.next('evicted')).toMatchObject({ reason: 'replaced', by: { sessionId: 's' } });
  expect(await older.closed).toBe(4012);
  expect(await newer.ask({ type: 'update', streamId: 'espn' })).toMatchObject({ type: 'ok' });
  expect((await a.get('/concurrency/user/u')).body).toMatchObject({ current: 1, sessions: [{ streamId: 'espn' }] });
});

test('[P8] [W9] a lost socket resumes at the other node in the same slot', async () => {
  await start({ MAX_STREAMS: '1', RESUME_GRACE_MS: '5000' });
  const [player, { resumeToken }] = await Player.hello(a.wsPort, { userId: 'u', sessionId: 's', streamId: 'tnt' });
  await player.vanish();
  const [, welcome] = await Player.hello(b.wsPort, { resume: resumeToken });
  expect(welcome).toMatchObject({ type: 'welcome', sessionId: 's', resumed: true, current: 1, max: 1 });
});
