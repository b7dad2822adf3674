/** A Redis of the test's own: started on a free port, ended by the test. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
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

/** Listens for a moment. Rejects when the port is taken. @param port 0: any. */
async function tryPort(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  const { port: taken } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return taken;
}

export function freePort(): Promise<number> {
  return tryPort(0);
}

/** A port for a server of a Cluster, whose bus listens 10,000 above it. */
export async function freeClusterPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    const bus = port + 10_000;
    if (bus > 65_535) continue;
    const isFree = await tryPort(bus).then(
      () => true,
      () => false,
    );
    if (isFree) return port;
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

/** Resolves when a server is a replica, and has what its master has. */
export async function following({ port }: TestRedis): Promise<void> {
  const client = new Redis({ port, maxRetriesPerRequest: null });
  client.on('error', () => {});
  while (!(await client.info('replication')).includes('master_link_status:up')) await sleep(50);
  client.disconnect();
}

/**
 * Starts `redis-server` without persistence.
 * @param env beside that of this process.
 * @param shared with TEST_REDIS_URL set, use that instance instead: for tests that only need data of their own.
 */
export async function startRedis(
  options: { shared?: boolean; args?: string[]; port?: number; env?: Readonly<Record<string, string>> } = {},
): Promise<TestRedis> {
  const prefix = (): string => `t${randomBytes(5).toString('hex')}`;
  const given = process.env.TEST_REDIS_URL;
  if (given && options.shared) {
    const nothing = async (): Promise<void> => {};
    const port = Number(new URL(given).port || 6379);
    return { url: given, port, prefix, process: undefined, restart: nothing, kill: nothing, stop: nothing };
  }
  const port = options.port ?? (await freePort());
  // A replica stores what it was sent, and a server loads what it finds: in a folder of its own that is nobody else's.
  const folder = mkdtempSync(join(tmpdir(), 'presence-redis-'));
  let child: ChildProcess;
  const launch = async (): Promise<void> => {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder];
    const env = { ...process.env, ...options.env };
    child = spawn('redis-server', [...args, ...(options.args ?? [])], { stdio: 'ignore', env });
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
    stop: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
