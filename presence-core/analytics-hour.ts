/** Hours of the analytics: UTC, named by the instant they begin. */

export const HOUR_MS = 3_600_000;
/** An event may come 24 h late; the rest is room to carry the hour on to a history. */
const KEPT_AFTER_END_MS = 27 * HOUR_MS;

/** The hour that contains `at`. */
export function hourOf(at: number): number {
  return Math.floor(at / HOUR_MS) * HOUR_MS;
}

/** Until when a store keeps an hour. */
export function keptUntil(hourAt: number): number {
  return hourAt + HOUR_MS + KEPT_AFTER_END_MS;
}

/** Clocks may be ahead by less than that. */
const AHEAD_MS = HOUR_MS;

/** All hours that a store may hold, oldest first: 30. */
export function hoursKept(now: number): number[] {
  const hours: number[] = [];
  for (let hourAt = hourOf(now - KEPT_AFTER_END_MS) - HOUR_MS; hourAt <= now + AHEAD_MS; hourAt += HOUR_MS)
    hours.push(hourAt);
  return hours;
}
