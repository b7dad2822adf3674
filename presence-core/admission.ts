/** Who gets a slot (P4–P6): pure decisions over the live sessions of one user. */

/** Bound of live sessions per user, presence-only mark aside (P14). */
export const MAX_SESSIONS = 128;

/** What admission knows of a live session. */
export interface Slot {
  readonly sessionId: string;
  readonly startedAt: number;
}

export interface AdmissionRequest {
  /** How many sessions may be live once the new one is in. */
  readonly room: number;
  readonly onLimit: 'reject' | 'evict-oldest';
  readonly replace: readonly string[];
}

export interface Admission<T> {
  readonly admitted: boolean;
  /** To end first, in this order, also when refused. */
  readonly replaced: readonly T[];
  /** To end next, in this order. */
  readonly evicted: readonly T[];
  /** What stays beside the new session, or what refuses it. */
  readonly kept: readonly T[];
}

const NONE: readonly never[] = [];

/** Oldest first: by `startedAt`, then by the code points of the id, so that every node names the same victim. */
export function byAge(a: Slot, b: Slot): number {
  return a.startedAt - b.startedAt || Buffer.compare(Buffer.from(a.sessionId), Buffer.from(b.sessionId));
}

/**
 * Decides on a session that is not live yet, given those that are (presence-only marks left out).
 * Nobody is evicted in vain: without any room at all the answer is a refusal.
 */
export function admit<T extends Slot>(live: readonly T[], request: AdmissionRequest): Admission<T> {
  const replaced = sessionsNamed(live, request.replace);
  const kept = replaced.length === 0 ? live : live.filter((slot) => !replaced.includes(slot));
  if (kept.length < request.room) return { admitted: true, replaced, evicted: NONE, kept };
  if (request.onLimit === 'reject' || request.room < 1) return { admitted: false, replaced, evicted: NONE, kept };
  const oldestFirst = kept.toSorted(byAge);
  const victims = kept.length - request.room + 1;
  return { admitted: true, replaced, evicted: oldestFirst.slice(0, victims), kept: oldestFirst.slice(victims) };
}

/** Live sessions among the names, in the order of the names, each once. */
function sessionsNamed<T extends Slot>(live: readonly T[], names: readonly string[]): readonly T[] {
  if (names.length === 0) return NONE;
  const found: T[] = [];
  for (const name of names) {
    const slot = live.find((candidate) => candidate.sessionId === name);
    if (slot !== undefined && !found.includes(slot)) found.push(slot);
  }
  return found;
}

/** When the first of the conflicts could free, if nobody renews it; now, when nobody holds anything. */
export function nextFreeAt(conflicts: readonly { readonly expiresAt: number }[], now: number): number {
  return conflicts.length === 0 ? now : Math.min(...conflicts.map((slot) => slot.expiresAt));
}
