/** Tombstones of the memory store: why sessions may not come back by themselves (P5, P8). */
import type { CloseReason } from '../session.ts';
import { ExpiringMap } from '../toolkit/expiring-map.ts';

/** Most tombstones kept of each of the two kinds (P5). */
const TOMBSTONES_MAX = 10_000;

export interface Tombstone {
  readonly reason: CloseReason;
  /** When it ended. */
  readonly at: number;
  readonly until: number;
}

export class MemoryTombstones {
  /** Of sessions that somebody else ended. */
  readonly #ended = new ExpiringMap<Tombstone>(TOMBSTONES_MAX, (tombstone) => tombstone.until);
  /** Of sessions that left: apart, as they expire long before the others. */
  readonly #left = new ExpiringMap<Tombstone>(TOMBSTONES_MAX, (tombstone) => tombstone.until);
  readonly #endedMs: number;
  readonly #leftMs: number;

  constructor(endedMs: number, leftMs: number) {
    this.#endedMs = endedMs;
    this.#leftMs = leftMs;
  }

  /** Notes that a session ended, where its reason is one that leaves a tombstone. */
  set(userId: string, sessionId: string, reason: CloseReason, at: number): void {
    const key = keyOf(userId, sessionId);
    if (reason === 'left') this.#left.set(key, { reason, at, until: at + this.#leftMs });
    if (reason === 'evicted' || reason === 'replaced' || reason === 'kicked') {
      this.#ended.set(key, { reason, at, until: at + this.#endedMs });
    }
  }

  /** Why and when the session was ended; undefined when it has no tombstone. */
  get(userId: string, sessionId: string, now: number): Tombstone | undefined {
    const key = keyOf(userId, sessionId);
    return this.#ended.get(key, now) ?? this.#left.get(key, now);
  }

  clear(userId: string, sessionId: string): void {
    const key = keyOf(userId, sessionId);
    this.#ended.delete(key);
    this.#left.delete(key);
  }

  /** Drops one of each kind that has expired. Returns whether there may be more. */
  trimOne(now: number): boolean {
    const isOfEnded = this.#ended.trim(now, 1);
    return this.#left.trim(now, 1) || isOfEnded;
  }
}

/** Users' and sessions' ids hold no space (P13). */
function keyOf(userId: string, sessionId: string): string {
  return `${userId} ${sessionId}`;
}
