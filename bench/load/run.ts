/** One run: starts the generators, gathers what they measure, and ends them so that no session is left behind. */
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from './clock.ts';
import type { Tick } from './messages.ts';
import { type LoadOptions, UsageError } from './options.ts';
import { type OwnLimit, ownLimit, type ProcessLoad } from './own-limit.ts';
import { planMs } from './plan.ts';
import { type Phase, type Row, rowOf, type Second } from './seconds.ts';
import { dashboardOrders } from './share.ts';
import { Tally } from './tally.ts';
import { Worker } from './workers.ts';

/** From the order to begin until the first act: all processes have it by then. */
const LEAD_MS = 100;
/** After the plan, what was sent last may still be answered. */
const LAST_ANSWERS_MS = 500;
const SECOND_MS = 1_000;

export interface RunResult {
  readonly options: LoadOptions;
  readonly processes: number;
  readonly beganAt: number;
  /** From the first act until the plan was over, or ended by Ctrl-C. */
  readonly elapsedMs: number;
  readonly tally: Tally;
  /** For each second what `rowOf` says. */
  readonly seconds: readonly Row[];
  readonly mostHere: number;
  readonly isInterrupted: boolean;
  /** Sessions that end by the resume grace only, since they could not leave. */
  readonly leftBehind: number;
  readonly ownLimit: OwnLimit;
}

export class LoadRun {
  private readonly options: LoadOptions;
  private readonly workers: Worker[];
  private readonly total = new Tally();
  private readonly seconds: Row[] = [];
  private readonly loads: { readonly cpuShares: number[] }[];
  private readonly heres: number[];
  private readonly progress: (second: Second, total: Tally) => void;
  private phase: Phase = 'ramp';
  private startMs = 0;
  private mostHere = 0;
  private isInterrupted = false;
  private interrupted: () => void = () => {};
  /** Of the second that is not over yet. */
  private current = new Tally();
  private cpuShare = 0;

  constructor(options: LoadOptions, processes: number, progress: (second: Second, total: Tally) => void) {
    this.options = options;
    this.progress = progress;
    this.loads = Array.from({ length: processes }, () => ({ cpuShares: [] }));
    this.heres = Array<number>(processes).fill(0);
    const dashboards = dashboardOrders(options.dashboards);
    this.workers = Array.from({ length: processes }, (_, index) => {
      const own = dashboards.filter((__, i) => i % processes === index);
      return new Worker({ options, processes, index, dashboards: own }, (tick) => this.ticked(index, tick));
    });
  }

  /** Rejects, in words, when the dashboards cannot begin or a generator breaks. */
  async run(): Promise<RunResult> {
    try {
      const ready = await this.all('ready');
      const failure = ready.find((message) => message.failure !== undefined)?.failure;
      if (failure !== undefined) throw new UsageError(failure);
      return await this.carryOut();
    } finally {
      for (const worker of this.workers) worker.release();
    }
  }

  /** Players leave, and the run ends with what it has. */
  interrupt(): void {
    this.isInterrupted = true;
    this.interrupted();
  }

  private async carryOut(): Promise<RunResult> {
    const { workers, options } = this;
    const beganAt = Date.now();
    this.startMs = nowMs() + LEAD_MS;
    const planned = this.all('planned');
    const interrupted = new Promise<void>((resolve) => {
      this.interrupted = resolve;
      if (this.isInterrupted) resolve();
    });
    for (const worker of workers) worker.tell({ type: 'go', startMs: this.startMs });
    const seconds = setInterval(() => this.endSecond(), SECOND_MS);
    try {
      // Plans of different processes end at different steps: the run ends for all at one instant.
      const over = planned.then(() => pauseUntil(this.startMs + planMs(options) + LAST_ANSWERS_MS));
      await Promise.race([over, interrupted]);
      const elapsedMs = Math.min(planMs(options), nowMs() - this.startMs);
      this.phase = 'leave';
      const left = this.all('left');
      for (const worker of workers) worker.tell({ type: 'leave' });
      const leftBehind = (await left).reduce((sum, message) => sum + message.leftBehind, 0);
      this.endSecond();
      const done = this.all('done');
      const made = leftBehind === 0 ? this.total.countOf('made') : undefined;
      for (const worker of workers) worker.tell({ type: 'finish', made });
      await done;
      this.endSecond();
      return this.result(beganAt, elapsedMs, leftBehind);
    } finally {
      clearInterval(seconds);
    }
  }

  private result(beganAt: number, elapsedMs: number, leftBehind: number): RunResult {
    const { options, workers, total, seconds, mostHere, isInterrupted } = this;
    const limit = ownLimit(this.loads satisfies ProcessLoad[], total.histogram('late'));
    const processes = workers.length;
    return {
      options,
      processes,
      beganAt,
      elapsedMs,
      tally: total,
      seconds,
      mostHere,
      isInterrupted,
      leftBehind,
      ownLimit: limit,
    };
  }

  private all<Name extends Parameters<Worker['next']>[0]>(type: Name) {
    return Promise.all(this.workers.map((worker) => worker.next(type)));
  }

  private get here(): number {
    return this.heres.reduce((sum, count) => sum + count, 0);
  }

  private ticked(index: number, { tally, here, cpuShare }: Tick): void {
    this.current.merge(tally);
    this.heres[index] = here;
    this.mostHere = Math.max(this.mostHere, this.here);
    if (this.phase !== 'leave') this.loads[index]?.cpuShares.push(cpuShare);
    this.cpuShare = Math.max(this.cpuShare, cpuShare);
  }

  private endSecond(): void {
    const atMs = nowMs() - this.startMs;
    if (this.phase === 'ramp' && atMs >= this.options.rampMs) this.phase = 'hold';
    const second: Second = { atMs, phase: this.phase, here: this.here, tally: this.current, cpuShare: this.cpuShare };
    this.total.merge(this.current.data());
    this.current = new Tally();
    this.cpuShare = 0;
    this.seconds.push(rowOf(second));
    this.progress(second, this.total);
  }
}

/** Keeps nothing alive: after Ctrl-C nobody waits for the end of the plan any more. */
const pauseUntil = (atMs: number): Promise<void> => sleep(Math.max(0, atMs - nowMs()), undefined, { ref: false });
