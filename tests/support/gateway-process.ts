/** A gateway as operators run it: the built command, in a process of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { until } from './servers.ts';

type Line = Readonly<Record<string, unknown>>;

export class GatewayProcess {
  readonly lines: Line[] = [];
  private readonly child: ChildProcessByStdio<null, Readable, null>;
  /** By its code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  private hasExited = false;

  private constructor(env: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, ['dist/gateway/main.js'], {
      env: { ...process.env, LOG_LEVEL: 'info', ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.exited = new Promise((resolve) => this.child.once('exit', resolve));
    void this.exited.then(() => {
      this.hasExited = true;
    });
    createInterface({ input: this.child.stdout }).on('line', (line) => this.lines.push(JSON.parse(line) as Line));
  }

  /** Resolves when it is ready. @throws Error with its last line when it ends before. */
  static async start(env: Readonly<Record<string, string>>): Promise<GatewayProcess> {
    const gateway = new GatewayProcess(env);
    await until(() => gateway.find('ready') !== undefined || gateway.hasExited);
    if (gateway.hasExited) throw new Error(`the gateway ended: ${JSON.stringify(gateway.lines.at(-1))}`);
    return gateway;
  }

  find(message: string): Line | undefined {
    return this.lines.find((line) => line.message === message);
  }

  /** As a process manager does. @returns the exit code. */
  stop(): Promise<number | null> {
    if (!this.hasExited) this.child.kill('SIGTERM');
    return this.exited;
  }

  kill(): Promise<number | null> {
    if (!this.hasExited) this.child.kill('SIGKILL');
    return this.exited;
  }
}
