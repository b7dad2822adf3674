/** The history of one process: its database, open for reads, and in the role that writes what carries presence there. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PresenceStore } from '../../presence-core/index.ts';
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
  /** Without it the process runs on when the database cannot be opened for good. */
  readonly required: boolean;
}

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 10_000;
/** A process that stops waits so long for a database that is slow or away: what is left stays in the log. */
const STOP_MS = 3_000;

export class History {
  readonly database: HistoryDatabase;
  readonly writer: HistoryWriter | undefined;
  private readonly options: HistoryOptions;
  private readonly stopping = new AbortController();

  constructor(options: HistoryOptions) {
    const { database, store, log, writes, keepDays } = options;
    this.options = options;
    this.database = database;
    this.writer = writes ? new HistoryWriter({ database, store, log, keepDays, member: randomUUID() }) : undefined;
  }

  /**
   * Opens the database, trying until it answers.
   * @throws HistoryError `history_misconfigured` when it is required, and this is known at the first attempt.
   */
  async open(): Promise<void> {
    const { log, required } = this.options;
    let told = false;
    for (let retryMs = RETRY_FIRST_MS; !this.stopping.signal.aborted; retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)) {
      try {
        await this.database.start();
        if (told) log.info({}, 'the database answers');
        return;
      } catch (error) {
        if (!(error instanceof HistoryError && error.retryable)) {
          if (required && !told) throw error;
          log.error({ err: error }, 'no history is kept: mend DATABASE_URL, or set it to none');
          this.stopping.abort();
          await this.writer?.stop(0);
          return;
        }
        if (!told) log.warn({ err: error }, 'the database does not answer: history waits in the log');
        told = true;
      }
      await sleep(retryMs, undefined, { signal: this.stopping.signal, ref: false }).catch(() => undefined);
    }
  }

  /** The store must serve; the database may be away still. */
  startWriting(): void {
    if (!this.stopping.signal.aborted) this.writer?.start();
  }

  /** Stores what is at hand, within a bound, and with the embedded store all that its log has, for it ends too. */
  async stop(): Promise<void> {
    this.stopping.abort();
    const drainMs = this.options.store.outlivesProcess ? 0 : STOP_MS;
    await Promise.race([this.writer?.stop(drainMs), sleep(STOP_MS, undefined, { ref: false })]);
    await Promise.race([this.database.stop(), sleep(STOP_MS, undefined, { ref: false })]);
  }
}
