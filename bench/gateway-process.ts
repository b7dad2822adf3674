/** The product itself: the built command. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { ServerProcess, spawnServer } from './server-process.ts';

/** BENCH_MAIN names that of another build, to compare with. */
const MAIN = process.env.BENCH_MAIN ?? fileURLToPath(new URL('../gateway/main.js', import.meta.url));
/** Lets the parent ask for a collection of garbage, so that what is left is what is needed. */
const SETTLE =
  'data:text/javascript,process.on("message",()=>{for(let i=0;i<4;i++)gc();process.send("settled")});process.channel.unref()';

const ENVIRONMENT = {
  WS_PORT: '0',
  HTTP_PORT: '0',
  DRAIN_MS: '0',
  DATABASE_URL: 'none',
  // What pings cost is measured by itself.
  PING_INTERVAL_MS: '3600000',
};

export class GatewayProcess extends ServerProcess {
  static async start(env: Readonly<Record<string, string>>): Promise<GatewayProcess> {
    const args = ['--expose-gc', '--import', SETTLE, MAIN];
    return new GatewayProcess(...(await spawnServer(args, { ...ENVIRONMENT, ...env })));
  }

  /** Memory of the process after garbage was collected. */
  async settledBytes(): Promise<number> {
    this.child.send('settle');
    await once(this.child, 'message');
    return Number(/VmRSS:\s+(\d+) kB/.exec(this.read('status'))?.[1]) * 1_024;
  }
}
