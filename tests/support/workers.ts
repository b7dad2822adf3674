/** The built command with WORKERS, in a process of its own, and what it logs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Exposition, parseExposition } from './exposition.ts';
import { until } from './servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export type LogLine = Readonly<Record<string, unknown>> & { readonly message: string };

/** Quick, but for leases: a busy machine must not let one lapse. */
const QUICK = {
  WORKERS: '2',
  WS_PORT: '0',
  HTTP_PORT: '0',
  DATABASE_URL: 'none',
  LOG_LEVEL: 'info',
  SWEEP_MS: '100',
  DRAIN_DELAY_MS: '0',
  DRAIN_MS: '500',
};

export class WorkersProcess {
  readonly lines: LogLine[] = [];
  readonly errors: string[] = [];
  readonly child: ChildProcess;
  /** Its code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  private hasExited = false;

  constructor(env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, ['dist/gateway/main.js'], {
      cwd: ROOT,
      env: { PATH: process.env.PATH, ...QUICK, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.exited = new Promise((resolve) => this.child.once('exit', resolve));
    void this.exited.then(() => {
      this.hasExited = true;
    });
    createInterface({ input: this.child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
      this.lines.push(JSON.parse(line)),
    );
    createInterface({ input: this.child.stderr as NodeJS.ReadableStream }).on('line', (line) => this.errors.push(line));
  }

  static async start(env: Readonly<Record<string, string>>): Promise<WorkersProcess> {
    const workers = new WorkersProcess(env);
    await until(() => workers.all('ready').length > 0 || workers.hasExited);
    return workers;
  }

  all(message: string): LogLine[] {
    return this.lines.filter((line) => line.message === message);
  }

  /** Waits for so many lines of a text. */
  async logged(message: string, count = 1): Promise<LogLine> {
    await until(() => this.all(message).length >= count || this.hasExited);
    return this.all(message)[count - 1] as LogLine;
  }

  get wsPort(): number {
    return this.all('ready')[0]?.wsPort as number;
  }

  get httpPort(): number {
    return this.all('ready')[0]?.httpPort as number;
  }

  /** Of the workers started so far, in this order. */
  get pids(): number[] {
    return this.all('starting worker').map(({ pid }) => pid as number);
  }

  get(path: string, port = this.httpPort): Promise<Response> {
    return fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
  }

  async metrics(port = this.httpPort): Promise<Exposition> {
    return parseExposition(await (await this.get('/metrics', port)).text());
  }

  /** Ends it at once; nothing is left of it. */
  async kill(): Promise<void> {
    if (this.hasExited) return;
    for (const pid of [...this.pids, this.child.pid as number]) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // Ended before.
      }
    }
    await this.exited;
  }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
