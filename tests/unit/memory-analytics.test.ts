import { expect, test } from '@jest/globals';
import { MemoryAnalytics } from '../../presence-core/memory/analytics.ts';
import type { HourRecord } from '../../presence-core/presence-store.ts';
import { countSketches } from '../../presence-core/sketches.ts';

const HOUR_MS = 3_600_000;
const START_AT = 480_000 * HOUR_MS;

test('[P16] users are counted one by one up to 10,000 an hour, then estimated', () => {
  const analytics = new MemoryAnalytics('g');
  const add = (i: number) => analytics.count({ userId: `u${i}`, kind: 'click', at: START_AT }, START_AT);
  for (let i = 0; i < 10_000; i += 1) add(i);
  const record = () => analytics.record(START_AT, START_AT) as HourRecord;
  expect(countSketches([record().users])).toEqual({ uniqueUsers: 10_000, approximate: false });
  for (let i = 0; i < 12_000; i += 1) add(i);
  const { uniqueUsers, approximate } = countSketches([record().users]);
  expect({ clicks: record().clicks, approximate }).toEqual({ clicks: 22_000, approximate: true });
  expect(Math.abs(uniqueUsers - 12_000)).toBeLessThanOrEqual(120);
});

test('[P16] an hour is kept until 27 h after its end', () => {
  const analytics = new MemoryAnalytics('g');
  analytics.count({ userId: 'u', kind: 'impression', at: START_AT }, START_AT);
  const endsAt = START_AT + 28 * HOUR_MS;
  analytics.trim(endsAt - 1);
  expect(analytics.record(START_AT, endsAt - 1)?.impressions).toBe(1);
  expect(analytics.record(START_AT, endsAt)).toBeNull();
  analytics.trim(endsAt);
  expect(analytics.record(START_AT, endsAt - 1)).toBeNull();
});
