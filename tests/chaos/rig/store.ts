/** The Redis of a run: one, with Sentinel, or a Cluster. What happens to it is done by scenarios. */
import { FaultProxy } from '../../support/fault-proxy.ts';
import { startCluster, type TestCluster } from '../../support/redis-cluster.ts';
import { startSentinels, type TestSentinels } from '../../support/redis-sentinels.ts';
import { startRedis, type TestRedis } from '../../support/redis-server.ts';

export type StoreKind = 'redis' | 'sentinel' | 'cluster';

export interface ChaosStore {
  readonly kind: StoreKind;
  /** One Redis, or the first master. */
  readonly redis: TestRedis;
  readonly sentinels?: TestSentinels;
  readonly cluster?: TestCluster;
  /** Between one Redis and each gateway, by the gateway's number. */
  readonly proxies: FaultProxy[];
  /** Settings by which a gateway finds it. */
  envOf(gateway: number): Promise<Record<string, string>>;
  stop(): Promise<void>;
}

const SHARDS = { PRESENCE_SHARDS: '16' };

export async function startStore(kind: StoreKind, folder: string): Promise<ChaosStore> {
  if (kind === 'sentinel') return withSentinels();
  if (kind === 'cluster') return withCluster();
  const redis = await startRedis({ args: ['--dir', folder, '--dbfilename', 'redis.rdb'] });
  const proxies: FaultProxy[] = [];
  return {
    kind,
    redis,
    proxies,
    async envOf(gateway) {
      const proxy = proxies[gateway] ?? (await FaultProxy.to(redis.port));
      proxies[gateway] = proxy;
      return { ...SHARDS, REDIS_URL: `redis://127.0.0.1:${proxy.port}` };
    },
    async stop() {
      for (const proxy of proxies) await proxy.close();
      await redis.stop();
    },
  };
}

async function withSentinels(): Promise<ChaosStore> {
  const sentinels = await startSentinels();
  return {
    kind: 'sentinel',
    redis: sentinels.master,
    sentinels,
    proxies: [],
    envOf: async () => ({ ...SHARDS, REDIS_URL: sentinels.url }),
    stop: () => sentinels.stop(),
  };
}

async function withCluster(): Promise<ChaosStore> {
  const cluster = await startCluster();
  return {
    kind: 'cluster',
    redis: cluster.masters[0] as TestRedis,
    cluster,
    proxies: [],
    envOf: async () => ({ ...SHARDS, REDIS_URL: cluster.url }),
    stop: () => cluster.stop(),
  };
}
