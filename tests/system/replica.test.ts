/** A replica of a Redis or a Cluster on which several nodes act: at quiet moments it answers as the store does. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { act, expectReadsToEqualStore, LONG_MS, randomBy, SHORT_MS } from '../support/presence-churn.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startRedis } from '../support/redis-server.ts';
import { redisStore } from '../support/redis-stores.ts';
import { startReplica } from '../support/replicas.ts';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

const SEED = Number(process.env.REPLICA_SEED ?? Date.now() % 1_000_000);
const LANES = 4;
/** Its sessions end as lost when it stops beating. */
const DOOMED_LEASE_MS = 300;

async function churnAndCompare(url: string, rounds: number): Promise<void> {
  const options = { url, defaultLimit: 3, stallGraceMs: 1 };
  const store = await redisStore(options);
  ended.push(() => store.stop());
  const followed = await redisStore(options);
  ended.push(() => followed.stop());
  const other = await redisStore(options);
  ended.push(() => other.stop());
  const random = randomBy(SEED);
  await store.nodes.join('node', LONG_MS);
  for (let i = 0; i < 200; i++) await act(store, 'node', random);
  const replica = await startReplica(followed);
  ended.push(() => replica.stop());
  await replica.serves();
  for (let round = 0; round < rounds; round++) {
    await store.nodes.join(`doomed-${round}`, DOOMED_LEASE_MS);
    const lane = async (i: number): Promise<void> => {
      for (let n = 0; n < 60; n++) {
        await act(i % 2 ? store : other, random() < 0.3 ? `doomed-${round}` : 'node', random);
      }
    };
    await Promise.all(Array.from({ length: LANES }, (_, i) => lane(i)));
    await sleep(DOOMED_LEASE_MS + SHORT_MS);
    await store.nodes.sweep();
    await replica.caughtUp();
    await expectReadsToEqualStore(replica.reads, store);
  }
  const { hits, rebuilds } = replica.replica.report();
  expect(hits).toBeGreaterThan(0);
  expect(rebuilds).toBe(0);
}

test(`[P11] [P12] on Redis, under opens, updates, closes, kicks, evictions, losses (REPLICA_SEED=${SEED})`, async () => {
  const redis = await startRedis();
  ended.push(() => redis.stop());
  await churnAndCompare(redis.url, 8);
}, 60_000);

test(`[P11] on a Cluster (REPLICA_SEED=${SEED})`, async () => {
  const cluster = await startCluster();
  ended.push(() => cluster.stop());
  await churnAndCompare(cluster.url, 2);
}, 60_000);
