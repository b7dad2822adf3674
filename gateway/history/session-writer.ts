/**
 * Writes ended sessions from the change log into the database: takes changes as a member of a group, saves the rows that
 * they ended, then acknowledges the changes. So each row is saved at least once, and its key makes that exactly once. A
 * session that goes on after its close was lost ends again under the same key, and the database keeps the later end.
 * While the database is away the backlog stays in the log; no more than one batch is held in memory.
 */
import { type BackOff, type ChangeGroup, retrying, type TakenChanges } from '../../presence-core/index.ts';
import { endedRow } from './ended-rows.ts';
import type { EndedSession } from './history-database.ts';
import { HistoryError } from './history-error.ts';

export interface SessionWriterOptions {
  readonly group: ChangeGroup;
  /** Saves all rows or none. Repeating it changes nothing; of a row that is saved already the later end is kept. */
  readonly save: (rows: readonly EndedSession[]) => Promise<void>;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}

export interface SessionWriterReport {
  rowsWritten: number;
  /** Rows that the database refused, as they do not fit the table. */
  rowsRefused: number;
  /** Entries of the change log that were trimmed before they were read. */
  entriesLost: number;
  /** Of the fullest shard: entries not acknowledged, as a part of what the log can keep. At 1 entries are lost. */
  backlogRatio: number;
  /** Instant of the newest change that is saved. */
  newestWrittenAt: number;
  failures: number;
}

/** Changes of one batch. It doubles while batches are full. */
const BATCH_MIN = 500;
const BATCH_MAX = 8_000;
/** How long to wait for a first change. */
const TAKE_WAIT_MS = 1_000;
const BACK_OFF: BackOff = { firstMs: 200, maxMs: 5_000 };
const DRAIN_BACK_OFF: BackOff = { firstMs: 200, maxMs: 200 };
/** A backlog is reported from the first ratio on, and reported to be over below the second. */
const BACKLOG_WARN_RATIO = 0.5;
const BACKLOG_OVER_RATIO = 0.25;

export class SessionWriter {
  readonly report: SessionWriterReport = {
    rowsWritten: 0,
    rowsRefused: 0,
    entriesLost: 0,
    backlogRatio: 0,
    newestWrittenAt: 0,
    failures: 0,
  };
  private readonly options: SessionWriterOptions;
  private readonly stopping = new AbortController();
  private running: Promise<void> = Promise.resolve();
  private batchSize = BATCH_MIN;
  private drainUntil = 0;
  private isBacklogReported = false;
  /** A failure is logged once, until a round succeeds. */
  private isFailureReported = false;

  constructor(options: SessionWriterOptions) {
    this.options = options;
  }

  start(): void {
    this.running = this.run();
  }

  /**
   * Ends after the batch at hand; what is left is for other members of the group, or for the next start.
   * @param drainMs how long to write what the log still holds: for a store that ends with the process.
   */
  async stop(drainMs: number): Promise<void> {
    const { group, log } = this.options;
    this.drainUntil = performance.now() + drainMs;
    this.stopping.abort();
    await this.running;
    await this.drain();
    if (drainMs > 0 && !this.isDraining()) {
      log.error({}, 'history: the time to stop was over before all ended sessions were written; the rest is lost');
    }
    await group.leave().catch(() => undefined);
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    const failed = (error: unknown): void =>
      this.reportFailure(error, 'history: the change log cannot be read; retrying');
    for (;;) {
      const taken = await retrying({ ...BACK_OFF, signal, failed }, () => this.writeBatch(TAKE_WAIT_MS));
      if (taken === undefined || signal.aborted) return;
      if (taken >= this.batchSize) this.batchSize = Math.min(this.batchSize * 2, BATCH_MAX);
      // Shards are not equally full.
      else if (taken < this.batchSize / 2) this.batchSize = BATCH_MIN;
      this.reportSuccess();
    }
  }

  private async drain(): Promise<void> {
    this.batchSize = BATCH_MAX;
    const wanted = (): boolean => this.isDraining();
    // Until the log is empty or the time is up.
    while (await retrying({ ...DRAIN_BACK_OFF, wanted }, () => this.writeBatch(0)));
  }

