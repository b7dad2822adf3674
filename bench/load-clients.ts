/** Starts and ends the processes of the load clients. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithUs } from './children.ts';
import type { LoadClientsOrder } from './load-clients-process.ts';

const PROCESS = fileURLToPath(new URL('./load-clients-process.js', import.meta.url));
/** A process may open at most 20,000 files on a small machine. */
const MAX_PER_PROCESS = 7_500;

export class LoadClients {
  private readonly children: ChildProcess[] = [];

  /** @returns how long it took until all were welcomed. */
  async come({ from, count, ...order }: LoadClientsOrder): Promise<number> {
    const starts = Array.from({ length: Math.ceil(count / MAX_PER_PROCESS) }, (_, i) => i * MAX_PER_PROCESS);
    const elapsed = starts.map(async (start) => {
      const child = fork(PROCESS);
      endWithUs(child);
      this.children.push(child);
      const told = new Promise<number>((resolve, reject) => {
        child.once('message', ({ elapsedMs }: { elapsedMs: number }) => resolve(elapsedMs));
        child.once('exit', () => reject(new Error('the load clients ended before all were welcomed')));
      });
      child.send({ ...order, from: from + start, count: Math.min(MAX_PER_PROCESS, count - start) });
      return told;
    });
    return Math.max(...(await Promise.all(elapsed)));
  }

  async go(): Promise<void> {
    const gone = this.children.map((child) => child.exitCode ?? once(child, 'exit'));
    for (const child of this.children.splice(0)) child.kill('SIGKILL');
    await Promise.all(gone);
  }
}
