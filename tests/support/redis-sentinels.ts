/** One master, one replica and three sentinels on this machine, which fail over within a few seconds. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort, startRedis, type TestRedis } from './redis-server.ts';

const SENTINELS = 3;
const QUORUM = 2;
const NAME = 'main';

export interface TestSentinels {
  readonly url: string;
  readonly master: TestRedis;
  readonly replica: TestRedis;
  /** The processes of the sentinels, as the URL lists them. */
  readonly processes: readonly ChildProcess[];
  prefix(): string;
  /** Resolves when the sentinels that answer name another master than the first, and that one is a master. */
  failedOver(): Promise<void>;
  /** Makes the replica the master while the master is well. */
  failOver(): Promise<void>;
  stop(): Promise<void>;
}

export async function startSentinels(): Promise<TestSentinels> {
  const master = await startRedis();
  const replica = await startRedis({
    args: ['--replicaof', '127.0.0.1', String(master.port), '--repl-diskless-sync-delay', '0'],
  });
  const dir = await mkdtemp('/tmp/presence-sentinels-');
  const ports: number[] = [];
  const processes: ChildProcess[] = [];
  for (let i = 0; i < SENTINELS; i += 1) {
    const port = await freePort();
    const file = `${dir}/${port}.conf`;
    await writeFile(
      file,
      [
        `port ${port}`,
        'bind 127.0.0.1',
        `dir ${dir}`,
        `sentinel monitor ${NAME} 127.0.0.1 ${master.port} ${QUORUM}`,
        `sentinel down-after-milliseconds ${NAME} 1000`,
        `sentinel failover-timeout ${NAME} 3000`,
        '',
      ].join('\n'),
    );
    ports.push(port);
    processes.push(spawn('redis-server', [file, '--sentinel'], { stdio: 'ignore' }));
  }
  const clients = ports.map((port) => {
    const client = new Redis({ port, commandTimeout: 500, maxRetriesPerRequest: null });
    client.on('error', () => {});
    return client;
  });
  for (const client of clients) {
    while (!(await isComplete(client))) await sleep(50);
  }
  const masterPort = async (client: Redis): Promise<number> => {
    const address = (await client.call('SENTINEL', 'get-master-addr-by-name', NAME)) as string[] | null;
    return Number(address?.[1]);
  };
  return {
    url: `redis+sentinel://${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${NAME}`,
    master,
    replica,
    processes,
    prefix: master.prefix,
    failedOver: async () => {
      const named = async (client: Redis): Promise<boolean> =>
        (await masterPort(client).catch(() => replica.port)) === replica.port;
      while (!(await Promise.all(clients.map(named))).every(Boolean)) await sleep(50);
      const promoted = new Redis(replica.port);
      while (!(await promoted.info('replication')).includes('role:master')) await sleep(50);
      promoted.disconnect();
    },
    failOver: async () => {
      await clients[0]?.call('SENTINEL', 'failover', NAME);
    },
    stop: async () => {
      for (const client of clients) client.disconnect();
      for (const child of processes) child.kill('SIGKILL');
      await replica.stop();
      await master.stop();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Whether a sentinel knows the others and the replica. */
async function isComplete(client: Redis): Promise<boolean> {
  const fields = (await client.call('SENTINEL', 'master', NAME).catch(() => [])) as string[] | Record<string, string>;
  const list = Array.isArray(fields) ? fields : Object.entries(fields).flat();
  const of = (name: string): string | undefined => list[list.indexOf(name) + 1];
  return of('num-other-sentinels') === String(SENTINELS - 1) && of('num-slaves') === '1';
}
