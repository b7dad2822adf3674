/** Leases of gateway nodes, and the sweep (rules P1, P9, P10). */

export interface BeatResult {
  /** `fenced`: this generation's lease lapsed, on a Cluster in at least one shard; the node must go on as a new one (P9). */
  readonly outcome: 'alive' | 'fenced';
  /** Changes when the store was emptied or another master took over: what sockets hold must be restored (P10). */
  readonly epoch: string;
  readonly now: number;
  /** Generations whose leases run, its own included. */
  readonly nodes: readonly string[];
  /**
   * Of a join: the store has no data from before a moment ago. Processes that lived then may not know yet that it forgot;
   * if its server has `started` just now, they are yet to connect again, too (P10).
   */
  readonly fresh?: 'emptied' | 'started';
  /** As nodes told with their joins and beats: the latest instant that the store knows; 0: none. */
  readonly returnsUntil: number;
  /**
   * With an epoch that this process did not know: what the store has is from before the last answer to this process. The
   * store was emptied, or went back further than to a moment ago.
   */
  readonly hasLost?: boolean;
}

/** What processes said of themselves since an epoch began (P10). */
export interface Restored {
  /** Whose sessions of before are all open again. */
  readonly nodeIds: readonly string[];
  /** Until then holders without a socket may still come back, by the store's clock; 0: none are waited for. */
  readonly returnsUntil: number;
}

export interface SweepResult {
  readonly ended: number;
  /** How long the oldest entry had been due, in ms. */
  readonly lagMs: number;
  /** Sessions and counts that a recount put right (P12): each one is a fault that happened before. */
  readonly corrected: number;
  /** Of whom a recount ended sessions that were half there: who holds one finds out at its next renewal. */
  readonly mendedUserIds: readonly string[];
}

/**
 * A node id names one generation: a process whose lease lapsed goes on under a new one. What is called on this store is
 * taken for a sign of life of the generation that joined through it last and did not quit (P9).
 */
export interface StoreNodes {
  /**
   * Takes a lease for a new node generation (P9).
   * @param returnsUntil those who hold sessions without a socket, and were answered by this process, are all due again by
   * then, by the store's clock (P10).
   */
  join(nodeId: string, leaseMs: number, returnsUntil?: number): Promise<BeatResult>;
  /** Renews the lease of a node generation (P9). Never revives a lapsed one. */
  beat(nodeId: string, leaseMs: number, returnsUntil?: number): Promise<BeatResult>;
  /** Gives a node's lease up after all its sessions were closed or detached. What it still owns is ended. */
  quit(nodeId: string): Promise<void>;
  /**
   * Says that all sessions which a process held under these ids before the epoch began are open again (P10). Without ids it
   * only asks.
   * @param returnsUntil as with `join`.
   * @returns all that was said so far, this included. Kept for 10 minutes.
   */
  confirmRestored(nodeIds: readonly string[], epoch: string, returnsUntil?: number): Promise<Restored>;
  /** Keeps what a node tells of itself, at most 2,048 bytes, for so long; in place of what it told before (P19). */
  report(nodeId: string, text: string, keptMs: number): Promise<void>;
  /** What these nodes told last, in their order; undefined: nothing is kept (P19). */
  reports(nodeIds: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** Ends what has expired and what lapsed nodes held, and counts anew (P12), in bounded slices that let others in between. */
  sweep(): Promise<SweepResult>;
}
