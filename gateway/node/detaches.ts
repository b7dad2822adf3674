/** Leaves the sessions of closed sockets to the resume grace (P8), now or as soon as the store answers. */
import type { OwnedRef, PresenceStore } from '../../presence-core/index.ts';

/** Detaches that failed are kept until the next beat; beyond this the oldest is left to its session lease. */
const KEPT_MAX = 100_000;

export class Detaches {
  private readonly store: PresenceStore;
  private readonly graceMs: number;
  /** Those that failed, by user and session. */
  private readonly kept = new Map<string, OwnedRef>();
  private readonly inFlight = new Set<Promise<void>>();

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

  /** Sends again what failed. */
  retry(): void {
    if (this.kept.size === 0) return;
    const refs = [...this.kept.values()];
    this.kept.clear();
    this.store.sessions.detach(refs, this.graceMs).catch(() => {
      for (const ref of refs) this.keep(ref);
    });
  }

  /** Resolves when what was sent has been answered. */
  async settled(): Promise<void> {
    await Promise.all(this.inFlight);
  }

  private keep(ref: OwnedRef): void {
    this.kept.set(`${ref.userId} ${ref.sessionId}`, ref);
    if (this.kept.size <= KEPT_MAX) return;
    const [oldest] = this.kept.keys();
    this.kept.delete(oldest as string);
  }
}
