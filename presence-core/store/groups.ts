/** Groups whose members share the changes of the log (rule P17). */
import type { Change } from '../session.ts';

/** Changes that one member of a group was given. */
export interface TakenChanges {
  /** In order within each shard. */
  readonly changes: readonly Change[];
  /**
   * Entries that were trimmed away before any member was given them, or while nobody acknowledged them in time, and
   * entries that cannot be read. Told once, to one member, unless that answer is lost.
   */
  readonly lost: number;
  /** Of the fullest shard: entries since the oldest one not acknowledged, as part of what is kept; at 1 the next go. */
  readonly backlog: number;
  /** What `acknowledge` needs to know; of no use to others. */
  readonly receipt: unknown;
}

/** A member of a group that shares the changes of the log (P17). */
export interface ChangeGroup {
  /**
   * Takes up to about `limit` changes that no other member has, equally many of each shard and 1,000 at most; waits up to
   * `waitMs` for some. May be answered with none before that, when nothing of what there was to take can be read.
   */
  take(limit: number, waitMs: number): Promise<TakenChanges>;
  /** What is not acknowledged within the store's `claimMs` is given to a member again. */
  acknowledge(taken: TakenChanges): Promise<void>;
  /** Gives the membership up; what was not acknowledged goes to others. Ends a waiting `take`. */
  leave(): Promise<void>;
}

export interface StoreGroups {
  /**
   * Members of all nodes that give the same name are one group; a new group begins at the oldest entry kept.
   * @param member unique in the group at any time.
   */
  join(name: string, member: string): ChangeGroup;
}
