/** A worker as its parent sees it. */
import cluster, { type Worker } from 'node:cluster';
import type { ReadyFacts } from '../server.ts';
import type { StopTimes } from '../shutdown.ts';
import { type ParentActs, WORKER_ANSWER_MS, type WorkerActs } from './acts.ts';
import { Channel } from './channel.ts';
import { Liveness } from './liveness.ts';

/** Tells a process that it is a worker, and which. */
export const WORKER_VARIABLE = 'PRESENCE_WORKER';

export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: string | null;
}

/** What the parent answers to all workers. */
export type ForAll = Pick<ParentActs, 'metrics' | 'readiness' | 'setLogLevel' | 'leave'>;

export class WorkerProcess {
  readonly id: number;
  readonly pid: number;
  readonly channel: Channel<ParentActs, WorkerActs>;
  readonly exited: Promise<WorkerEnd>;
  /** Resolves with undefined when it ends before. */
  readonly ready: Promise<ReadyFacts | undefined>;
  /** By `performance.now()`; undefined: its ports are not bound yet, and nobody is connected to it. */
  listeningAt: number | undefined;
  isReady = false;
  readonly liveness = new Liveness();
  /** Why it cannot start as it is configured. */
  refusal: string | undefined;
  isOver = false;
  private readonly worker: Worker;

  /** @param forAll told who asks. */
  constructor(place: number, forAll: (worker: WorkerProcess) => ForAll) {
    this.worker = cluster.fork({ [WORKER_VARIABLE]: String(place) });
    this.id = this.worker.id;
    this.pid = this.worker.process.pid as number;
    this.exited = new Promise((resolve) => {
      this.worker.once('exit', (code, signal) => {
        this.isOver = true;
        resolve({ code, signal });
      });
    });
    // A process that cannot be started has no other listener, and ends.
    this.worker.on('error', () => {});
    let told: (facts: ReadyFacts) => void = () => {};
    const ready = new Promise<ReadyFacts>((resolve) => {
      told = resolve;
    });
    this.ready = Promise.race([ready, this.exited.then(() => undefined)]);
    const acts: ParentActs = {
      ...forAll(this),
      listening: () => {
        this.listeningAt = performance.now();
      },
      ready: (facts) => {
        this.isReady = true;
        told(facts);
      },
      refuse: (message) => {
        this.refusal = message;
      },
    };
    this.channel = new Channel<ParentActs, WorkerActs>(this.worker, acts, WORKER_ANSWER_MS);
  }

  get isServing(): boolean {
    return this.listeningAt !== undefined && !this.isOver;
  }

  get servedMs(): number {
    return this.listeningAt === undefined ? 0 : performance.now() - this.listeningAt;
  }

  /** In order, where somebody may be connected to it. */
  stop(times: StopTimes): void {
    if (this.isServing) void this.channel.tell('stop', times);
    else this.kill();
  }

  kill(): void {
    this.worker.process.kill('SIGKILL');
  }
}
