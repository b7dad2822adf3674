/** The change log, read by cursor (rule P11). */
import type { Change } from '../session.ts';

export interface LogPage {
  /** In order within each shard, hence per user. */
  readonly changes: readonly Change[];
  /** Opaque; where to go on. */
  readonly cursor: string;
  /**
   * Entries after the given cursor are no longer there (trimmed, or another epoch), or the reader did not read what
   * calls write: take a fresh snapshot.
   */
  readonly gap: boolean;
  /** The page was full in at least one shard: more may be there already. Else all that was there at the call is told. */
  readonly more: boolean;
  /**
   * By `performance.now()`: of what was acknowledged before this instant, the store held nothing back from this read.
   * -Infinity while the reader has not proven yet that it reads what calls write.
   */
  readonly asOf: number;
}

/**
 * Every method that takes a cursor throws StoreError `invalid_cursor` for a text that is not in the form of this
 * deployment's cursors. One that a client brings may be of another time or deployment: `upholds` tells.
 */
export interface StoreLog {
  /** Cursor of the newest entry: what comes after it is new. */
  tail(): Promise<string>;
  /** Cursor before the oldest entry kept. */
  head(): Promise<string>;
  /**
   * Reads on from `cursor`: at most about `limit` changes; waits up to `waitMs` when there are none.
   * @param shards the only ones to read: of the others the page says nothing, and its cursor what `cursor` said.
   */
  read(cursor: string, limit: number, waitMs: number, shards?: readonly number[]): Promise<LogPage>;
  /**
   * Where the changes of these users are logged, each shard once.
   * @throws StoreError `store_unavailable` before it is known where users are (P18).
   */
  shardsOf(userIds: readonly string[]): readonly number[];
  /** `cursor`, but in these shards at the place of `place`. */
  moved(cursor: string, place: string, shards: readonly number[]): string;
  /**
   * Whether the store still has all that was read up to `cursor`. False when its log ends before or is of another
   * epoch or deployment, or is another master's that no beat has given a new epoch yet: it may have lost changes and
   * then numbered others alike (P10).
   * @param shards the only ones that matter; all when absent.
   */
  upholds(cursor: string, shards?: readonly number[]): Promise<boolean>;
  /**
   * How far back the log will reach when it is full, at the rate since its oldest entry: of the shard in which that is the
   * shortest. In ms; Infinity for a log without entries. Asks each shard: for once a minute.
   */
  keptMs(): Promise<number>;
  /** How often a reader's connection was found to lead to another server than the calls. */
  readonly strays: number;
  /** The cursor as clients keep it, of at most 1,024 bytes; `resolve` alone takes it. */
  shorten(cursor: string): string;
  /**
   * The cursor that a client's text stands for, short or as `read` has it; undefined when the store does not uphold the
   * place, or the log has gone on too far for a short one.
   */
  resolve(text: string): Promise<string | undefined>;
  /** For each shard, the sequence up to which a reader at this cursor has read. */
  positions(cursor: string): readonly number[];
}

/** See `StoreLog.keptMs`: of a shard, whose oldest entry is of this age. */
export function keptMs(oldestAgeMs: number, entries: number, max: number): number {
  return (Math.max(0, oldestAgeMs) * max) / Math.min(entries, max);
}
