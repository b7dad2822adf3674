/** The Redis of a run: one, with Sentinel, or a Cluster. What happens to it is done by scenarios. */
import { FaultProxy } from '../../support/fault-proxy.ts';
import { startCluster, type TestCluster } from '../../support/redis-cluster.ts';
import { startSentinels, type TestSentinels } from '../../support/redis-sentinels.ts';
import { freePort, startRedis, type TestRedis } from '../../support/redis-server.ts';
import { ScriptedSentinel } from '../../support/scripted-sentinel.ts';
import type { Clock } from './clock.ts';

/** `sentinel-split`: with a network that can be parted. */
export type StoreKind = 'redis' | 'sentinel' | 'sentinel-split' | 'cluster';

export interface ChaosStore {
  readonly kind: StoreKind;
  /** One Redis, or the first master. */
  readonly redis: TestRedis;
  readonly sentinels?: TestSentinels;
  readonly cluster?: TestCluster;
  readonly split?: Split;
  readonly clock?: Clock;
  /** Between one Redis and each gateway, by the gateway's number. */
  readonly proxies: FaultProxy[];
  /** Settings by which a gateway finds it. */
  envOf(gateway: number): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

/**
 * A network in two parts: in the one are the first master and one gateway, with a sentinel that names that master; in the
 * other, which reaches that master through a proxy only, all the rest.
 */
export interface Split {
  /** The number of the gateway that stays with the first master. */
  readonly gateway: number;
  /** So long the first master takes writes after the split, which are lost when it is over. */
  readonly writesOnMs: number;
  begin(): void;
  /** @param master by now: its sentinel hears of it. */
  end(master: TestRedis): Promise<void>;
}

export const SHARDS = 16;
const ENV = { PRESENCE_SHARDS: String(SHARDS) };
const REPLICAS = 2;
const SPLIT_GATEWAY = 1;
/** So that the master that is cut off soon takes nothing more. */
const MAX_LAG_S = 2;
const MIN_REPLICAS = ['--min-replicas-to-write', '1', '--min-replicas-max-lag', String(MAX_LAG_S)];
/** Redis looks once a second whether its replicas lag. */
const WRITES_ON_MS = (MAX_LAG_S + 1) * 1_000;
/** Failovers within seconds; what has no master keeps no other slots from being served. */
const CLUSTER = ['--cluster-node-timeout', '1500', '--cluster-require-full-coverage', 'no'];

/** @param clock of one Redis. */
export async function startStore(kind: StoreKind, folder: string, clock?: Clock): Promise<ChaosStore> {
  if (kind === 'sentinel') return withSentinels();
  if (kind === 'sentinel-split') return withSplit();
  if (kind === 'cluster') return withCluster();
  const redis = await startRedis({
    args: ['--dir', folder, '--dbfilename', 'redis.rdb'],
    ...(clock && { env: clock.env }),
  });
  const proxies: FaultProxy[] = [];
  return {
    kind,
    redis,
    ...(clock && { clock }),
    proxies,
    async envOf(gateway) {
      const proxy = proxies[gateway] ?? (await FaultProxy.to(redis.port));
      proxies[gateway] = proxy;
      return { ...ENV, REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
    },
    async stop() {
      for (const proxy of proxies) await proxy.close();
      await redis.stop();
      clock?.close();
    },
  };
}

async function withSentinels(): Promise<ChaosStore> {
  const sentinels = await startSentinels({ replicas: REPLICAS });
  return {
    kind: 'sentinel',
    redis: sentinels.master,
    sentinels,
    proxies: [],
    envOf: async () => ({ ...ENV, REDIS_URL: sentinels.url }),
    stop: () => sentinels.stop(),
  };
}

async function withSplit(): Promise<ChaosStore> {
  const port = await freePort();
  const proxy = await FaultProxy.to(port);
  const sentinels = await startSentinels({ replicas: REPLICAS, port, masterPort: proxy.port, args: MIN_REPLICAS });
  const alone = await ScriptedSentinel.for(port);
  return {
    kind: 'sentinel-split',
    redis: sentinels.master,
    sentinels,
    proxies: [],
    split: {
      gateway: SPLIT_GATEWAY,
      writesOnMs: WRITES_ON_MS,
      begin: () => {
        proxy.blackhole = true;
      },
      end: async (master) => {
        // These connections lack what was lost on the way.
        proxy.reset();
        proxy.blackhole = false;
        await alone.announce(master.port);
      },
    },
    envOf: async (gateway) => ({ ...ENV, REDIS_URL: gateway === SPLIT_GATEWAY ? alone.url : sentinels.url }),
    async stop() {
      alone.stop();
      await sentinels.stop();
      await proxy.close();
    },
  };
}

async function withCluster(): Promise<ChaosStore> {
  const cluster = await startCluster(CLUSTER, true);
  return {
    kind: 'cluster',
    redis: cluster.masters[0] as TestRedis,
    cluster,
    proxies: [],
    envOf: async () => ({ ...ENV, REDIS_URL: cluster.url }),
    stop: () => cluster.stop(),
  };
}
