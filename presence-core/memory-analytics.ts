/** Clicks and impressions of the last hours, in memory (P16). */
import { hourOf, keptUntil } from './analytics-hour.ts';
import { FadingMap } from './fading-map.ts';
import { HyperLogLog } from './hyper-log-log.ts';
import type { CountedEvent, HourAnalytics } from './presence-store.ts';

/** Users of an hour that are kept by name; beyond them they are estimated. */
const EXACT_USERS_MAX = 10_000;
/** 28 h that are kept and the one that has just begun for clocks ahead, rounded up. */
const HOURS_MAX = 32;

interface Hour {
  users: Set<string> | HyperLogLog;
  clicks: number;
  impressions: number;
}

export class MemoryAnalytics {
  readonly #hours = new FadingMap<Hour>(HOURS_MAX);

  count({ userId, kind, at }: CountedEvent, now: number): void {
    const hour = this.#hourOf(at, now);
    if (kind === 'click') hour.clicks += 1;
    else hour.impressions += 1;
    hour.users.add(userId);
    if (hour.users instanceof Set && hour.users.size > EXACT_USERS_MAX) hour.users = estimated(hour.users);
  }

  read(at: number, now: number): HourAnalytics {
    const hourAt = hourOf(at);
    const hour = this.#hours.get(String(hourAt), now);
    if (hour === undefined) return { hourAt, uniqueUsers: 0, clicks: 0, impressions: 0, approximate: false };
    const { users, clicks, impressions } = hour;
    const approximate = users instanceof HyperLogLog;
    return { hourAt, uniqueUsers: approximate ? users.estimate() : users.size, clicks, impressions, approximate };
  }

  trim(now: number): void {
    this.#hours.trim(now);
  }

  #hourOf(at: number, now: number): Hour {
    const hourAt = hourOf(at);
    const known = this.#hours.get(String(hourAt), now);
    if (known !== undefined) return known;
    const hour: Hour = { users: new Set(), clicks: 0, impressions: 0 };
    // One that is kept no longer takes nobody's place: it is dropped, its event with it.
    if (keptUntil(hourAt) > now) this.#hours.set(String(hourAt), hour, keptUntil(hourAt));
    return hour;
  }
}

function estimated(users: Set<string>): HyperLogLog {
  const estimate = new HyperLogLog();
  for (const userId of users) estimate.add(userId);
  return estimate;
}
