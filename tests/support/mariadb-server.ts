/** A MariaDB of the test's own: on a free port, its data in a folder that goes with it. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Connection, createConnection } from 'mysql2/promise';
import { freePort } from './redis-server.ts';

export interface TestMariadb {
  readonly port: number;
  readonly process: ChildProcess;
  /** Of a new, empty database. */
  newUrl(): Promise<string>;
  /** As the administrator. */
  connect(): Promise<Connection>;
  /** Runs statements as the administrator; the rows of the last one. */
  query(...statements: string[]): Promise<Record<string, unknown>[]>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again on the same data and port, after `kill`. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface MariadbOptions {
  readonly bufferPool?: string;
  readonly logFile?: string;
  readonly args?: readonly string[];
}

const USER = 'presence';
/** As awkward in a URL as a password may be. */
const PASSWORD = "p@ss/w:rd?#'%";

function requireMariadb(): void {
  if (spawnSync('mariadbd', ['--version'], { stdio: 'ignore' }).status === 0) return;
  throw new Error('mariadbd is not on PATH: npm run setup installs it, or says how');
}

/** As root the server must be told so. */
const asRoot = (): string[] => (process.getuid?.() === 0 ? ['--user=root'] : []);

function install(folder: string): void {
  const layout = ['--no-defaults', `--datadir=${folder}/data`, ...asRoot()];
  const little = ['--skip-test-db', '--auth-root-authentication-method=normal', '--innodb-log-file-size=4M'];
  execFileSync('mariadb-install-db', [...layout, ...little], { stdio: 'ignore' });
  const grants = [
    `create user if not exists '${USER}'@'%' identified by '${PASSWORD.replaceAll("'", "''")}';`,
    `grant all on *.* to '${USER}'@'%' with grant option;`,
  ];
  writeFileSync(join(folder, 'init.sql'), grants.join('\n'));
}

async function accepts(port: number): Promise<void> {
  for (;;) {
    const isUp = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      // The greeting of the server, not just its port: it is ready then.
      socket.once('data', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
    }).catch(() => false);
    if (isUp) return;
    await sleep(50);
  }
}

export async function startMariadb(options: MariadbOptions = {}): Promise<TestMariadb> {
  requireMariadb();
  const folder = mkdtempSync(join(tmpdir(), 'presence-mariadb-'));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const endAtExit = (): void => {
    child?.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', endAtExit);
  const launch = async (): Promise<void> => {
    const args = [
      '--no-defaults',
      ...asRoot(),
      `--datadir=${folder}/data`,
      `--socket=${folder}/socket`,
      `--pid-file=${folder}/pid`,
      `--log-error=${folder}/log`,
      `--init-file=${folder}/init.sql`,
      '--bind-address=127.0.0.1',
      `--port=${port}`,
      '--skip-name-resolve',
      '--skip-log-bin',
      '--performance-schema=OFF',
      '--max-connections=100',
      `--innodb-buffer-pool-size=${options.bufferPool ?? '24M'}`,
      `--innodb-log-file-size=${options.logFile ?? '16M'}`,
      ...(options.args ?? []),
    ];
    const server = spawn('mariadbd', args, { stdio: 'ignore' });
    child = server;
    const exited = new Promise<never>((_, reject) => {
      server.once('exit', (code) => reject(new Error(`mariadbd on port ${port} exited with ${code}`)));
      server.once('error', reject);
    });
    exited.catch(() => {});
    await Promise.race([accepts(port), exited]);
  };
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child?.once('exit', resolve));
    child.kill(signal);
    await gone;
  };
  const connectAs = () => createConnection({ host: '127.0.0.1', port, user: USER, password: PASSWORD });
  const query = async (...statements: string[]): Promise<Record<string, unknown>[]> => {
    const connection = await connectAs();
    try {
      let rows: unknown = [];
      for (const statement of statements) [rows] = await connection.query(statement);
      return rows as Record<string, unknown>[];
    } finally {
      await connection.end();
    }
  };
  const stop = async (): Promise<void> => {
    await kill();
    process.off('exit', endAtExit);
    if (existsSync(folder)) rmSync(folder, { recursive: true, force: true });
  };
  try {
    install(folder);
    await launch();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    port,
    get process() {
      return child as ChildProcess;
    },
    async newUrl() {
      const name = `t${randomBytes(6).toString('hex')}`;
      await query(`create database ${name}`);
      return `mysql://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${name}`;
    },
    connect: connectAs,
    query,
    kill,
    restart: launch,
    stop,
  };
}
