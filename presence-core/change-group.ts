/** A member of a change group (P17): asks at a pace until there is something, over any store. */
import type { ChangeGroup, TakenChanges } from './store/groups.ts';

/** How often a waiting member asks: what comes meanwhile is taken together, and no connection is held. */
const POLL_MS = 500;

/** Of how many entries the store is told by one acknowledgement; what the caller holds is opaque to it. */
export interface Taken extends TakenChanges {
  readonly receipt: readonly unknown[];
}

/** A store's side of one membership. */
export interface ChangeSource {
  take(limit: number): Promise<Taken>;
  acknowledge(taken: Taken): Promise<void>;
  leave(): Promise<void>;
}

export class ChangeGroupMember implements ChangeGroup {
  private readonly source: ChangeSource;
  private left = false;
  private wake: () => void = () => {};

  constructor(source: ChangeSource) {
    this.source = source;
  }

  async take(limit: number, waitMs: number): Promise<TakenChanges> {
    const until = performance.now() + waitMs;
    while (!this.left) {
      const taken = await this.source.take(limit);
      const leftMs = until - performance.now();
      if (taken.receipt.length > 0 || taken.lost > 0 || leftMs <= 0) return taken;
      await this.pause(Math.min(POLL_MS, leftMs));
    }
    return { changes: [], lost: 0, backlog: 0, receipt: [] };
  }

  acknowledge(taken: TakenChanges): Promise<void> {
    return this.source.acknowledge(taken as Taken);
  }

  leave(): Promise<void> {
    this.left = true;
    this.wake();
    return this.source.leave();
  }

  private pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
