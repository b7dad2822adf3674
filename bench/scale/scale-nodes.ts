/** Starts and ends processes of nodes without players. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { processCpuUs } from '../server-process.ts';
import type { NodesOrder, NodesReport } from './nodes-process.ts';

const PROCESS = fileURLToPath(new URL('./nodes-process.js', import.meta.url));
/** A start that takes longer has failed. */
const START_MS = 120_000;

export class ScaleNodes {
  /** Sessions that their sweeps have ended. */
  ended = 0;
  /** When they last ended some, by `Date.now()`. */
  endedAt = 0;
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  /** Resolves when all have joined and swept once. */
  static async start(order: NodesOrder): Promise<ScaleNodes> {
    const child = fork(PROCESS);
    const nodes = new ScaleNodes(child);
    let cut: NodeJS.Timeout | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        cut = setTimeout(() => reject(new Error(`${order.nodes} nodes did not join in time`)), START_MS);
        child.once('exit', () => reject(new Error('the process of the nodes ended before they had joined')));
        child.on('message', (report: NodesReport) => {
          if (report.what === 'ready') resolve();
          else nodes.took(report.ended);
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

  private took(ended: number): void {
    this.ended += ended;
    this.endedAt = Date.now();
  }
}
