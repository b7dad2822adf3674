/** Live sessions as of a place in the log (rule P11). */
import type { Session } from '../session.ts';

/**
 * Sessions as of a place in their shard's log: a change of the same users with a greater sequence is news, one with a
 * lesser or equal is already in here. So a snapshot followed by the log has no gap and no double (P11). One that has
 * expired and was not swept yet is among them, as its close is still to come.
 */
export interface Snapshot {
  /** Presence-only marks among them. */
  readonly sessions: readonly Session[];
  readonly shard: number;
  readonly sequence: number;
}

export interface StoreSnapshots {
  /** All users are divided into so many parts, each within one shard. */
  readonly parts: number;
  /** Another one when users are divided into other parts than before (P18): snapshots of before are worth nothing. */
  readonly division: number;
  partOf(userId: string): number;
  /** All sessions of one part's users. */
  ofPart(part: number): Promise<Snapshot>;
  ofUser(userId: string): Promise<Snapshot>;
}
