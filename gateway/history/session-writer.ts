/**
 * Carries ended sessions from the change log to the database: takes changes as a member of a group, stores what they
 * ended, then acknowledges them. So each row is stored at least once, and its key makes that exactly once. A database
 * that is away leaves the backlog in the log; here no more than one batch is held.
 */
import type { ChangeGroup, TakenChanges } from '../../presence-core/index.ts';
import { endedRow } from './ended-rows.ts';
import type { EndedSession } from './history-database.ts';
import { HistoryError } from './history-error.ts';

export interface SessionWriterOptions {
  readonly group: ChangeGroup;
  /** Stores all or none, the same again without effect. */
  readonly save: (rows: readonly EndedSession[]) => Promise<void>;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

export interface SessionWriterReport {
  rowsWritten: number;
  /** Rows that do not fit the table. */
  rowsRefused: number;
  /** Entries of the log that were trimmed before anybody read them. */
  entriesLost: number;
  /** Of the fullest shard: what the log keeps unread, as a part of what it can keep. */
  backlogRatio: number;
  /** Instant of the newest change that is stored. */
  writtenUpTo: number;
  failures: number;
}

/** Changes of one batch: more while there is a backlog. */
const BATCH_MIN = 500;
const BATCH_MAX = 8_000;
const WAIT_MS = 1_000;
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 5_000;
/** The backlog is told at this part of what the log keeps, and told to be over below the other. */
const BACKLOG_WARN = 0.5;
const BACKLOG_OVER = 0.25;
/** Of a round that failed: not the end of a drain. */
const RETRY = -1;

export class SessionWriter {
  readonly report: SessionWriterReport = {
    rowsWritten: 0,
    rowsRefused: 0,
    entriesLost: 0,
    backlogRatio: 0,
    writtenUpTo: 0,
    failures: 0,
  };
  private readonly options: SessionWriterOptions;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private batch = BATCH_MIN;
  private drainUntil = 0;
  private warned = false;
  /** The same trouble is told once, until something works again. */
  private troubled = false;

  constructor(options: SessionWriterOptions) {
    this.options = options;
  }

  start(): void {
    this.running = this.run();
  }

  /**
   * Ends after the batch at hand; what is left is for other members, or for the next start.
   * @param drainMs for so long it first carries on what the log still holds: where there will be no other.
   */
  async stop(drainMs: number): Promise<void> {
    this.drainUntil = performance.now() + drainMs;
    this.stopping.abort();
    await this.running;
    this.batch = BATCH_MAX;
    let taken = RETRY;
    while (taken !== 0 && this.isDraining()) {
      taken = await this.round(0).catch(() => RETRY);
      if (taken === RETRY) await this.pause(RETRY_FIRST_MS);
    }
    if (drainMs > 0 && !this.isDraining()) this.options.log.error({}, 'history is incomplete: the stop took too long');
    await this.options.group.leave().catch(() => undefined);
  }

  private async run(): Promise<void> {
    let retryMs = RETRY_FIRST_MS;
    while (!this.stopping.signal.aborted) {
      try {
        const taken = await this.round(WAIT_MS);
        this.batch = taken >= this.batch ? Math.min(this.batch * 2, BATCH_MAX) : BATCH_MIN;
        retryMs = RETRY_FIRST_MS;
        this.recovered();
      } catch (error) {
        this.trouble(error, 'reading the log for history failed');
        await this.pause(retryMs);
        retryMs = Math.min(retryMs * 2, RETRY_MAX_MS);
      }
    }
  }

  /** @returns how many changes were taken and stored. */
  private async round(waitMs: number): Promise<number> {
    const { group } = this.options;
    const taken = await group.take(this.batch, waitMs);
    this.watch(taken);
    const rows = taken.changes.map(endedRow).filter((row) => row !== undefined);
    if (!(await this.saved(rows))) return 0;
    this.report.writtenUpTo = taken.changes.reduce((newest, { at }) => Math.max(newest, at), this.report.writtenUpTo);
    // Also without a change: there may be marks and what cannot be read.
    await group.acknowledge(taken);
    return taken.changes.length;
  }

  /** Tries until the rows are stored; false when it is to stop before that. */
  private async saved(rows: readonly EndedSession[]): Promise<boolean> {
    if (rows.length === 0) return true;
    for (let retryMs = RETRY_FIRST_MS; ; retryMs = Math.min(retryMs * 2, RETRY_MAX_MS)) {
      try {
        await this.options.save(rows);
        this.report.rowsWritten += rows.length;
        return true;
      } catch (error) {
        if (error instanceof HistoryError && error.code === 'value_refused') return this.savedByHalves(rows, error);
        this.trouble(error, 'history is not written: the backlog stays in the log');
        if (this.stopping.signal.aborted && !this.isDraining()) return false;
        await this.pause(retryMs);
        // Takes nothing, and tells how far behind that is.
        await this.options.group.take(0, 0).then(
          (nothing) => this.watch(nothing),
          () => undefined,
        );
      }
    }
  }

  /** One row that does not fit must not hold up the rest. */
  private async savedByHalves(rows: readonly EndedSession[], error: HistoryError): Promise<boolean> {
    if (rows.length === 1) {
      this.report.rowsRefused += 1;
      this.options.log.error({ err: error }, 'the database refuses a row of history: it is left out');
      return true;
    }
    const half = Math.ceil(rows.length / 2);
    return (await this.saved(rows.slice(0, half))) && this.saved(rows.slice(half));
  }

  private isDraining(): boolean {
    return performance.now() < this.drainUntil;
  }

  private watch({ lost, backlog }: Pick<TakenChanges, 'lost' | 'backlog'>): void {
    const { log } = this.options;
    this.report.backlogRatio = backlog;
    if (lost > 0) {
      this.report.entriesLost += lost;
      log.error({ entries: lost }, 'the log was trimmed before history had read it: sessions are missing there');
    }
    if (backlog >= BACKLOG_WARN && !this.warned) {
      this.warned = true;
      log.warn({ backlogRatio: backlog }, 'history falls behind: the log will be trimmed unread at a backlog of 1');
    } else if (backlog < BACKLOG_OVER && this.warned) {
      this.warned = false;
      log.info({ backlogRatio: backlog }, 'history has caught up');
    }
  }

  private trouble(error: unknown, message: string): void {
    this.report.failures += 1;
    if (!this.troubled) this.options.log.warn({ err: error }, message);
    this.troubled = true;
  }

  private recovered(): void {
    if (this.troubled) this.options.log.info({}, 'history is written again');
    this.troubled = false;
  }

  private pause(ms: number): Promise<void> {
    const { signal } = this.stopping;
    return new Promise((resolve) => {
      // A drain goes on trying, at a pace.
      if (signal.aborted) return void setTimeout(resolve, this.isDraining() ? RETRY_FIRST_MS : 0);
      const timer = setTimeout(end, ms * (0.5 + Math.random() / 2));
      function end(): void {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      }
      signal.addEventListener('abort', end);
    });
  }
}
