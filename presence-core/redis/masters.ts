/** Which master process serves each shard, so that a restart or a failover shows also before the next beat (P10). */
import type { Cluster, Redis } from 'ioredis';
import type { RedisClient } from './connection.ts';

export class RedisMasters {
  private readonly client: RedisClient;
  private readonly prefixes: readonly string[];
  /** Hash slot of each shard; asked once. */
  private slots: readonly number[] | undefined;

  constructor(client: RedisClient, prefixes: readonly string[]) {
    this.client = client;
    this.prefixes = prefixes;
  }

  /** Run id of the master of each shard; '' where it is not known. */
  async runIds(): Promise<readonly string[]> {
    if (!this.client.isCluster) {
      const id = await runIdOf(this.client as Redis);
      return this.prefixes.map(() => id);
    }
    const cluster = this.client as Cluster;
    this.slots ??= await Promise.all(
      this.prefixes.map(async (prefix) => Number(await cluster.call('CLUSTER', 'KEYSLOT', prefix))),
    );
    const masters = await Promise.all(
      cluster.nodes('master').map(async (node) => {
        const { host, port } = node.options;
        return [`${host}:${port}`, await runIdOf(node).catch(() => '')] as const;
      }),
    );
    const idOf = new Map<string, string>(masters);
    return this.slots.map((slot) => idOf.get(cluster.slots[slot]?.[0] ?? '') ?? '');
  }
}

async function runIdOf(node: Redis): Promise<string> {
  return /run_id:(\w+)/.exec(await node.info('server'))?.[1] ?? '';
}
