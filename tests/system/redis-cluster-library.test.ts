/** The library of Redis functions on a Cluster: whichever master has not got it is given it. */
import { expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { startCluster } from '../support/redis-cluster.ts';
import type { TestRedis } from '../support/redis-server.ts';
import { beatOf, redisStore } from '../support/redis-stores.ts';

test('one master of several lost it: those of its users are opened, and found', async () => {
  const cluster = await startCluster();
  const store = await redisStore({ url: cluster.url, shards: 16 });
  const master = new Redis((cluster.masters[1] as TestRedis).port);
  try {
    const open = (userId: string) => store.sessions.open(beatOf(userId));
    const users = Array.from({ length: 100 }, (_, i) => `u${i}`);
    await Promise.all(users.slice(0, 50).map(open));
    await master.call('FUNCTION', 'FLUSH');
    await Promise.all(users.slice(50).map(open));
    await master.call('FUNCTION', 'FLUSH');
    expect((await store.reads.status(users)).every(({ online }) => online)).toBe(true);
    expect(await master.call('FUNCTION', 'LIST')).toHaveLength(1);
  } finally {
    master.disconnect();
    await store.stop();
    await cluster.stop();
  }
});
