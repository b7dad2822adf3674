/** The history of one process: its database, open for reads, and, where it has that role, the writer. */
import { randomUUID } from 'node:crypto';
import { type BackOff, type PresenceStore, pause, retrying } from '../../presence-core/index.ts';
import type { HistoryDatabase } from './history-database.ts';
import { HistoryError } from './history-error.ts';
import { HistoryWriter, type KeepDays } from './history-writer.ts';
import type { SessionWriterOptions } from './session-writer.ts';

export interface HistoryOptions {
  readonly database: HistoryDatabase;
  readonly store: PresenceStore;
  readonly log: SessionWriterOptions['log'];
  readonly writes: boolean;
  readonly keepDays: KeepDays;
  /** See `LogReachOptions`. */
  readonly logKeptWarnMs: number;
  /** `open` rejects when the database cannot be opened for good; otherwise the process goes on without history. */
  readonly required: boolean;
}

const OPEN_BACK_OFF: BackOff = { firstMs: 500, maxMs: 10_000 };
/** How long a stop waits for a database that is slow or away. What is left stays in the change log. */
const STOP_MS = 3_000;
/** Shorter, so that what was left unsaved is logged before the stop goes on. */
const DRAIN_MS = 2_500;

export class History {
  readonly database: HistoryDatabase;
  readonly writer: HistoryWriter | undefined;
  private readonly options: HistoryOptions;
  private readonly stopping = new AbortController();

  constructor(options: HistoryOptions) {
    const { database, store, log, writes, keepDays, logKeptWarnMs } = options;
    this.options = options;
    this.database = database;
    this.writer = writes
      ? new HistoryWriter({ database, store, log, keepDays, logKeptWarnMs, member: randomUUID() })
      : undefined;
  }

  /**
   * Opens the database; while it is not available, tries again until `stop`. One that cannot be opened for good turns
   * history off, unless it is required and this shows at the first attempt.
   * @throws HistoryError `history_misconfigured`
   */
  async open(): Promise<void> {
    const { log, required } = this.options;
    const { signal } = this.stopping;
    let waited = false;
    const failed = (error: unknown): void => {
      if (!waited)
        log.warn({ err: error }, 'history database is not available: retrying; no history is written until then');
      waited = true;
    };
    const passes = (error: unknown): boolean => error instanceof HistoryError && error.retryable;
    try {
      await retrying({ ...OPEN_BACK_OFF, signal, passes, failed }, async () => {
        await this.database.start();
        if (waited) log.info({}, 'history database is available');
      });
    } catch (error) {
      if (required && !waited) throw error;
      log.error({ err: error }, 'history is off: DATABASE_URL cannot be opened; correct it or set it to none');
      this.stopping.abort();
      await this.writer?.stop(0);
    }
  }

  /** The store must have started; the database may not be available yet. */
  startWriting(): void {
    if (!this.stopping.signal.aborted) this.writer?.start();
  }

  /** Writes the batch at hand, in bounded time; with the embedded store all that its log has, as that ends with the process. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const drainMs = this.options.store.outlivesProcess ? 0 : DRAIN_MS;
    await Promise.race([this.writer?.stop(drainMs), pause(STOP_MS)]);
    await Promise.race([this.database.stop(), pause(STOP_MS)]);
  }
}
