/** Tombstones of the memory store: why sessions that somebody ended may not come back by themselves (P5). */
import type { CloseReason } from '../session.ts';
import { ExpiringMap } from '../toolkit/expiring-map.ts';

/** Most tombstones kept (P5). */
const TOMBSTONES_MAX = 10_000;

interface Tombstone {
  readonly reason: CloseReason;
  readonly until: number;
}

export class MemoryTombstones {
  readonly #tombstones = new ExpiringMap<Tombstone>(TOMBSTONES_MAX, (tombstone) => tombstone.until);
  readonly #keptMs: number;

  constructor(keptMs: number) {
    this.#keptMs = keptMs;
  }

  /** Notes that a session ended, where its reason is one that leaves a tombstone. */
  set(userId: string, sessionId: string, reason: CloseReason, at: number): void {
    if (reason !== 'evicted' && reason !== 'replaced' && reason !== 'kicked') return;
    this.#tombstones.set(keyOf(userId, sessionId), { reason, until: at + this.#keptMs });
  }

  /** Why the session was ended; undefined when it has no tombstone. */
  get(userId: string, sessionId: string, now: number): CloseReason | undefined {
    return this.#tombstones.get(keyOf(userId, sessionId), now)?.reason;
  }

  clear(userId: string, sessionId: string): void {
    this.#tombstones.delete(keyOf(userId, sessionId));
  }

  trim(now: number): void {
    this.#tombstones.trim(now);
  }
}

/** Users' and sessions' ids hold no space (P13). */
function keyOf(userId: string, sessionId: string): string {
  return `${userId} ${sessionId}`;
}
