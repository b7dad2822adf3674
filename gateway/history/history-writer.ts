/** Writes history into the database: sessions that ended, samples of concurrency, hours of analytics; deletes what is too old. */
import { mergeSketches, type PresenceStore, type Repeating, repeating, StoreError } from '../../presence-core/index.ts';
import { ConcurrencySampler } from './concurrency-sampler.ts';
import type { HistoryDatabase } from './history-database.ts';
import { HistoryError } from './history-error.ts';
import { HourWriter } from './hour-writer.ts';
import { LogReach } from './log-reach.ts';
import { SessionWriter, type SessionWriterOptions } from './session-writer.ts';

/** Days that rows are kept; 0 keeps them for ever. */
export interface KeepDays {
  readonly sessions: number;
  readonly concurrency: number;
  readonly analytics: number;
}

export interface HistoryWriterOptions {
  readonly database: HistoryDatabase;
  readonly store: PresenceStore;
  readonly log: SessionWriterOptions['log'];
  /** Name of this process in the group of writers. */
  readonly member: string;
  readonly keepDays: KeepDays;
  /** See `LogReachOptions`. */
  readonly logKeptWarnMs: number;
}

const GROUP = 'history';
const SAMPLE_MS = 1_000;
/** A process that is killed loses samples of so long at most; of hours nothing, as the store has them. */
const FLUSH_MS = 10_000;
/** A look asks each shard twice. */
const REACH_MS = 30_000;
const TRIM_MS = 600_000;
const TRIM_BATCH_ROWS = 1_000;
const DAY_MS = 86_400_000;

export class HistoryWriter {
  readonly sessions: SessionWriter;
  readonly logReach: LogReach;
  private readonly options: HistoryWriterOptions;
  private readonly sampler: ConcurrencySampler;
  private readonly hours: HourWriter;
  private repeats: readonly Repeating[] = [];
  private trimming: Repeating | undefined;
  private stopping = false;

  constructor(options: HistoryWriterOptions) {
    const { database, store, log, member, logKeptWarnMs } = options;
    this.options = options;
    this.sessions = new SessionWriter({
      group: store.groups.join(GROUP, member),
      save: (rows) => database.addSessions(rows),
      log,
    });
    this.logReach = new LogReach({
      store: store.log,
      writer: this.sessions.report,
      warnBelowMs: logKeptWarnMs,
      log,
    });
    this.sampler = new ConcurrencySampler(store.reads, (sample) => database.addSample(sample));
    this.hours = new HourWriter(store.analytics, (records) => database.saveHours(records, mergeSketches));
  }

  /** The store must have started; the database may be away. */
  start(): void {
    if (this.stopping) return;
    this.sessions.start();
    this.repeats = [
      // A failure of the store is logged by the node.
      repeating({ everyMs: REACH_MS }, () => this.logReach.look()),
      repeating({ everyMs: SAMPLE_MS }, () => this.sampler.sample()),
      this.repeat('saving concurrency samples', FLUSH_MS, () => this.sampler.flush()),
      this.repeat('saving hours of analytics', FLUSH_MS, () => this.hours.flush()),
    ];
    this.trimming = this.repeat('deleting old history', TRIM_MS, () => this.trim());
  }

  /**
   * Saves what was sampled and counted, and the batch of sessions at hand.
   * @param drainMs see `SessionWriter.stop`.
   */
  async stop(drainMs: number): Promise<void> {
    this.stopping = true;
    // Not waited for: what it has not deleted yet is deleted the next time.
    void this.trimming?.stop();
    const flushed = Promise.all(this.repeats.map((repeat) => repeat.stop())).then(() =>
      Promise.allSettled([this.sampler.flush(), this.hours.flush()]),
    );
    await Promise.all([this.sessions.stop(drainMs), flushed]);
  }

  private repeat(what: string, everyMs: number, task: () => Promise<void>): Repeating {
    const failed = (error: unknown): void => {
      // An outage passes by itself; anything else is a fault of ours.
      const passes = (error instanceof StoreError || error instanceof HistoryError) && error.retryable;
      this.options.log[passes ? 'warn' : 'error']({ err: error }, `history: ${what} failed; it is tried again`);
    };
    return repeating({ everyMs, failed }, task);
  }

  private async trim(): Promise<void> {
    const { database, keepDays } = this.options;
    const limits = {
      sessionsBefore: keepDays.sessions,
      samplesBefore: keepDays.concurrency,
      hoursBefore: keepDays.analytics,
    };
    const kept = Object.entries(limits).filter(([, days]) => days > 0);
    const retention = Object.fromEntries(kept.map(([what, days]) => [what, Date.now() - days * DAY_MS]));
    while (!this.stopping && (await database.trim(retention, TRIM_BATCH_ROWS)).more);
  }
}
