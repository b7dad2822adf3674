/** Reads the change log from a place on, for as long as it is wanted; survives a store that is away. */
import { type Change, isRetryable, type PresenceStore, pause, retrying } from '../../presence-core/index.ts';

export interface LogReaderHandlers {
  /** The next changes, in order and without a gap, up to `cursor`. */
  batch(changes: readonly Change[], cursor: string): void;
  /** Changes were lost to this reader: it goes on after `cursor`. */
  gap(cursor: string): void;
  failed(error: unknown): void;
  /** All that the store had acknowledged at this instant, by `performance.now()`, has been handed on. */
  reached?(at: number): void;
}

/** They are asked before each read: whoever shares the reader comes and goes. */
export interface LogReaderOptions {
  /** How long a read waits for news. */
  readonly waitMs?: number;
  /** The least time between two batches. */
  readonly gatherMs?: number;
}

/** Short, as people wait; a read costs Redis 46 µs and a frame for each dashboard some bytes of its own. */
export const GATHER_MS = 3;
/** When many changes come, more of them share a read. */
const GATHER_MAX_MS = 20;
const GATHER_MS_PER_CHANGE = 0.5;
/** A process spends a fifth of its time at most on handing changes on, until `GATHER_MAX_MS`. */
const GATHER_PER_WORK = 4;
const READ_LIMIT = 4_096;
/** A fuller page is followed by the next at once. */
const BUSY_CHANGES = READ_LIMIT / 8;
/** How long a read waits for news. */
export const WAIT_MS = 1_000;
const BACK_OFF = { firstMs: 50, maxMs: 2_000 };

export class LogReader {
  private readonly store: PresenceStore;
  private readonly handlers: LogReaderHandlers;
  private readonly options: LogReaderOptions;
  private run: object | undefined;

  constructor(store: PresenceStore, handlers: LogReaderHandlers, options: LogReaderOptions = {}) {
    this.store = store;
    this.handlers = handlers;
    this.options = options;
  }

  /** @param shards the only ones to read; all when absent. */
  start(cursor: string, shards?: readonly number[]): void {
    const run = {};
    this.run = run;
    void this.read(cursor, shards, () => this.run === run);
  }

  /** A read that still waits at the store is left to end; its answer is dropped. */
  stop(): void {
    this.run = undefined;
  }

  private async read(from: string, shards: readonly number[] | undefined, wanted: () => boolean): Promise<void> {
    let cursor = from;
    let { division } = this.store.snapshots;
    /** @returns how long what happens next is gathered. */
    const readOn = async (): Promise<number> => {
      const page = await this.store.log.read(cursor, READ_LIMIT, this.options.waitMs ?? WAIT_MS, shards);
      // Far behind, in another epoch, or of users who are placed anew: every subscriber begins anew, so the rest need not
      // be read.
      const { division: newDivision } = this.store.snapshots;
      const isLost = page.gap || newDivision !== division;
      const next = isLost ? await this.store.log.tail() : page.cursor;
      if (!wanted()) return 0;
      division = newDivision;
      const readAt = performance.now();
      if (isLost) this.handlers.gap(next);
      else if (next !== cursor) this.handlers.batch(page.changes, next);
      if (!isLost && !page.more) this.handlers.reached?.(page.asOf);
      cursor = next;
      return this.gatherAfter(page.changes.length, performance.now() - readAt);
    };
    const failed = (error: unknown): void => {
      if (wanted() && !isRetryable(error)) this.handlers.failed(error);
    };
    while (wanted()) {
      const gatherMs = (await retrying({ ...BACK_OFF, wanted, failed }, readOn)) ?? 0;
      if (gatherMs > 0) await pause(gatherMs);
    }
  }

  /** After a quiet time the next read waits for the first change and hands it on at once. */
  private gatherAfter(changes: number, workMs: number): number {
    if (changes >= BUSY_CHANGES) return 0;
    const wantedMs = Math.max(changes * GATHER_MS_PER_CHANGE, workMs * GATHER_PER_WORK);
    return Math.max(this.options.gatherMs ?? GATHER_MS, Math.min(wantedMs, GATHER_MAX_MS));
  }
}
