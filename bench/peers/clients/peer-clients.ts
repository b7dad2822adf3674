/** Starts, orders and ends the clients of one contender. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithUs } from '../../children.ts';
import { pin } from '../../cores.ts';
import type { Contender } from '../contenders.ts';
import type { PeerServer } from '../peer-process.ts';
import type { ChangeReport, ClientsOrder, ComeReport, HealthReport } from './clients-process.ts';

const PROCESS = fileURLToPath(new URL('./clients-process.js', import.meta.url));
/** No order of a bench takes longer. */
const HOPELESS_MS = 120_000;

export class PeerClients {
  private readonly child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.child = child;
  }

  static async meet({ dialect }: Contender, { wsPort, httpPort }: PeerServer): Promise<PeerClients> {
    const child = fork(PROCESS);
    endWithUs(child);
    pin(child.pid as number, 'others');
    const clients = new PeerClients(child);
    await clients.tell({ order: 'meet', dialect, wsPort, httpPort });
    return clients;
  }

  /** @param beats say by themselves that they are there, where that is the way. */
  come(from: number, count: number, { lanes = 64, beats = true } = {}): Promise<ComeReport> {
    return this.tell({ order: 'come', from, count, lanes, beats });
  }

  crowd(from: number, users: number, opens: number): Promise<ComeReport> {
    return this.tell({ order: 'crowd', from, users, opens });
  }

  watch(count: number): Promise<number> {
    return this.tell({ order: 'watch', count });
  }

  change(rate: number, forMs: number): Promise<ChangeReport> {
    return this.tell({ order: 'change', rate, forMs });
  }

  go(): Promise<number> {
    return this.tell({ order: 'go' });
  }

  health(): Promise<HealthReport> {
    return this.tell({ order: 'health' });
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  /** One order at a time. */
  private async tell<Report>(order: ClientsOrder): Promise<Report> {
    const ended = new AbortController();
    const { signal } = ended;
    try {
      this.child.send(order);
      const late = AbortSignal.timeout(HOPELESS_MS);
      const [answer] = (await Promise.race([
        once(this.child, 'message', { signal }),
        once(this.child, 'exit', { signal }).then(() => [{ error: 'the clients ended' }]),
        once(late, 'abort', { signal }).then(() => [{ error: `${order.order}: no answer in ${HOPELESS_MS} ms` }]),
      ])) as [{ report: Report } | { error: string }];
      if ('error' in answer) throw new Error(answer.error);
      return answer.report;
    } finally {
      ended.abort();
    }
  }
}
