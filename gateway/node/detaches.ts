/**
 * Leaves the sessions of closed sockets to the resume grace (P8), now or as soon as the store answers.
 *
 * An open without an answer may still run when the store goes on, also after a detach that was sent later on another
 * connection. So the detach of such an uncertain session is repeated for a while, whatever the store answers; done twice
 * it changes nothing.
 */
import { chunks, type OwnedRef, type PresenceStore } from '../../presence-core/index.ts';

/** Kept until the next beat; beyond this the oldest is left to its session lease. */
const KEPT_MAX = 100_000;
/** Of one call: far below what a store takes in flight, which it would refuse as a whole. */
const RETRY_BATCH = 5_000;
/** How long an open without an answer may still be on its way once the store answers. */
const UNCERTAIN_MS = 30_000;

interface Detach {
  readonly ref: OwnedRef;
  readonly isUncertain: boolean;
  readonly graceMs: number;
  /** Until then an uncertain session may still be opened; set when the store first answers. */
  confirmUntil?: number;
}

export class Detaches {
  private readonly store: PresenceStore;
  private readonly graceMs: number;
  private readonly keptMax: number;
  /** Those to be sent again, by user, session and socket. */
  private readonly kept = new Map<string, Detach>();
  private readonly inFlight = new Set<Promise<void>>();
  private isRetrying = false;

  constructor(store: PresenceStore, graceMs: number, keptMax = KEPT_MAX) {
    this.store = store;
    this.graceMs = graceMs;
    this.keptMax = keptMax;
  }

  /**
   * @param isUncertain the open of the session had no answer.
   * @param isUntold nobody was told that it is open, or would come back to it: it gets no grace.
   */
  detach(ref: OwnedRef, isUncertain = false, isUntold = false): void {
    const detach = { ref, isUncertain, graceMs: isUntold ? 0 : this.graceMs };
    const work = this.send([detach]).catch(() => this.keep(detach));
    this.inFlight.add(work);
    void work.finally(() => this.inFlight.delete(work));
  }

  /** Sends again what is kept, batch by batch, until one fails again. Never twice at once. */
  async retry(): Promise<void> {
    if (this.kept.size === 0 || this.isRetrying) return;
    this.isRetrying = true;
    try {
      for (const batch of chunks([...this.kept.values()], RETRY_BATCH)) await this.send(batch);
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

  private async send(detaches: readonly Detach[]): Promise<void> {
    for (const graceMs of new Set(detaches.map((detach) => detach.graceMs))) {
      await this.sendAlike(
        detaches.filter((detach) => detach.graceMs === graceMs),
        graceMs,
      );
    }
  }

  private async sendAlike(detaches: readonly Detach[], graceMs: number): Promise<void> {
    const refs = detaches.map(({ ref }) => ref);
    const results = await this.store.sessions.detach(refs, graceMs);
    const now = performance.now();
    for (const [i, detach] of detaches.entries()) {
      detach.confirmUntil ??= now + UNCERTAIN_MS;
      const outcome = results[i]?.outcome;
      // An open that comes late takes over what is held, begins anew what has ended, and finds its node that had yet to
      // join. Data that is damaged is mended by a recount.
      const isOpen = detach.isUncertain || outcome === 'failed';
      if (isOpen && detach.confirmUntil > now) this.keep(detach);
      else this.forget(detach);
    }
  }

  /** Leaves one that another open of the same socket needs. */
  private forget(detach: Detach): void {
    const key = keyOf(detach);
    if (this.kept.get(key) === detach) this.kept.delete(key);
  }

  private keep(detach: Detach): void {
    const key = keyOf(detach);
    // Of several opens of one socket some may have been answered: who gives those up does not settle the others.
    if (this.kept.get(key)?.isUncertain && !detach.isUncertain) return;
    this.kept.set(key, detach);
    if (this.kept.size <= this.keptMax) return;
    const [oldest] = this.kept.keys();
    this.kept.delete(oldest as string);
  }
}

/** Ids hold no space (P13). */
function keyOf({ ref: { userId, sessionId, owner } }: Detach): string {
  return `${userId} ${sessionId} ${typeof owner === 'string' ? owner : `${owner.nodeId} ${owner.connection}`}`;
}
