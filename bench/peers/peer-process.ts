/** Servers of others that are no Node programs of ours: started with a port of their own, ready once it accepts. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithUs, killTree, treePids } from '../children.ts';
import { processCpuUs } from '../server-process.ts';

/** A machine that has much else to do starts nothing fast. */
const START_MS = 60_000;
const LOOK_MS = 20;
const STOP_MS = 5_000;

/** A running server, whatever it is. */
export interface PeerServer {
  readonly pid: number;
  /** Of the players' connections. */
  readonly wsPort: number;
  /** Of those who ask. */
  readonly httpPort: number;
  cpuUs(): number;
  stop(): Promise<void>;
  /** As a crash does. */
  kill(): Promise<void>;
}

/** CPU time of a process and of the children that live, in µs. */
export function treeCpuUs(pid: number): number {
  return treePids(pid).reduce((sum, one) => sum + processCpuUs(one), 0);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}

export class PeerProcess implements PeerServer {
  readonly pid: number;
  readonly wsPort: number;
  readonly httpPort: number;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.child = child;
    this.pid = child.pid as number;
    this.wsPort = port;
    this.httpPort = port;
  }

  /** @param port that the command is told to listen on. */
  static async start(
    port: number,
    file: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<PeerProcess> {
    const child = spawn(file, args, { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.on('data', (data) => {
      said = `${said}${data}`.slice(-2_000);
    });
    await once(child, 'spawn');
    endWithUs(child);
    const peer = new PeerProcess(child, port);
    for (const until = performance.now() + START_MS; !(await accepts(port)); await sleep(LOOK_MS)) {
      if (peer.isGone) throw new Error(`${file} ended before it was ready: ${said}`);
      if (performance.now() > until) {
        await peer.kill();
        throw new Error(`${file} did not listen within ${START_MS} ms: ${said}`);
      }
    }
    return peer;
  }

  cpuUs(): number {
    return treeCpuUs(this.pid);
  }

  async stop(): Promise<void> {
    if (this.isGone) return;
    const gone = once(this.child, 'exit');
    const cut = setTimeout(() => void this.kill(), STOP_MS);
    this.child.kill('SIGTERM');
    await gone;
    clearTimeout(cut);
  }

  async kill(): Promise<void> {
    if (this.isGone) return;
    const gone = once(this.child, 'exit');
    killTree(this.pid);
    await gone;
  }

  private get isGone(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }
}
