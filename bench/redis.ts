/** A Redis of the bench's own, which does not outlive it. */
import { startRedis, type TestRedis } from '../tests/support/redis-server.ts';
import { endWithUs } from './children.ts';

export async function startBenchRedis(args: readonly string[] = []): Promise<TestRedis> {
  const redis = await startRedis({ args: [...args] });
  endWithUs(redis.process);
  return redis;
}
