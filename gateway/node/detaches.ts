/** Leaves the sessions of closed sockets to the resume grace (P8), now or as soon as the store answers. */
import { chunks, type OwnedRef, type PresenceStore } from '../../presence-core/index.ts';

/** Detaches that failed are kept until the next beat; beyond this the oldest is left to its session lease. */
const KEPT_MAX = 100_000;
/** Of one call: far below what a store takes in flight, which it would refuse as a whole. */
const RETRY_BATCH = 5_000;

export class Detaches {
  private readonly store: PresenceStore;
  private readonly graceMs: number;
  /** Those that failed, by user and session. */
  private readonly kept = new Map<string, OwnedRef>();
  private readonly inFlight = new Set<Promise<void>>();
  private isRetrying = false;

  constructor(store: PresenceStore, graceMs: number) {
    this.store = store;
    this.graceMs = graceMs;
  }

  detach(ref: OwnedRef): void {
    const work = this.store.sessions.detach([ref], this.graceMs).then(
      () => {},
      () => this.keep(ref),
    );
    this.inFlight.add(work);
    void work.finally(() => this.inFlight.delete(work));
  }

  /** Sends again what failed, batch by batch, until one fails again. Never twice at once. */
  async retry(): Promise<void> {
    if (this.kept.size === 0 || this.isRetrying) return;
    this.isRetrying = true;
    try {
      for (const batch of chunks([...this.kept.values()], RETRY_BATCH)) {
        await this.store.sessions.detach(batch, this.graceMs);
        for (const ref of batch) if (this.kept.get(keyOf(ref)) === ref) this.kept.delete(keyOf(ref));
      }
    } catch {
      // What is left is sent again at the next beat.
    } finally {
      this.isRetrying = false;
    }
  }

  /** Resolves when what was sent has been answered. */
  async settled(): Promise<void> {
    await Promise.all(this.inFlight);
  }

  private keep(ref: OwnedRef): void {
    this.kept.set(keyOf(ref), ref);
    if (this.kept.size <= KEPT_MAX) return;
    const [oldest] = this.kept.keys();
    this.kept.delete(oldest as string);
  }
}

/** Ids hold no space (P13). */
function keyOf({ userId, sessionId }: OwnedRef): string {
  return `${userId} ${sessionId}`;
}
