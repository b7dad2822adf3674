/**
 * `WORKERS`: one process that serves nobody and watches over those that do. It starts them, starts another where one
 * ended, drains them all at SIGTERM, replaces them one by one at SIGHUP, and joins what they tell.
 *
 * Ports are shared without it where that can be: uWebSockets.js listens in each worker with SO_REUSEPORT. Servers
 * of Node listen on one socket that the parent opens and lends them (node:cluster): each takes connections from it when
 * it has time, so what a worker did not take is there for the others.
 */
import cluster from 'node:cluster';
import type { Logger } from 'pino';
import { pause } from '../../presence-core/index.ts';
import type { Config } from '../config/config.ts';
import { workerCount } from '../config/worker-count.ts';
import { jointReadiness, type Readiness } from '../http/readiness.ts';
import { JointMetrics, singleMetric } from '../metrics/joint-metrics.ts';
import { endOnSignals, type StopTimes } from '../shutdown.ts';
import { choosePorts } from './ports.ts';
import { Restarts } from './restarts.ts';
import { type WorkerEnd, WorkerProcess } from './worker-process.ts';

/** Exit code of a process whose settings are wrong, which it has printed. */
const MISCONFIGURED = 2;
/** How often a worker is asked whether its loop turns. */
const LOOK_MS = 10_000;
/** A replacement that is not ready by then is given up: with the store away it would not be better than the old one. */
const REPLACE_MS = 60_000;
/** A worker bounds its drain by itself; the parent waits a little longer. */
const SLACK_MS = 2_000;
/** What a worker may take beyond the window of its drain when it is replaced. */
const REPLACED_SLACK_MS = 20_000;
const METRICS_AGE_MS = 1_000;

interface Place {
  readonly number: number;
  readonly restarts: Restarts;
  worker: WorkerProcess | undefined;
  isReplaced: boolean;
}

interface WorkerFields extends WorkerEnd {
  readonly worker: number;
  readonly pid: number;
  readonly reason?: string;
}

export class Parent {
  private readonly places: readonly Place[];
  private readonly all = new Set<WorkerProcess>();
  private readonly jointMetrics = new JointMetrics();
  private readonly config: Config;
  private readonly log: Logger;
  private latestMetrics: Promise<string> | undefined;
  private isStopping = false;
  private toldReady = false;
  private ends = 0;
  private rolls = 0;
  private readonly flags: readonly string[];

  private constructor(config: Config, log: Logger, ports: readonly string[]) {
    this.config = config;
    this.log = log;
    this.flags = ports;
    this.places = Array.from({ length: workerCount(config) }, (_, i) => ({
      number: i + 1,
      restarts: new Restarts(),
      worker: undefined,
      isReplaced: false,
    }));
  }

  /** Runs until a signal. @throws Error when a port is taken. */
  static async run(config: Config, log: Logger): Promise<void> {
    // Else each connection is accepted here and handed over, which costs as much CPU as a third of serving it, and what
    // is on its way to a worker that is killed is never answered nor closed.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    const parent = new Parent(config, log, await choosePorts(config));
    // However it ends: nobody would watch over them.
    process.on('exit', () => parent.killAll());
    endOnSignals(config, log, (times) => parent.stop(times), SLACK_MS);
    process.on('SIGHUP', () => void parent.roll());
    for (const place of parent.places) parent.fill(place);
    setInterval(() => {
      for (const { worker, number } of parent.places) if (worker?.isServing) void parent.look(worker, number);
    }, LOOK_MS);
  }

  private spawn(place: Place): WorkerProcess {
    cluster.setupPrimary({
      // What comes last counts.
      args: [...process.argv.slice(2), ...this.flags, `--log-level=${this.log.level}`],
      // Figures that are no number survive it.
      serialization: 'advanced',
    });
    const worker = new WorkerProcess(place.number, (asking) => ({
      leave: (metrics) => this.jointMetrics.set(asking.id, metrics),
      metrics: () => this.metrics(),
      readiness: () => this.readiness(),
      setLogLevel: (level) => this.setLogLevel(level, asking),
    }));
    this.all.add(worker);
    void worker.ready.then((facts) => {
      if (facts) this.becameReady(facts);
    });
    void worker.exited.then((end) => this.ended(place, worker, end));
    return worker;
  }

  private fill(place: Place): void {
    if (!this.isStopping) place.worker = this.spawn(place);
  }

  private becameReady(facts: object): void {
    if (this.toldReady || !this.places.every(({ worker }) => worker?.isReady)) return;
    this.toldReady = true;
    this.log.info({ msg: 'ready', ...facts, workers: this.places.length }, 'ready');
  }

