/** Clicks and impressions of the last hours, in memory (P16). */
import { hourOf, hoursKept, keptUntil } from '../analytics-hour.ts';
import type { CountedEvent, HourCounts, HourRecord } from '../presence-store.ts';
import { FadingMap } from '../toolkit/expiring-map.ts';
import { UserSketch } from '../user-sketch.ts';

/** 28 h that are kept and the one that has just begun for clocks ahead, rounded up. */
const HOURS_MAX = 32;

interface Hour {
  readonly users: UserSketch;
  clicks: number;
  impressions: number;
}

export class MemoryAnalytics {
  readonly #hours = new FadingMap<Hour>(HOURS_MAX);
  /** What one process counts is forgotten with it: all its hours are of one generation. */
  readonly #generation: string;

  constructor(generation: string) {
    this.#generation = generation;
  }

  count({ userId, kind, at }: CountedEvent, now: number): void {
    const hour = this.#hourOf(at, now);
    if (kind === 'click') hour.clicks += 1;
    else hour.impressions += 1;
    hour.users.add(userId);
  }

  records(now: number): HourCounts[] {
    return hoursKept(now).flatMap((hourAt) => {
      const hour = this.#hours.get(String(hourAt), now);
      return hour === undefined ? [] : [this.#counts(hourAt, hour)];
    });
  }

  record(at: number, now: number): HourRecord | null {
    const hourAt = hourOf(at);
    const hour = this.#hours.get(String(hourAt), now);
    return hour === undefined ? null : { ...this.#counts(hourAt, hour), users: hour.users.bytes() };
  }

  trim(now: number): void {
    this.#hours.trim(now);
  }

  #counts(hourAt: number, { clicks, impressions }: Hour): HourCounts {
    return { hourAt, generation: this.#generation, clicks, impressions };
  }

  #hourOf(at: number, now: number): Hour {
    const hourAt = hourOf(at);
    const known = this.#hours.get(String(hourAt), now);
    if (known !== undefined) return known;
    const hour: Hour = { users: new UserSketch(), clicks: 0, impressions: 0 };
    // One that is kept no longer takes nobody's place: it is dropped, its event with it.
    if (keptUntil(hourAt) > now) this.#hours.set(String(hourAt), hour, keptUntil(hourAt));
    return hour;
  }
}
