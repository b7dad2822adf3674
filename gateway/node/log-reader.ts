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

/** The least time between two batches: what happens meanwhile comes in one batch. */
const TICK_MS = 20;
const READ_LIMIT = 4_096;
/** A fuller page is followed by the next at once. */
const BUSY_CHANGES = READ_LIMIT / 8;
/** How long a read waits for news. */
const WAIT_MS = 1_000;
const BACK_OFF = { firstMs: 50, maxMs: 2_000 };

export class LogReader {
  private readonly store: PresenceStore;
  private readonly handlers: LogReaderHandlers;
  private readonly waitMs: number;
  private run: object | undefined;

  constructor(store: PresenceStore, handlers: LogReaderHandlers, waitMs = WAIT_MS) {
    this.store = store;
    this.handlers = handlers;
    this.waitMs = waitMs;
  }

  start(cursor: string): void {
    const run = {};
    this.run = run;
    void this.read(cursor, () => this.run === run);
  }

  /** A read that still waits at the store is left to end; its answer is dropped. */
  stop(): void {
    this.run = undefined;
  }

  private async read(from: string, wanted: () => boolean): Promise<void> {
    let cursor = from;
    let { division } = this.store.snapshots;
    const readOn = async (): Promise<number> => {
      const page = await this.store.log.read(cursor, READ_LIMIT, this.waitMs);
      // Far behind, in another epoch, or of users who are placed anew: every subscriber begins anew, so the rest need not
      // be read.
      const { division: newDivision } = this.store.snapshots;
      const isLost = page.gap || newDivision !== division;
      const next = isLost ? await this.store.log.tail() : page.cursor;
      if (!wanted()) return 0;
      division = newDivision;
      if (isLost) this.handlers.gap(next);
      else if (next !== cursor) this.handlers.batch(page.changes, next);
      if (!isLost && !page.more) this.handlers.reached?.(page.asOf);
      cursor = next;
      return page.changes.length;
    };
    const failed = (error: unknown): void => {
      if (wanted() && !isRetryable(error)) this.handlers.failed(error);
    };
    while (wanted()) {
      const changes = (await retrying({ ...BACK_OFF, wanted, failed }, readOn)) ?? 0;
      if (changes < BUSY_CHANGES) await pause(TICK_MS);
    }
  }
}
