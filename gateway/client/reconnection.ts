/** Whether and when to come back after a close. Pure. */
import { CLOSE_CODES, type Reconnect } from '../protocol/close-codes.ts';

const KNOWN: ReadonlyMap<number, Reconnect> = new Map(
  Object.values(CLOSE_CODES).map(({ code, reconnect }) => [code, reconnect]),
);

/** What to do after a close code. One that is newer than this client counts as its hundred does. */
export function reconnectionAfter(code: number): Reconnect {
  const known = KNOWN.get(code);
  if (known) return known;
  if (code >= 4000 && code < 4100) return 'never';
  return code >= 4200 && code < 4300 ? 'now' : 'backoff';
}

/** Exponential with full jitter: anything from none to `baseMs × 2^attempt`, at most `capMs`. */
export function backoffMs(attempt: number, baseMs: number, capMs: number, random: () => number = Math.random): number {
  return Math.round(random() * Math.min(capMs, baseMs * 2 ** attempt));
}
