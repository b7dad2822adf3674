/** A gateway as operators run it: the built command in a process of its own, which keeps its ports over restarts. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { freePort } from '../../support/redis-server.ts';
import { type LogLine, now, type ProcessEnd } from '../record.ts';

const TODAY = process.env.CHAOS_MAIN ?? 'dist/gateway/main.js';
const STOP_MS = 20_000;
const BLOCK = fileURLToPath(new URL('block.mjs', import.meta.url));
/** Of pino. */
const LEVELS: Readonly<Record<string, number>> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 };

export interface GatewayOptions {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly logged: (line: LogLine) => void;
  readonly ended: (end: ProcessEnd) => void;
  /** The script to start, instead of today's. */
  readonly main?: string | undefined;
  /** Its event loop can be made to stand still. */
  readonly isBlockable?: boolean | undefined;
}

export class Gateway {
  readonly name: string;
  readonly wsPort: number;
  readonly httpPort: number;
  /** Where players connect: a proxy may stand before it. */
  playerPort: number;
  private readonly options: GatewayOptions;
  private env: Readonly<Record<string, string>>;
  private main: string;
  private child: ChildProcess | undefined;
  private isPlanned = false;

  private constructor(options: GatewayOptions, wsPort: number, httpPort: number) {
    this.options = options;
    this.env = options.env;
    this.main = options.main ?? TODAY;
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

  /** From its next start it runs what is built now. */
  upgrade(): void {
    this.main = TODAY;
  }

  /** From its next start. */
  set(env: Readonly<Record<string, string>>): void {
    this.env = { ...this.env, ...env };
  }

  /** Starts it, again; resolves when it serves with its store. */
  async launch(): Promise<void> {
    const { name, isBlockable = false } = this.options;
    const args = isBlockable ? ['--import', BLOCK, this.main] : [this.main];
    const ports = { WS_PORT: String(this.wsPort), HTTP_PORT: String(this.httpPort) };
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env.PATH, ...this.env, ...ports },
      stdio: ['ignore', 'pipe', 'pipe', ...(isBlockable ? (['ipc'] as const) : [])],
    }) as ChildProcessByStdio<null, Readable, Readable>;
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

  /** Its event loop does nothing else for so long; the process is there, and the kernel takes what it is sent. */
  block(ms: number): void {
    this.child?.send?.(ms);
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
