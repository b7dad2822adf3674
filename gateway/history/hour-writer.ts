/** Saves the hours of the analytics in the database, each again whenever something more was counted in it. */
import type { HourCounts, HourRecord, StoreAnalytics } from '../../presence-core/index.ts';

export class HourWriter {
  private readonly analytics: Pick<StoreAnalytics, 'hours' | 'hour'>;
  private readonly save: (records: readonly HourRecord[]) => Promise<void>;
  /** Clicks and impressions that are saved, by hour and generation. */
  private saved = new Map<string, number>();

  constructor(
    analytics: Pick<StoreAnalytics, 'hours' | 'hour'>,
    save: (records: readonly HourRecord[]) => Promise<void>,
  ) {
    this.analytics = analytics;
    this.save = save;
  }

  /** @throws StoreError, HistoryError: the first failure, after all other hours were saved. */
  async flush(): Promise<void> {
    const counted = await this.analytics.hours();
    const saved = new Map<string, number>();
    for (const hour of counted) {
      const before = this.saved.get(keyOf(hour));
      if (before !== undefined) saved.set(keyOf(hour), before);
    }
    this.saved = saved;
    const errors: unknown[] = [];
    for (const hour of counted) {
      if (saved.get(keyOf(hour)) === hour.clicks + hour.impressions) continue;
      await this.saveHour(hour.hourAt).catch((error) => errors.push(error));
    }
    if (errors.length > 0) throw errors[0];
  }

  private async saveHour(hourAt: number): Promise<void> {
    const record = await this.analytics.hour(hourAt);
    if (record === null) return;
    await this.save([record]);
    this.saved.set(keyOf(record), record.clicks + record.impressions);
  }
}

function keyOf({ hourAt, generation }: Pick<HourCounts, 'hourAt' | 'generation'>): string {
  return `${hourAt}/${generation}`;
}
