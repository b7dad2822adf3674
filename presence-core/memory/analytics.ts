/** Clicks and impressions of the last hours, in memory (P16). */
import { hourOf, hoursKept, keptUntil } from '../analytics-hour.ts';
import type { Clock } from '../clock.ts';
import type { CountedEvent, HourCounts, HourRecord, StoreAnalytics } from '../store/analytics.ts';
import { ExpiringMap } from '../toolkit/expiring-map.ts';
import { UserSketch } from '../user-sketch.ts';

/** 28 h that are kept and the one that has just begun for clocks ahead, rounded up. */
const HOURS_MAX = 32;

interface Hour {
  readonly hourAt: number;
  readonly users: UserSketch;
  clicks: number;
  impressions: number;
}

export class MemoryAnalytics implements StoreAnalytics {
  readonly #hours = new ExpiringMap<Hour>(HOURS_MAX, ({ hourAt }) => keptUntil(hourAt));
  /** What one process counts is forgotten with it: all its hours are of one generation. */
  readonly #generation: string;
  readonly #clock: Clock;

  constructor(generation: string, clock: Clock) {
    this.#generation = generation;
    this.#clock = clock;
  }

  async count({ userId, kind, at }: CountedEvent): Promise<void> {
    const hour = this.#hourOf(at, this.#clock());
    if (kind === 'click') hour.clicks += 1;
    else hour.impressions += 1;
    hour.users.add(userId);
  }

  async hours(): Promise<HourCounts[]> {
    const now = this.#clock();
    return hoursKept(now).flatMap((hourAt) => {
      const hour = this.#hours.get(String(hourAt), now);
      return hour === undefined ? [] : [this.#counts(hour)];
    });
  }

  async hour(at: number): Promise<HourRecord | null> {
    const hourAt = hourOf(at);
    const hour = this.#hours.get(String(hourAt), this.#clock());
    return hour === undefined ? null : { ...this.#counts(hour), users: hour.users.bytes() };
  }

  trim(): void {
    this.#hours.trim(this.#clock());
  }

  #counts({ hourAt, clicks, impressions }: Hour): HourCounts {
    return { hourAt, generation: this.#generation, clicks, impressions };
  }

  #hourOf(at: number, now: number): Hour {
    const hourAt = hourOf(at);
    const known = this.#hours.get(String(hourAt), now);
    if (known !== undefined) return known;
    const hour: Hour = { hourAt, users: new UserSketch(), clicks: 0, impressions: 0 };
    // One that is kept no longer takes nobody's place: it is dropped, its event with it.
    if (keptUntil(hourAt) > now) this.#hours.set(String(hourAt), hour);
    return hour;
  }
}
