/** Carries presence into the database: sessions that ended, samples of how many watch, hours of the analytics. */
import { mergeSketches, type PresenceStore, StoreError } from '../../presence-core/index.ts';
import { ConcurrencySampler } from './concurrency-sampler.ts';
import type { HistoryDatabase } from './history-database.ts';
import { HistoryError } from './history-error.ts';
import { HourKeeper } from './hour-keeper.ts';
import { Repeat } from './repeat.ts';
import { SessionWriter, type SessionWriterOptions } from './session-writer.ts';

/** 0 keeps for ever. */
export interface KeepDays {
  readonly sessions: number;
  readonly concurrency: number;
  readonly analytics: number;
}

export interface HistoryWriterOptions {
  readonly database: HistoryDatabase;
  readonly store: PresenceStore;
  readonly log: SessionWriterOptions['log'];
  /** Names this process among the writers. */
  readonly member: string;
  readonly keepDays: KeepDays;
}

const GROUP = 'history';
const SAMPLE_MS = 1_000;
/** What a process that is killed may lose of samples; of hours nothing, as the store has them. */
const FLUSH_MS = 10_000;
const TRIM_MS = 600_000;
const TRIM_BATCH_ROWS = 1_000;
const DAY_MS = 86_400_000;

export class HistoryWriter {
  readonly sessions: SessionWriter;
  private readonly options: HistoryWriterOptions;
  private readonly sampler: ConcurrencySampler;
  private readonly hours: HourKeeper;
  private readonly repeats: readonly Repeat[];
  private readonly trimming: Repeat;
  private stopping = false;

  constructor(options: HistoryWriterOptions) {
    const { database, store, log, member } = options;
    this.options = options;
    this.sessions = new SessionWriter({
      group: store.groups.join(GROUP, member),
      save: (rows) => database.addSessions(rows),
      log,
    });
    this.sampler = new ConcurrencySampler(store.reads, (sample) => database.addSample(sample));
    this.hours = new HourKeeper(store.analytics, (records) => database.saveHours(records, mergeSketches));
    // While the store or the database is away the writer of sessions says so.
    const failed = (what: string) => (error: unknown) => {
      const passes = (error instanceof StoreError || error instanceof HistoryError) && error.retryable;
      log[passes ? 'info' : 'error']({ err: error }, `${what} later`);
    };
    this.repeats = [
      new Repeat(
        SAMPLE_MS,
        () => this.sampler.sample(),
        () => undefined,
      ),
      new Repeat(FLUSH_MS, () => this.sampler.flush(), failed('concurrency is stored')),
      new Repeat(FLUSH_MS, () => this.hours.flush(), failed('hours of analytics are stored')),
    ];
    // Not waited for at a stop: what it has not deleted yet is deleted the next time.
    this.trimming = new Repeat(TRIM_MS, () => this.trim(), failed('old history is deleted'));
  }

  /** The store must serve; the database may be away. */
  start(): void {
    this.sessions.start();
    for (const repeat of [...this.repeats, this.trimming]) repeat.start();
  }

  /**
   * Stores what was sampled and counted, and the batch of sessions at hand.
   * @param drainMs see `SessionWriter.stop`.
   */
  async stop(drainMs: number): Promise<void> {
    this.stopping = true;
    void this.trimming.stop();
    const flushed = Promise.all(this.repeats.map((repeat) => repeat.stop())).then(() =>
      Promise.allSettled([this.sampler.flush(), this.hours.flush()]),
    );
    await Promise.all([this.sessions.stop(drainMs), flushed]);
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
