import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { connectRedis, ready } from '../../../presence-core/redis/connection.ts';
import { startCluster, type TestCluster } from '../../support/redis-cluster.ts';
import { redisStores } from '../../support/redis-stores.ts';
import { presenceStoreContract } from './store-contract.ts';

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(() => cluster.stop());

presenceStoreContract(
  'RedisStore on Cluster',
  redisStores(() => cluster),
);

test('a client of a Cluster connects at the first attempt', async () => {
  let attempts = 0;
  for (let i = 0; i < 50; i++) {
    const client = connectRedis(cluster.url, false);
    client.on('connecting', () => attempts++);
    try {
      await ready(client, 5_000);
    } finally {
      client.disconnect();
    }
  }
  expect(attempts).toBe(50);
});
