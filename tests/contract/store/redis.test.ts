import { afterAll, beforeAll } from '@jest/globals';
import { startRedis, type TestRedis } from '../../support/redis-server.ts';
import { redisStores } from '../../support/redis-stores.ts';
import { presenceStoreContract } from './store-contract.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ shared: true });
});
afterAll(() => redis.stop());

presenceStoreContract(
  'RedisStore',
  redisStores(() => redis),
);
