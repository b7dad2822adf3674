import { afterAll, beforeAll } from '@jest/globals';
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
