/** A server as operators run it: a command in a process of its own, looked at from outside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { endWithUs } from './children.ts';

const STOP_MS = 5_000;
/** Of /proc: user and system time are counted in hundredths of a second. */
const CPU_TICK_US = 10_000;

/** The line that a server logs once it serves. */
interface Ready {
  readonly wsPort: number;
  readonly httpPort: number;
}

/** @param args of node: its options, then the file. */
export async function spawnServer(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<[ChildProcess, Ready]> {
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  endWithUs(child);
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const ready = await new Promise<Ready>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`${args.at(-1)} ended before it was ready`)));
    lines.on('line', (line) => {
      const told = JSON.parse(line) as Ready & { msg: string };
      if (told.msg === 'ready') resolve(told);
    });
  });
  return [child, ready];
}

/** CPU time of a process so far, in µs. */
export function processCpuUs(pid: number): number {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    return threads.reduce((sum, thread) => sum + threadCpuNs(pid, thread), 0) / 1_000;
  } catch {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * CPU_TICK_US;
  }
}

/** By the scheduler, which is exact; not every kernel tells it. */
const threadCpuNs = (pid: number, thread: string): number =>
  Number.parseInt(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8'), 10);

export class ServerProcess {
  readonly wsPort: number;
  readonly httpPort: number;
  readonly pid: number;
  protected readonly child: ChildProcess;

  constructor(child: ChildProcess, { wsPort, httpPort }: Ready) {
    this.child = child;
    this.pid = child.pid as number;
    this.wsPort = wsPort;
    this.httpPort = httpPort;
  }

  cpuUs(): number {
    return processCpuUs(this.pid);
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const cut = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(cut);
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  protected read(name: string): string {
    return readFileSync(`/proc/${this.pid}/${name}`, 'utf8');
  }
}
