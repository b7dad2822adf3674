import { afterAll, beforeAll } from '@jest/globals';
import { startRedis, type TestRedis } from '../../support/redis-server.ts';
import { redisStores } from '../../support/redis-stores.ts';
import { presenceModelSuite } from './model/model.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ shared: true });
});
afterAll(() => redis.stop());

presenceModelSuite(
  'the Redis store',
  redisStores(() => redis),
  { seeds: 200, steps: 40, atOnce: 10, realTime: true },
);
