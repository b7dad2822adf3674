/**
 * One hour of the analytics, of what the store counts now and of what is kept in the database. Both know an hour by
 * the generation of its counters: the same generation is the same count, seen earlier or later, and different ones add
 * up. So the answer is the same before and after an hour is carried over, and after a store that forgot.
 */
import { countSketches, type HourRecord, type StoreAnalytics } from '../../presence-core/index.ts';

/** One hour, UTC (P16). */
export interface HourAnalytics {
  readonly hourAt: number;
  readonly uniqueUsers: number;
  readonly clicks: number;
  readonly impressions: number;
  /** `uniqueUsers` is an estimate; the rest is always exact. */
  readonly approximate: boolean;
}

/** Where history is kept. @throws HistoryError */
export type KeptHours = (hourAt: number) => Promise<readonly HourRecord[]>;

const HOUR_MS = 3_600_000;

/**
 * The UTC hour that contains `at`.
 * @param kept absent where no history is kept. When it fails, an hour that the store still counts is answered from that.
 * @throws StoreError, HistoryError
 */
export async function readHour(
  at: number,
  analytics: Pick<StoreAnalytics, 'hour'>,
  kept: KeptHours = async () => [],
): Promise<HourAnalytics> {
  const hourAt = Math.floor(at / HOUR_MS) * HOUR_MS;
  const [live, stored] = await Promise.allSettled([analytics.hour(hourAt), kept(hourAt)]);
  if (live.status === 'rejected') throw live.reason;
  if (stored.status === 'rejected' && live.value === null) throw stored.reason;
  const records = stored.status === 'fulfilled' ? [...stored.value] : [];
  if (live.value !== null) records.push(live.value);
  return total(hourAt, records);
}

function total(hourAt: number, records: readonly HourRecord[]): HourAnalytics {
  const generations = new Map<string, HourRecord>();
  for (const record of records) {
    const same = generations.get(record.generation);
    generations.set(record.generation, same === undefined ? record : newest(same, record));
  }
  let clicks = 0;
  let impressions = 0;
  for (const record of generations.values()) {
    clicks += record.clicks;
    impressions += record.impressions;
  }
  return { hourAt, ...countSketches(records.map(({ users }) => users)), clicks, impressions };
}

/** Counts only grow, but for a store that lost its last moments. */
function newest(a: HourRecord, b: HourRecord): HourRecord {
  return {
    ...a,
    clicks: Math.max(a.clicks, b.clicks),
    impressions: Math.max(a.impressions, b.impressions),
  };
}
