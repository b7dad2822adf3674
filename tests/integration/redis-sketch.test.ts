/** Redis' own HyperLogLog, read without Redis: what is counted is what Redis counts (P16). */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { countSketches, mergeSketches } from '../../presence-core/sketches.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';

const AT_ONCE = 10_000;
const ENCODING_AT = 4;

let redis: TestRedis;
let client: Redis;
beforeAll(async () => {
  redis = await startRedis({ shared: true });
  client = new Redis(redis.url);
});
afterAll(async () => {
  client.disconnect();
  await redis.stop();
});

/** A HyperLogLog of users, and the same as bytes. */
async function counted(key: string, from: number, until: number): Promise<Uint8Array> {
  await client.pfadd(key);
  for (let first = from; first < until; first += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, until - first) }, (_, i) => `user-${first + i}`);
    await client.pfadd(key, ...some);
  }
  return (await client.getBuffer(key)) as Uint8Array;
}

test.each([0, 1, 2, 10, 100, 1_000, 20_000, 100_000, 1_000_000])(
  '[P16] %d users are counted as PFCOUNT does',
  async (users) => {
    const [a, b, both] = ['a', 'b', 'both'].map((name) => `${redis.prefix()}${name}`) as [string, string, string];
    const whole = await counted(a, 0, users);
    expect(whole[ENCODING_AT]).toBe(users <= 1_000 ? 1 : 0);
    const { uniqueUsers, approximate } = countSketches([whole]);
    expect(uniqueUsers).toBe(await client.pfcount(a));
    expect(approximate).toBe(users > 0);

    // A third of the others are new.
    const other = await counted(b, Math.ceil((users * 2) / 3), Math.ceil((users * 4) / 3));
    await client.pfmerge(both, a, b);
    const expected = await client.pfcount(both);
    expect(await client.pfcount(a, b)).toBe(expected);
    expect(countSketches([whole, other]).uniqueUsers).toBe(expected);
    const merged = mergeSketches(whole, other);
    expect(countSketches([merged]).uniqueUsers).toBe(expected);
    expect(countSketches([mergeSketches(merged, whole), other]).uniqueUsers).toBe(expected);
    // Redis takes it back as its own.
    await client.set(both, Buffer.from(merged));
    expect(await client.pfcount(both)).toBe(expected);
    await client.unlink(a, b, both);
  },
);
