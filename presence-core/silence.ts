/** What a silence of a shard extends (P9). redis/lua/parts/silence.lua is the same in Redis. */

/** The newest silence that a witness answered. */
export interface Silence {
  /** When the last beat before it came. */
  readonly beganAt: number;
  readonly answeredAt: number;
  readonly graceMs: number;
  /** Its place among all silences of the shard, answered or not. */
  readonly number: number;
}

/** Extends nothing. */
export const NO_SILENCE: Silence = { beganAt: 0, answeredAt: 0, graceMs: 0, number: 0 };

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
  const { beganAt, answeredAt, graceMs, number } = silence;
  const extendedTo = answeredAt + graceMs;
  return extendedTo > now && lease > beganAt && !isMarked(lease, number) ? extendedTo : trueEnd(lease);
}

/** What to keep of a lease that is set now: marked where it is set in an extension and ends before it. */
export function leaseUntil(endsAt: number, { answeredAt, graceMs, number }: Silence): number {
  return answeredAt + graceMs > endsAt ? marked(endsAt, number) : endsAt;
}

function markOf(silenceNumber: number): number {
  // Redis needs a mark more.
  return ((silenceNumber % MARKS) + 2) / (MARKS + 2);
}
