/** Which master process serves each shard, so that a restart or a failover shows also before the next beat (P10). */
import { type Cluster, Command, type Redis } from 'ioredis';
import { mastersOf, type RedisClient } from './connection.ts';

export class RedisMasters {
  private readonly client: RedisClient;
  private readonly prefixes: readonly string[];
  /** Hash slot of each shard. */
  private readonly slots: readonly number[];

  constructor(client: RedisClient, prefixes: readonly string[]) {
    this.client = client;
    this.prefixes = prefixes;
    this.slots = client.isCluster ? prefixes.map((prefix) => new Command('get', [prefix]).getSlot()) : [];
  }

  /** Run id of the master of each shard; '' where it is not known. */
  async runIds(): Promise<readonly string[]> {
    if (!this.client.isCluster) {
      const id = await runIdOf(this.client as Redis);
      return this.prefixes.map(() => id);
    }
    const masters = await Promise.all(
      mastersOf(this.client).map(async (node) => {
        const { host, port } = node.options;
        return [`${host}:${port}`, await runIdOf(node).catch(() => '')] as const;
      }),
    );
    const idOf = new Map<string, string>(masters);
    return this.slots.map((slot) => idOf.get(this.masterOf(slot)) ?? '');
  }

  /** Since the youngest of them started. */
  async uptimeMs(): Promise<number> {
    const infos = await Promise.all(mastersOf(this.client).map((node) => node.info('server').catch(() => '')));
    const uptimesS = infos.flatMap((info) => /uptime_in_seconds:(\d+)/.exec(info)?.[1] ?? []).map(Number);
    return Math.min(...uptimesS) * 1_000;
  }

  /** The shards of each master. */
  shardsOfEach(): readonly (readonly number[])[] {
    if (!this.client.isCluster) return [Array.from(this.prefixes.keys())];
    const shards = new Map<string, number[]>();
    this.slots.forEach((slot, shard) => {
      const master = this.masterOf(slot);
      const list = shards.get(master);
      if (list) list.push(shard);
      else shards.set(master, [shard]);
    });
    return [...shards.values()];
  }

  /** `host:port`; '' while no node has told it. */
  private masterOf(slot: number): string {
    return (this.client as Cluster).slots[slot]?.[0] ?? '';
  }
}

async function runIdOf(node: Redis): Promise<string> {
  return /run_id:(\w+)/.exec(await node.info('server'))?.[1] ?? '';
}
