/** Starts and ends processes of nodes without players. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithUs } from '../children.ts';
import { processCpuUs } from '../server-process.ts';
import type { NodesOrder, NodesReport } from './nodes-process.ts';

const PROCESS = fileURLToPath(new URL('./nodes-process.js', import.meta.url));
/** Redis is not able to carry nodes that need longer. */
const START_MS = 60_000;

export class ScaleNodes {
  joined = 0;
  /** Sessions that their sweeps have ended. */
  ended = 0;
  /** When they last ended some, by `Date.now()`. */
  endedAt = 0;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  /** Resolves when all have joined and swept once, or when that takes too long: `joined` tells. */
  static async start(order: NodesOrder): Promise<ScaleNodes> {
    const nodes = new ScaleNodes(fork(PROCESS));
    const { child } = nodes;
    endWithUs(child);
    let cut: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        cut = setTimeout(resolve, START_MS);
        child.once('exit', () => reject(new Error('the process of the nodes ended before they had joined')));
        child.on('message', (report: NodesReport) => {
          nodes.hear(report);
          if (nodes.joined === order.nodes) resolve();
        });
        child.send(order);
      });
    } catch (error) {
      await nodes.stop();
      throw error;
    } finally {
      clearTimeout(cut);
    }
    return nodes;
  }

  /** CPU time of their process so far, in µs. */
  cpuUs(): number {
    return processCpuUs(this.child.pid as number);
  }

  /** Their leases lapse: nobody says goodbye, so that nothing of it is measured. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  private hear(report: NodesReport): void {
    if (report.what === 'joined') {
      this.joined += 1;
    } else {
      this.ended += report.ended;
      this.endedAt = Date.now();
    }
  }
}