  private async ended(place: Place, worker: WorkerProcess, { code, signal }: WorkerEnd): Promise<void> {
    this.all.delete(worker);
    await this.jointMetrics.gone(worker.id);
    if (this.isStopping || place.worker !== worker) return;
    place.worker = undefined;
    const { pid, refusal, servedMs } = worker;
    this.ends += 1;
    const refused = refusal !== undefined || code === MISCONFIGURED;
    const othersServeMs = Math.max(0, ...this.serving().map((other) => other.servedMs));
    const restartInMs = place.restarts.after({ servedMs, refused, othersServeMs });
    const fields: WorkerFields = { worker: place.number, pid, code, signal, ...(refusal && { reason: refusal }) };
    if (restartInMs === undefined) this.fail(fields, code, refused);
    this.log.error({ ...fields, restartInMs }, 'worker ended: starting another');
    // Its replacement comes already.
    if (place.isReplaced) return;
    await pause(restartInMs);
    if (!place.worker) this.fill(place);
  }

  private fail(fields: WorkerFields, code: number | null, refused: boolean): never {
    this.isStopping = true;
    if (!refused) this.log.fatal(fields, 'workers end again and again, and none is left');
    // Without a reason the worker has printed what is wrong.
    else if (fields.reason !== undefined) this.log.fatal(fields.reason);
    process.exit(code || 1);
  }

  private async look(worker: WorkerProcess, place: number): Promise<void> {
    const isAlive = await worker.liveness.look(() => worker.channel.ask('isAlive'));
    if (isAlive || worker.isOver) return;
    this.log.error({ worker: place, pid: worker.pid }, 'worker does not answer: it is ended');
    worker.kill();
  }

  /** One at a time: the old one drains when the new one is ready. A roll that is asked for meanwhile comes after. */
  private async roll(): Promise<void> {
    this.rolls += 1;
    if (this.rolls > 1) return;
    while (this.rolls > 0 && !this.isStopping) {
      this.rolls = 1;
      this.log.info({ signal: 'SIGHUP', workers: this.places.length }, 'replacing all workers');
      let done = 0;
      for (const place of this.places) {
        if (this.isStopping || !(await this.replace(place))) break;
        done += 1;
      }
      if (!this.isStopping) this.log.info({ replaced: done, workers: this.places.length }, 'replaced workers');
      this.rolls -= 1;
    }
  }

  /** @returns false when the new worker could not be made ready: the old one goes on. */
  private async replace(place: Place): Promise<boolean> {
    const old = place.worker;
    // One that is started anyway is new.
    if (!old) return true;
    place.isReplaced = true;
    const fresh = this.spawn(place);
    const facts = await Promise.race([fresh.ready, pause(REPLACE_MS)]);
    place.isReplaced = false;
    if (this.isStopping) return false;
    if (!facts) {
      const fields = { worker: place.number, pid: fresh.pid, ...(fresh.refusal && { reason: fresh.refusal }) };
      this.log.error(fields, 'a new worker could not be made ready: the old ones go on');
      fresh.kill();
      if (!place.worker) this.fill(place);
      return false;
    }
    place.worker = fresh;
    if (old.isOver) return true;
    // Its ports are taken over already: nothing has to notice first.
    old.stop({ delayMs: 0, drainMs: this.config.drainMs });
    const bound = setTimeout(() => old.kill(), this.config.drainMs + REPLACED_SLACK_MS);
    await old.exited;
    clearTimeout(bound);
    return true;
  }

  private async stop(times: StopTimes): Promise<void> {
    this.isStopping = true;
    const workers = [...this.all];
    for (const worker of workers) worker.stop(times);
    await Promise.all(workers.map(({ exited }) => exited));
  }

  private killAll(): void {
    for (const worker of this.all) worker.kill();
  }

  private setLogLevel(level: string, asking: WorkerProcess): void {
    this.log.level = level;
    for (const worker of this.all) {
      if (worker !== asking && worker.isServing) void worker.channel.tell('setLogLevel', level);
    }
  }

  /** Rejects when no worker answers. */
  private async readiness(): Promise<Readiness> {
    const answers = await this.askAll((worker) => worker.channel.ask('readiness'));
    if (answers.length === 0) throw new Error('no worker answers');
    return jointReadiness(answers);
  }

  private metrics(): Promise<string> {
    this.latestMetrics ??= this.scrape();
    return this.latestMetrics;
  }

  private async scrape(): Promise<string> {
    setTimeout(() => {
      this.latestMetrics = undefined;
    }, METRICS_AGE_MS);
    // Who does not answer is told with what he said last.
    await this.askAll(async (worker) => {
      const values = await worker.channel.ask('metrics');
      if (!worker.isOver) this.jointMetrics.set(worker.id, values);
    });
    return this.jointMetrics.text([
      singleMetric('gauge', 'workers', 'Worker processes that serve', this.serving().length),
      singleMetric('gauge', 'workers_wanted', 'Worker processes that WORKERS asks for', this.places.length),
      singleMetric('counter', 'worker_ends_total', 'Worker processes that ended by themselves', this.ends),
    ]);
  }

  private serving(): WorkerProcess[] {
    return [...this.all].filter(({ isServing }) => isServing);
  }

  private async askAll<T>(ask: (worker: WorkerProcess) => Promise<T>): Promise<T[]> {
    const answers = await Promise.allSettled(this.serving().map(ask));
    return answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  }
}
