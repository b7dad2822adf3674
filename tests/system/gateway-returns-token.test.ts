/** A resume token alone, of a session that the store forgot, while those who hold sessions without a socket return (P10). */
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Player } from '../support/player.ts';
import { startRedis } from '../support/redis-server.ts';
import { startTestServer, until } from '../support/servers.ts';
import { hsToken, SECRET } from '../support/tokens.ts';

const DEGRADED = 'x-presence-degraded';
const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

test.each(['open', 'closed'])(
  '[P10] [W19] policy %s: a resume token alone, of a session that the store forgot',
  async (policy) => {
    const redis = await startRedis();
    ended.push(() => redis.stop());
    const client = new Redis(redis.url);
    ended.push(async () => client.disconnect());
    const env = {
      REDIS_URL: redis.url,
      AUTH: 'jwt',
      JWT_SECRET: SECRET,
      OUTAGE_POLICY: policy,
      NODE_BEAT_MS: '300',
      NODE_LEASE_MS: '5000',
      RESUME_GRACE_MS: '6000',
      HEARTBEAT_INTERVAL_MS: '1000',
    };
    const server = await startTestServer(env);
    ended.push(() => server.stop(0));
    const token = await hsToken({ max_streams: 1 });
    const authorization = { authorization: `Bearer ${token}` };
    const status = () => server.request('GET', '/status/user/u', undefined, authorization);
    const sessions = async () =>
      (await server.request('GET', '/concurrency/user/u', undefined, authorization)).body.sessions;
    const [player, { resumeToken: resume }] = await Player.hello(server.wsPort, {
      token,
      sessionId: 'tv',
      streamId: 'x',
    });
    await player.vanish();
    await until(async () => (await sessions())[0].detached === true);
    await client.flushall();
    await until(async () => (await status()).headers.get(DEGRADED) === 'restoring');
    // By policy open others may take its slot before it comes back.
    const [, other] = await Player.hello(server.wsPort, { token, sessionId: 'radio' });
    const [back, answer] = await Player.hello(server.wsPort, { resume });
    if (policy === 'closed') {
      expect(other).toMatchObject({ type: 'error', problem: { code: 'store_unavailable' } });
      expect(answer).toMatchObject({ type: 'error', problem: { code: 'unauthenticated' } });
      expect(await back.closed).toBe(4001);
      return;
    }
    expect(answer).toMatchObject({
      type: 'welcome',
      userId: 'u',
      sessionId: 'tv',
      resumed: false,
      degraded: true,
      current: 2,
      max: 1,
    });
    expect(other).toMatchObject({ type: 'welcome', degraded: true, current: 1 });
    // The rights are those of the token it was issued under: its limit, and no more than a player's.
    expect(await back.ask({ type: 'subscribe', topic: 'all' })).toMatchObject({ problem: { code: 'forbidden' } });
    // Not left: nothing but the time tells that it was ended.
    await back.vanish();
    await until(async () => (await sessions()).length === 1 && (await status()).headers.get(DEGRADED) === null);
    const [late, refusal] = await Player.hello(server.wsPort, { resume });
    expect(refusal).toMatchObject({ type: 'error', problem: { code: 'unauthenticated' } });
    expect(await late.closed).toBe(4001);
  },
  40_000,
);
