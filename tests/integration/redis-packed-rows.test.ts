/** A deployment that has outgrown its number of shards says so: its rows take more memory and time (P12). */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Filler } from '../../bench/scale/filler.ts';
import { evenStreams } from '../../bench/scale/scale-sessions.ts';
import { PACKED_SESSIONS } from '../../presence-core/redis/keys.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { redisStore } from '../support/redis-stores.ts';
import { until } from '../support/servers.ts';

const NODE = 'node';
const LEASE_MS = 600_000;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ args: ['--hash-max-listpack-value', '256'] });
});
afterAll(() => redis.stop());

test('[P12] a recount warns once of more sessions in a shard than Redis keeps packed, and not before', async () => {
  const prefix = redis.prefix();
  const warnings: string[] = [];
  const warn = (message: string): void => {
    if (message.includes('PRESENCE_SHARDS')) warnings.push(message);
  };
  const store = await redisStore({ url: redis.url, prefix, shards: 1, recountMs: 1, warn });
  const admin = new Redis(redis.port);
  try {
    await store.nodes.join(NODE, LEASE_MS);
    const filler = await Filler.of({ port: redis.port, prefix, shards: 1, logMax: 100 });
    const openedAt = Date.now();
    const order = { streamOf: evenStreams(10), nodeOf: () => NODE, openedAt: () => openedAt, leaseMs: LEASE_MS };
    // Of a recount that runs, and of whole ones after it.
    const sweepThrough = async (): Promise<void> => {
      for (let sweep = 0; sweep < 20; sweep += 1) await store.nodes.sweep();
    };
    await filler.fill({ ...order, from: 0, count: PACKED_SESSIONS });
    await sweepThrough();
    expect(warnings).toEqual([]);
    expect(await admin.object('ENCODING', `{${prefix}:0}:m:0`)).toBe('listpack');
    await filler.fill({ ...order, from: PACKED_SESSIONS, count: 6 });
    await until(async () => {
      await store.nodes.sweep();
      return warnings.length > 0;
    });
    await sweepThrough();
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('more than 32,000 sessions');
  } finally {
    admin.disconnect();
    await store.stop();
  }
});
