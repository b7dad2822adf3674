/** Live sessions as of a place in the log (rule P11). */
import type { Session } from '../session.ts';

/**
 * Sessions as of a place in their shard's log: a change of the same users with a greater sequence is news, one with a
 * lesser or equal is already in here. So a snapshot followed by the log has no gap and no double (P11). One that has
 * expired and was not swept yet is among them, as its close is still to come.
 */
export interface Snapshot {
  /** Presence-only marks among them, but in those of a stream. */
  readonly sessions: readonly Session[];
  readonly shard: number;
  readonly sequence: number;
}

export interface SnapshotPage extends Snapshot {
  /** The first part that is not in the page; the shard's last page answers the first part of the next shard. */
  readonly next: number;
}

export interface StoreSnapshots {
  /** All users are divided into so many parts, numbered from 0; a shard has as many as any other, in a row. */
  readonly parts: number;
  readonly shards: number;
  /** Another one when users are divided into other parts than before (P18): snapshots of before are worth nothing. */
  readonly division: number;
  /** @throws StoreError `store_unavailable` before it is known where users are (P18). */
  partOf(userId: string): number;
  /**
   * The sessions of the users of some parts of one shard, from `first` on: as many as fit one answer (P14), perhaps none.
   * @param streamId only sessions on this stream; its first page in a shard must be read before others of it.
   */
  page(first: number, streamId?: string): Promise<SnapshotPage>;
  ofUser(userId: string): Promise<Snapshot>;
}
