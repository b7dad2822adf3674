/** Three masters of a Redis Cluster on this machine, ended by the test. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freeClusterPort, startRedis, type TestRedis } from './redis-server.ts';

const MASTERS = 3;
const SLOTS = 16_384;

export interface TestCluster {
  readonly url: string;
  readonly masters: readonly TestRedis[];
  prefix(): string;
  stop(): Promise<void>;
}

/** @param args further arguments of each server. */
export async function startCluster(args: readonly string[] = []): Promise<TestCluster> {
  const servers: TestRedis[] = [];
  for (let i = 0; i < MASTERS; i++) {
    // Three names, as a test may give all three one folder.
    const files = ['--cluster-config-file', `nodes${i}.conf`, '--appenddirname', `aof${i}`];
    const port = await freeClusterPort();
    servers.push(await startRedis({ port, args: ['--cluster-enabled', 'yes', ...files, ...args] }));
  }
  const clients = servers.map(({ port }) => new Redis(port));
  const [first] = servers as [TestRedis];
  for (const [i, client] of clients.entries()) {
    const from = Math.floor((SLOTS / MASTERS) * i);
    const to = Math.floor((SLOTS / MASTERS) * (i + 1)) - 1;
    await client.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
    if (i > 0) await client.call('CLUSTER', 'MEET', '127.0.0.1', String(first.port));
  }
  for (const client of clients) {
    const isOk = async (): Promise<boolean> => {
      const info = String(await client.call('CLUSTER', 'INFO'));
      return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${MASTERS}`);
    };
    while (!(await isOk())) await sleep(50);
    client.disconnect();
  }
  return {
    url: `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    masters: servers,
    prefix: first.prefix,
    stop: async () => {
      for (const server of servers) await server.stop();
    },
  };
}
