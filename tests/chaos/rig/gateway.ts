/** A gateway as operators run it: the built command in a process of its own, which keeps its ports over restarts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { freePort } from '../../support/redis-server.ts';
import { type LogLine, now, type ProcessEnd } from '../record.ts';

const STOP_MS = 20_000;
/** Of pino. */
const LEVELS: Readonly<Record<string, number>> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 };

export interface GatewayOptions {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logged: (line: LogLine) => void;
  readonly ended: (end: ProcessEnd) => void;
  /** What stands before node, e.g. `faketime`. */
  readonly prefix?: readonly string[];
  readonly main?: string;
}

export class Gateway {
  readonly name: string;
  readonly wsPort: number;
  readonly httpPort: number;
  /** Where players connect: a proxy may stand before it. */
  playerPort: number;
  private readonly options: GatewayOptions;
  private child: ChildProcess | undefined;
  private isPlanned = false;

  private constructor(options: GatewayOptions, wsPort: number, httpPort: number) {
    this.options = options;
    this.name = options.name;
    this.wsPort = wsPort;
    this.httpPort = httpPort;
    this.playerPort = wsPort;
  }

  static async start(options: GatewayOptions): Promise<Gateway> {
    const gateway = new Gateway(options, await freePort(), await freePort());
    await gateway.launch();
    return gateway;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Starts it, again; resolves when it serves with its store. @param env over that of before. */
  async launch(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const { prefix = [], main = process.env.CHAOS_MAIN ?? 'dist/gateway/main.js', name } = this.options;
    const [command = '', ...args] = [...prefix, process.execPath, main];
    const ports = { WS_PORT: String(this.wsPort), HTTP_PORT: String(this.httpPort) };
    const child = spawn(command, args, {
      env: { PATH: process.env.PATH, ...this.options.env, ...ports, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    this.isPlanned = false;
    child.once('exit', (code, signal) => {
      this.options.ended({ gateway: name, at: now(), code, signal, wasPlanned: this.isPlanned });
    });
    const ready = new Promise<void>((resolve, reject) => {
      child.once('exit', () => reject(new Error(`${name} ended before it was ready`)));
      createInterface({ input: child.stdout }).on('line', (text) => {
        if (this.note(text) === 'ready') resolve();
      });
    });
    // Whatever comes here is no log line: a crash, or a warning of Node.
    createInterface({ input: child.stderr }).on('line', (message) => {
      this.options.logged({ gateway: name, at: now(), level: 60, message });
    });
    await ready;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.end(signal);
  }

  /** In order: it drains first. */
  async stop(): Promise<void> {
    await this.end('SIGTERM');
  }

  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  /** Resident memory now. */
  memoryMb(): number {
    const status = readFileSync(`/proc/${this.child?.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.httpPort}${path}`;
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    const { child } = this;
    if (!child || !this.isRunning) return;
    this.isPlanned = true;
    const gone = once(child, 'exit');
    child.kill(signal);
    // One that is frozen takes no other signal.
    const cut = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(cut);
  }

  /** @returns the line's message. */
  private note(text: string): string {
    let line: { level?: string | number; msg?: string; message?: string };
    try {
      line = JSON.parse(text);
    } catch {
      line = { level: 60, message: text };
    }
    const message = line.msg ?? line.message ?? '';
    const level = typeof line.level === 'string' ? (LEVELS[line.level] ?? 0) : (line.level ?? 0);
    this.options.logged({ gateway: this.name, at: now(), level, message });
    return message;
  }
}
