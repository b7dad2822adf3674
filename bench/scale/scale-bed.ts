/** A Redis of its own, filled with sessions of nodes that this process speaks for. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { RedisStore } from '../../presence-core/index.ts';
import type { TestRedis } from '../../tests/support/redis-server.ts';
import { progress } from '../progress.ts';
import { startBenchRedis } from '../redis.ts';
import { redisBytes } from '../redis-figures.ts';
import { type Cost, costOf } from './cost.ts';
import { Filler, type FillOrder } from './filler.ts';

const PREFIX = 'presence';
/** As a deployment has by default. */
const SHARDS = 64;
const LOG_MAX = 20_000;
const NODES = 8;
/** Nodes of the bench do not beat, and live as long as it runs. */
const NODE_LEASE_MS = 3_600_000;
/** Never: a recount is not part of what is measured here. */
const RECOUNT_MS = 1e13;
const SWEEP_GAP_MS = 500;

export const MINUTE_MS = 60_000;
/** No bench of one size lasts so long. */
export const LONG_MS = 60 * MINUTE_MS;

export class ScaleBed {
  /** One of each node, whose sessions' acts are called on it. */
  readonly stores: readonly RedisStore[];
  readonly filler: Filler;
  readonly url: string;
  private readonly redis: TestRedis;
  private readonly admin: Redis;

  private constructor(redis: TestRedis, admin: Redis, stores: readonly RedisStore[], filler: Filler) {
    this.redis = redis;
    this.url = redis.url;
    this.admin = admin;
    this.stores = stores;
    this.filler = filler;
  }

  static async start(shards = SHARDS): Promise<ScaleBed> {
    const redis = await startBenchRedis(['--hash-max-listpack-value', '256']);
    const common = { url: redis.url, prefix: PREFIX, shards, logMax: LOG_MAX };
    const stores = Array.from(
      { length: NODES },
      () => new RedisStore({ ...common, recountMs: RECOUNT_MS, sweepGapMs: SWEEP_GAP_MS, leaseMaxMs: LONG_MS * 2 }),
    );
    for (const [i, store] of stores.entries()) {
      await store.start();
      await store.nodes.join(nodeOf(i), NODE_LEASE_MS);
    }
    const filler = await Filler.of({ port: redis.port, ...common });
    const bed = new ScaleBed(redis, new Redis(redis.port), stores, filler);
    // The one recount that is due finds nothing.
    await bed.sweep();
    return bed;
  }

  /** Runs `work` on a bed, which is ended whatever happens. */
  static async during<Result>(work: (bed: ScaleBed) => Promise<Result>, shards = SHARDS): Promise<Result> {
    const bed = await ScaleBed.start(shards);
    try {
      return await work(bed);
    } finally {
      await bed.stop();
    }
  }

  /** The store of the node that holds the session of a number. */
  storeOf(number: number): RedisStore {
    return this.stores[number % NODES] as RedisStore;
  }

  /** Fills what an order leaves open: nodes of the bench, now, long leases. */
  async fill(
    order: Pick<FillOrder, 'count' | 'streamOf'> & Partial<FillOrder>,
    ...stages: Parameters<Filler['fill']> extends [unknown, ...infer Rest] ? Rest : never
  ): Promise<void> {
    progress(`making ${order.count.toLocaleString('en')} sessions`);
    const now = Date.now();
    await this.filler.fill({ from: 0, nodeOf, openedAt: () => now, leaseMs: LONG_MS, ...order }, ...stages);
  }

  /** @returns how many sessions were ended. Waits before, so that it is not passed over. */
  async sweep(): Promise<number> {
    await sleep(SWEEP_GAP_MS + 50);
    return (await this.stores[0]?.nodes.sweep())?.ended ?? 0;
  }

  async bytes(): Promise<number> {
    return redisBytes(this.admin);
  }

  cost(work: () => Promise<unknown>): Promise<Cost> {
    return costOf(this.admin, work);
  }

  async stop(): Promise<void> {
    for (const store of this.stores) await store.stop();
    this.admin.disconnect();
    await this.redis.stop();
  }
}

/** Which node holds the session of a number. */
export function nodeOf(number: number): string {
  return `bench${number % NODES}`;
}
