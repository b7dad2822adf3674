/** One master, its replicas and three sentinels on this machine, which fail over within a few seconds. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { following, freePort, startRedis, type TestRedis } from './redis-server.ts';

const SENTINELS = 3;
const QUORUM = 2;
const NAME = 'main';

export interface TestSentinels {
  readonly url: string;
  readonly master: TestRedis;
  readonly replica: TestRedis;
  readonly replicas: readonly TestRedis[];
  /** The processes of the sentinels, as the URL lists them. */
  readonly processes: readonly ChildProcess[];
  prefix(): string;
  /**
   * Resolves when the sentinels that answer name another master than the first, and that one is a master.
   * @returns that one.
   */
  failedOver(): Promise<TestRedis>;
  /** Makes a replica the master while the master is well. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

export interface SentinelOptions {
  readonly replicas?: number;
  /** Further arguments of the master and of each replica. */
  readonly args?: readonly string[];
  /** Of the master, taken before it starts. */
  readonly port?: number;
  /** Where replicas and sentinels find the master: a proxy may stand before it. */
  readonly masterPort?: number;
}

export async function startSentinels(options: SentinelOptions = {}): Promise<TestSentinels> {
  const { replicas: count = 1, args = [], port = await freePort(), masterPort = port } = options;
  // As a replica it is known by the same port later.
  const announced = masterPort === port ? [] : ['--replica-announce-port', String(masterPort)];
  const atOnce = ['--repl-diskless-sync-delay', '0'];
  const master = await startRedis({ port, args: [...announced, ...atOnce, ...args] });
  const replicas: TestRedis[] = [];
  for (let i = 0; i < count; i += 1) {
    const follow = ['--replicaof', '127.0.0.1', String(masterPort)];
    const replica = await startRedis({ args: [...follow, ...atOnce, ...args] });
    await following(replica);
    replicas.push(replica);
  }
  const dir = await mkdtemp('/tmp/presence-sentinels-');
  const ports: number[] = [];
  const processes: ChildProcess[] = [];
  for (let i = 0; i < SENTINELS; i += 1) {
    const ownPort = await freePort();
    const file = `${dir}/${ownPort}.conf`;
    await writeFile(
      file,
      [
        `port ${ownPort}`,
        'bind 127.0.0.1',
        `dir ${dir}`,
        `sentinel monitor ${NAME} 127.0.0.1 ${masterPort} ${QUORUM}`,
        `sentinel down-after-milliseconds ${NAME} 1000`,
        `sentinel failover-timeout ${NAME} 3000`,
        '',
      ].join('\n'),
    );
    ports.push(ownPort);
    processes.push(spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' }));
  }
  const clients = ports.map((ownPort) => {
    const client = new Redis({ port: ownPort, commandTimeout: 500, maxRetriesPerRequest: null });
    client.on('error', () => {});
    return client;
  });
  for (const client of clients) {
    while (!(await isComplete(client, count))) await sleep(50);
  }
  /** NaN: it does not answer. */
  const namedBy = async (client: Redis): Promise<number> => {
    const reply = client.call('SENTINEL', 'get-master-addr-by-name', NAME) as Promise<string[] | null>;
    const address = await reply.catch(() => null);
    return Number(address?.[1] ?? Number.NaN);
  };
  return {
    url: `redis+sentinel://${ports.map((ownPort) => `127.0.0.1:${ownPort}`).join(',')}/${NAME}`,
    master,
    replica: replicas[0] as TestRedis,
    replicas,
    processes,
    prefix: master.prefix,
    failedOver: async () => {
      for (;;) {
        const named = (await Promise.all(clients.map(namedBy))).filter((one) => !Number.isNaN(one));
        const promoted = replicas.find((replica) => replica.port === named[0]);
        if (promoted && named.every((one) => one === promoted.port) && (await isMaster(promoted.port))) return promoted;
        await sleep(50);
      }
    },
    failOver: async () => {
      await clients[0]?.call('SENTINEL', 'failover', NAME);
    },
    stop: async () => {
      for (const client of clients) client.disconnect();
      for (const child of processes) child.kill('SIGKILL');
      for (const replica of replicas) await replica.stop();
      await master.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function isMaster(port: number): Promise<boolean> {
  const client = new Redis(port);
  try {
    return (await client.info('replication')).includes('role:master');
  } finally {
    client.disconnect();
  }
}

/** Whether a sentinel knows the others and the replicas. */
async function isComplete(client: Redis, replicas: number): Promise<boolean> {
  const fields = (await client.call('SENTINEL', 'master', NAME).catch(() => [])) as string[] | Record<string, string>;
  const list = Array.isArray(fields) ? fields : Object.entries(fields).flat();
  const of = (name: string): string | undefined => list[list.indexOf(name) + 1];
  return of('num-other-sentinels') === String(SENTINELS - 1) && of('num-slaves') === String(replicas);
}
