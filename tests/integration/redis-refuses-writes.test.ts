/** A Redis that answers reads and refuses writes, as one without memory does: a node that cannot check says so. */
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { startRedis } from '../support/redis-server.ts';
import { startTestServer, until } from '../support/servers.ts';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

test.each([
  ['open', [200, 'degraded'], 200],
  ['closed', [503, 503], 503],
])(
  '[P10] policy %s: /readyz says so after a newcomer that could not be checked, until writes pass again',
  async (OUTAGE_POLICY, refusing, beatStatus) => {
    const redis = await startRedis();
    ended.push(() => redis.stop());
    const server = await startTestServer({ REDIS_URL: redis.url, OUTAGE_POLICY });
    ended.push(() => server.stop(0));
    const admin = new Redis(redis.port);
    ended.push(() => admin.disconnect());
    const ready = async (): Promise<unknown[]> => {
      const { status, body } = await server.get('/readyz');
      return [status, body.status];
    };
    expect(await ready()).toEqual([200, 'ok']);
    await admin.config('SET', 'maxmemory', '1');
    const beat = () => server.post('/heartbeat', { userId: 'new', sessionId: 's', streamId: 'film' });
    expect((await beat()).status).toBe(beatStatus);
    expect(await ready()).toEqual(refusing);
    await admin.config('SET', 'maxmemory', '0');
    await until(async () => (await ready())[1] === 'ok');
    expect(await beat()).toMatchObject({ status: 200, body: { current: 1 } });
  },
);
