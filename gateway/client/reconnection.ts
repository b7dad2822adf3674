/** Whether and when to come back after a close. Pure. */
import type { Reconnect } from '../protocol/close-codes.ts';

const NORMAL = 1_000;
const GOING_AWAY = 1_001;
const TOO_BIG = 1_009;

/** What to do after a close code: each of ours does what its hundred does, as will those that are newer than this client. */
export function reconnectionAfter(code: number): Reconnect {
  if (code === NORMAL || code === TOO_BIG || (code >= 4000 && code < 4100)) return 'never';
  return code === GOING_AWAY || (code >= 4200 && code < 4300) ? 'now' : 'backoff';
}

/** A wait takes at most this part of the time for which the session waits. */
const ATTEMPTS_IN_GRACE = 5;

/**
 * @param graceMs of a session that still waits, else 0.
 * @returns greatest step of the backoff: while the session waits for its player, attempts come often enough to find it, unless the
 * server has asked to be spared (4100, 4129).
 */
export function capWithin(graceMs: number, code: number, baseMs: number, capMs: number): number {
  if (graceMs === 0 || (code >= 4100 && code < 4200)) return capMs;
  return Math.min(capMs, Math.max(baseMs, graceMs / ATTEMPTS_IN_GRACE));
}

/** Exponential with full jitter: anything from none to `baseMs × 2^attempt`, at most `capMs`. */
export function backoffMs(attempt: number, baseMs: number, capMs: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(capMs, baseMs * 2 ** attempt));
}
