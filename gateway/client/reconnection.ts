/** Whether and when to come back after a close. Pure. */
import type { Reconnect } from '../protocol/close-codes.ts';
import { GOING_AWAY, NORMAL, TOO_BIG } from './close-code.ts';

/** Of the codes 4000 to 4099, and so on. */
const hundredOf = (code: number): number => Math.floor(code / 100);

/** What to do after a close code: each of ours does what its hundred does, as will those that are newer than this client. */
export function reconnectionAfter(code: number): Reconnect {
  if (code === NORMAL || code === TOO_BIG || hundredOf(code) === 40) return 'never';
  return code === GOING_AWAY || hundredOf(code) === 42 ? 'now' : 'backoff';
}

/** A wait takes at most this part of the time for which the session waits. */
const ATTEMPTS_IN_GRACE = 5;

/**
 * @param graceMs of a session that still waits, else 0.
 * @returns greatest step of the backoff: while the session waits for its player, attempts come often enough to find it, unless the
 * server has asked to be spared (4100, 4129).
 */
export function capWithin(graceMs: number, code: number, baseMs: number, capMs: number): number {
  if (graceMs === 0 || hundredOf(code) === 41) return capMs;
  return Math.min(capMs, Math.max(baseMs, graceMs / ATTEMPTS_IN_GRACE));
}

/** Exponential with full jitter: anything from none to `baseMs × 2^attempt`, at most `capMs`. */
export function backoffMs(attempt: number, baseMs: number, capMs: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(capMs, baseMs * 2 ** attempt));
}
