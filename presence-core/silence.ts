/** What a silence extends (P9). redis/lua/parts/silence.lua is the same in Redis. */

/** The newest silence that a witness answered. */
export interface Silence {
  readonly answeredAt: number;
  readonly graceMs: number;
  /**
   * It, and before it those that each began in the extension of the one before: what they extended, it extends on. The
   * newest last, at most `CHAIN_MAX`.
   */
  readonly chain: readonly Beginning[];
}

interface Beginning {
  /** Its place among all silences of its home, answered or not. */
  readonly number: number;
  /** When the last beat before it came. */
  readonly beganAt: number;
}

/** Extends nothing. */
export const NO_SILENCE: Silence = { answeredAt: 0, graceMs: 0, chain: [] };

const CHAIN_MAX = 8;

/** The silence that began as given, answered now. @param former the newest one that was answered before. */
export function answered(former: Silence, beginning: Beginning, now: number, graceMs: number): Silence {
  const isInExtension = former.answeredAt + former.graceMs > beginning.beganAt;
  const chain = isInExtension ? [...former.chain, beginning].slice(-CHAIN_MAX) : [beginning];
  return { answeredAt: now, graceMs, chain };
}

/** Numbers that a mark can tell apart. */
const MARKS = 1_022;

/**
 * Marks the end of a lease as one that a silence does not extend. Kept as a fraction of a millisecond below the end, in
 * 1024ths, so that no digit is lost and a comparison with a whole instant is exact.
 */
export function marked(endsAt: number, silenceNumber: number): number {
  return endsAt - markOf(silenceNumber);
}

export function isMarked(lease: number, silenceNumber: number): boolean {
  return Math.ceil(lease) - lease === markOf(silenceNumber);
}

/** The end of a lease without its mark. */
export function trueEnd(lease: number): number {
  return Math.ceil(lease);
}

/**
 * The instant until which a lease runs: its true end, or the end of the extension that covers it. An extension shows
 * only once the lease is over by itself.
 * @param lease its end, maybe marked.
 */
export function runsUntil(lease: number, silence: Silence, now: number): number {
  if (lease > now) return trueEnd(lease);
  const { answeredAt, graceMs, chain } = silence;
  const extendedTo = answeredAt + graceMs;
  if (extendedTo <= now) return trueEnd(lease);
  // One that is marked was set in an extension: only later silences extend it.
  const isWhole = trueEnd(lease) === lease;
  const by = isWhole ? chain[0] : chain[chain.findIndex(({ number }) => isMarked(lease, number)) + 1];
  return by !== undefined && lease > by.beganAt ? extendedTo : trueEnd(lease);
}

/** What to keep of a lease that is set now: marked where it is set in an extension and ends before it. */
export function leaseUntil(endsAt: number, { answeredAt, graceMs, chain }: Silence): number {
  const newest = chain.at(-1);
  return newest && answeredAt + graceMs > endsAt ? marked(endsAt, newest.number) : endsAt;
}

function markOf(silenceNumber: number): number {
  // Redis needs a mark more.
  return ((silenceNumber % MARKS) + 2) / (MARKS + 2);
}
