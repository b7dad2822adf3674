/** A Redis of the test's own: started on a free port, ended by the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { Redis } from 'ioredis';

export interface TestRedis {
  readonly url: string;
  readonly port: number;
  /** A prefix that no other test uses. */
  prefix(): string;
  readonly process: ChildProcess | undefined;
  /** Starts it again on the same port, after `kill`. */
  restart(): Promise<void>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

/** @param max a Cluster's bus listens 10,000 above its port. */
export async function freePort(max = 65_535): Promise<number> {
  for (;;) {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    if (port <= max) return port;
  }
}

async function answers(port: number): Promise<void> {
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => 20, maxRetriesPerRequest: null });
  client.on('error', () => {});
  try {
    await client.ping();
  } finally {
    client.disconnect();
  }
}

/**
 * Starts `redis-server` without persistence.
 * @param shared with TEST_REDIS_URL set, use that instance instead: for tests that only need data of their own.
 */
export async function startRedis(
  options: { shared?: boolean; args?: string[]; port?: number } = {},
): Promise<TestRedis> {
  const prefix = (): string => `t${randomBytes(5).toString('hex')}`;
  const given = process.env.TEST_REDIS_URL;
  if (given && options.shared) {
    const nothing = async (): Promise<void> => {};
    const port = Number(new URL(given).port || 6379);
    return { url: given, port, prefix, process: undefined, restart: nothing, kill: nothing, stop: nothing };
  }
  const port = options.port ?? (await freePort());
  let child: ChildProcess;
  const launch = async (): Promise<void> => {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', '/tmp'];
    // Else what a replica was sent stays as dump.rdb, and the next server here begins with it.
    args.push('--rdb-del-sync-files', 'yes');
    child = spawn('redis-server', [...args, ...(options.args ?? [])], { stdio: 'ignore' });
    const exited = new Promise<never>((_, reject) => {
      child.once('exit', (code) => reject(new Error(`redis-server on port ${port} exited with ${code}`)));
      child.once('error', reject);
    });
    await Promise.race([answers(port), exited]);
  };
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  };
  await launch();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    prefix,
    get process() {
      return child;
    },
    restart: launch,
    kill,
    stop: () => kill(),
  };
}
