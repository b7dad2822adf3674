/** A member of a change group (P17): asks the store at intervals until there is something to take. */
import type { ChangeGroup, TakenChanges } from './store/groups.ts';
import { pause } from './toolkit/retrying.ts';

/** How often a waiting member asks: what comes meanwhile is taken together, and no connection is held. */
const POLL_MS = 500;

/** What a store gave a member; the receipt has as many elements as entries, of a kind that only the store knows. */
export interface TakenEntries extends TakenChanges {
  readonly receipt: readonly unknown[];
}

/** A store's side of one membership. */
export interface ChangeSource {
  /** At most about `limit` changes, without waiting for any. */
  take(limit: number): Promise<TakenEntries>;
  acknowledge(taken: TakenEntries): Promise<void>;
  leave(): Promise<void>;
}

export class ChangeGroupMember implements ChangeGroup {
  private readonly source: ChangeSource;
  private readonly leaving = new AbortController();

  constructor(source: ChangeSource) {
    this.source = source;
  }

  async take(limit: number, waitMs: number): Promise<TakenChanges> {
    const until = performance.now() + waitMs;
    while (!this.leaving.signal.aborted) {
      const taken = await this.source.take(limit);
      const leftMs = until - performance.now();
      if (taken.receipt.length > 0 || taken.lost > 0 || leftMs <= 0) return taken;
      await pause(Math.min(POLL_MS, leftMs), this.leaving.signal);
    }
    return { changes: [], lost: 0, backlog: 0, receipt: [] };
  }

  acknowledge(taken: TakenChanges): Promise<void> {
    return this.source.acknowledge(taken as TakenEntries);
  }

  leave(): Promise<void> {
    this.leaving.abort();
    return this.source.leave();
  }
}
