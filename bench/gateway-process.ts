/** A gateway as operators run it: the built command in a process of its own, looked at from outside. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../gateway/main.js', import.meta.url));
/** Lets the parent ask for a collection of garbage, so that what is left is what is needed. */
const SETTLE =
  'data:text/javascript,process.on("message",()=>{for(let i=0;i<4;i++)gc();process.send("settled")});process.channel.unref()';
const STOP_MS = 5_000;
/** Of /proc: user and system time are counted in hundredths of a second. */
const CPU_TICK_US = 10_000;

const ENVIRONMENT = {
  WS_PORT: '0',
  HTTP_PORT: '0',
  DRAIN_MS: '0',
  DATABASE_URL: 'none',
  // Raw clients answer no pings.
  PING_INTERVAL_MS: '3600000',
};

export class GatewayProcess {
  readonly wsPort: number;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess, wsPort: number) {
    this.child = child;
    this.wsPort = wsPort;
  }

  static async start(env: Readonly<Record<string, string>>): Promise<GatewayProcess> {
    const child = spawn(process.execPath, ['--expose-gc', '--import', SETTLE, MAIN], {
      env: { PATH: process.env.PATH, ...ENVIRONMENT, ...env },
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const wsPort = await new Promise<number>((resolve, reject) => {
      child.once('exit', () => reject(new Error('the gateway ended before it was ready')));
      lines.on('line', (line) => {
        const { msg, wsPort: port } = JSON.parse(line) as { msg: string; wsPort: number };
        if (msg === 'ready') resolve(port);
      });
    });
    return new GatewayProcess(child, wsPort);
  }

  /** Memory of the process after garbage was collected. */
  async settledBytes(): Promise<number> {
    this.child.send('settle');
    await once(this.child, 'message');
    return Number(/VmRSS:\s+(\d+) kB/.exec(this.read('status'))?.[1]) * 1_024;
  }

  cpuUs(): number {
    const fields = this.read('stat').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * CPU_TICK_US;
  }

  async stop(): Promise<void> {
    const gone = once(this.child, 'exit');
    this.child.kill('SIGTERM');
    const cut = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    await gone;
    clearTimeout(cut);
  }

  private read(name: string): string {
    return readFileSync(`/proc/${this.child.pid}/${name}`, 'utf8');
  }
}
