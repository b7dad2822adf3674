/** A Redis Cluster on this machine, with three masters, ended by the test. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Redis } from 'ioredis';
import { following, freeClusterPort, startRedis, type TestRedis } from './redis-server.ts';

const MASTERS = 3;
const SLOTS = 16_384;
const KEYS_AT_ONCE = 20;

export interface TestCluster {
  readonly url: string;
  readonly masters: readonly TestRedis[];
  /** One of each master, in the same order, where asked for. */
  readonly replicas: readonly TestRedis[];
  prefix(): string;
  /** Another master, without slots, which all know. */
  addMaster(): Promise<TestRedis>;
  stop(): Promise<void>;
}

/**
 * @param args further arguments of each server.
 * @param withReplicas one for each master.
 */
export async function startCluster(args: readonly string[] = [], withReplicas = false): Promise<TestCluster> {
  const servers: TestRedis[] = [];
  const start = async (): Promise<TestRedis> => {
    // Names of their own, as a test may give all of them one folder.
    const files = ['--cluster-config-file', `nodes${servers.length}.conf`, '--appenddirname', `aof${servers.length}`];
    const port = await freeClusterPort();
    const server = await startRedis({ port, args: ['--cluster-enabled', 'yes', ...files, ...args] });
    servers.push(server);
    return server;
  };
  for (let i = 0; i < (withReplicas ? 2 * MASTERS : MASTERS); i++) await start();
  const [first] = servers as [TestRedis];
  for (const [i, { port }] of servers.entries()) {
    await asked(port, async (client) => {
      if (i < MASTERS) {
        const { first: from, last } = slotsOf(i);
        await client.call('CLUSTER', 'ADDSLOTSRANGE', String(from), String(last));
      }
      await client.call('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
      if (i > 0) await client.call('CLUSTER', 'MEET', '127.0.0.1', String(first.port));
    });
  }
  for (const server of servers) await knowsAll(server, servers.length);
  const masters = servers.slice(0, MASTERS);
  const replicas = servers.slice(MASTERS);
  for (const [i, replica] of replicas.entries()) await follow(replica, masters[i] as TestRedis);
  return {
    url: `redis+cluster://${servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`,
    masters,
    replicas,
    prefix: first.prefix,
    addMaster: async () => {
      const master = await start();
      await asked(master.port, (client) => client.call('CLUSTER', 'MEET', '127.0.0.1', String(first.port)));
      for (const server of servers) await knowsAll(server, servers.length);
      return master;
    },
    stop: async () => {
      for (const server of servers) await server.stop();
    },
  };
}

/** Resolves when a server is a master, as after a failover. */
export async function promoted({ port }: TestRedis): Promise<void> {
  await asked(port, async (client) => {
    while (!(await client.info('replication')).includes('role:master')) await sleep(50);
  });
}

/** Slots that a master has at first. */
export function slotsOf(master: number): { readonly first: number; readonly last: number } {
  const share = SLOTS / MASTERS;
  return { first: Math.floor(share * master), last: Math.floor(share * (master + 1)) - 1 };
}

export function slotOf(key: string): number {
  return Number(new Command('get', [key]).getSlot());
}

/** Moves a slot with its keys to another master, a few at a time. @param masters all of them, to be told. */
export async function moveSlot(
  slot: number,
  from: TestRedis,
  to: TestRedis,
  masters: readonly TestRedis[],
): Promise<void> {
  const clients = [from, to, ...masters].map(({ port }) => new Redis(port));
  const [source, target, ...all] = clients as [Redis, Redis, ...Redis[]];
  const [sourceId, targetId] = [await idOf(source), await idOf(target)];
  await target.call('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', sourceId);
  await source.call('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', targetId);
  for (;;) {
    const keys = (await source.call('CLUSTER', 'GETKEYSINSLOT', String(slot), String(KEYS_AT_ONCE))) as string[];
    if (keys.length === 0) break;
    await source.call('MIGRATE', '127.0.0.1', String(to.port), '', '0', '1000', 'KEYS', ...keys);
  }
  for (const master of [target, source, ...all]) {
    await master.call('CLUSTER', 'SETSLOT', String(slot), 'NODE', targetId);
  }
  for (const client of clients) client.disconnect();
}

async function idOf(client: Redis): Promise<string> {
  return String(await client.call('CLUSTER', 'MYID'));
}

async function follow(replica: TestRedis, master: TestRedis): Promise<void> {
  const masterId = await asked(master.port, idOf);
  await asked(replica.port, async (client) => {
    await client.call('CLUSTER', 'REPLICATE', masterId);
  });
  await following(replica);
}

async function knowsAll({ port }: TestRedis, count: number): Promise<void> {
  await asked(port, async (client) => {
    const isOk = async (): Promise<boolean> => {
      const info = String(await client.call('CLUSTER', 'INFO'));
      return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${count}`);
    };
    while (!(await isOk())) await sleep(50);
  });
}

async function asked<T>(port: number, act: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(port);
  try {
    return await act(client);
  } finally {
    client.disconnect();
  }
}