  private isDraining(): boolean {
    return performance.now() < this.drainUntil;
  }

  /** @returns how many changes were taken and acknowledged. */
  private async writeBatch(waitMs: number): Promise<number> {
    const { group } = this.options;
    const taken = await group.take(this.batchSize, waitMs);
    this.reportBacklog(taken);
    const rows = taken.changes.map(endedRow).filter((row) => row !== undefined);
    if (!(await this.saveRows(rows))) return 0;
    this.report.newestWrittenAt = taken.changes.reduce(
      (newest, { at }) => Math.max(newest, at),
      this.report.newestWrittenAt,
    );
    // Also without a change: entries that end nothing, or cannot be read, were taken too.
    await group.acknowledge(taken);
    return taken.changes.length;
  }

  /** Tries until the rows are saved. @returns false when the writer stopped before that. */
  private async saveRows(rows: readonly EndedSession[]): Promise<boolean> {
    if (rows.length === 0) return true;
    const { signal } = this.stopping;
    const passes = (error: unknown): boolean => !isRefused(error);
    const save = (): Promise<true> => this.trySave(rows);
    // After the stop: one more attempt, and more while the log is drained.
    let attempts = 0;
    const wanted = (): boolean => attempts++ === 0 || this.isDraining();
    try {
      const saved = await retrying({ ...BACK_OFF, signal, passes }, save);
      return saved ?? (await retrying({ ...DRAIN_BACK_OFF, wanted, passes }, save)) ?? false;
    } catch (error) {
      return this.saveHalves(rows, error);
    }
  }

  private async trySave(rows: readonly EndedSession[]): Promise<true> {
    const { group, save } = this.options;
    try {
      await save(rows);
    } catch (error) {
      if (!isRefused(error)) {
        this.reportFailure(error, 'history: the database cannot be written; ended sessions wait in the change log');
        // Takes nothing, but says how large the backlog is.
        await group.take(0, 0).then(
          (nothing) => this.reportBacklog(nothing),
          () => undefined,
        );
      }
      throw error;
    }
    this.report.rowsWritten += rows.length;
    return true;
  }

  /** Finds the rows that the database refuses, which must not hold up the others. */
  private async saveHalves(rows: readonly EndedSession[], error: unknown): Promise<boolean> {
    if (rows.length === 1) {
      this.report.rowsRefused += 1;
      this.options.log.error({ err: error }, 'history: the database refused a row; it is left out');
      return true;
    }
    const half = Math.ceil(rows.length / 2);
    return (await this.saveRows(rows.slice(0, half))) && this.saveRows(rows.slice(half));
  }

  private reportBacklog({ lost, backlog }: Pick<TakenChanges, 'lost' | 'backlog'>): void {
    const { log } = this.options;
    this.report.backlogRatio = backlog;
    if (lost > 0) {
      this.report.entriesLost += lost;
      log.error(
        { entries: lost },
        'history: the change log was trimmed before it was read; sessions are missing from history',
      );
    }
    if (backlog >= BACKLOG_WARN_RATIO && !this.isBacklogReported) {
      this.isBacklogReported = true;
      log.warn({ backlogRatio: backlog }, 'history falls behind: from a backlogRatio of 1 on, ended sessions are lost');
    } else if (backlog < BACKLOG_OVER_RATIO && this.isBacklogReported) {
      this.isBacklogReported = false;
      log.info({ backlogRatio: backlog }, 'history has caught up');
    }
  }

  private reportFailure(error: unknown, message: string): void {
    this.report.failures += 1;
    if (!this.isFailureReported) this.options.log.warn({ err: error }, message);
    this.isFailureReported = true;
  }

  private reportSuccess(): void {
    if (this.isFailureReported) this.options.log.info({}, 'history is written again');
    this.isFailureReported = false;
  }
}

function isRefused(error: unknown): boolean {
  return error instanceof HistoryError && error.code === 'value_refused';
}
