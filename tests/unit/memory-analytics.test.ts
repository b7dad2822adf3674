import { expect, test } from '@jest/globals';
import { HyperLogLog } from '../../presence-core/hyper-log-log.ts';
import { MemoryAnalytics } from '../../presence-core/memory-analytics.ts';

const HOUR_MS = 3_600_000;
const START_AT = 480_000 * HOUR_MS;

test.each([0, 1, 10, 1_000, 50_000, 300_000])('an estimate of %d distinct texts is within 1.5 %%', (count) => {
  const log = new HyperLogLog();
  for (let i = 0; i < count; i += 1) for (let times = 0; times <= i % 2; times += 1) log.add(`id:${i}`);
  expect(Math.abs(log.estimate() - count)).toBeLessThanOrEqual(count * 0.015);
});

test('[P16] users are counted by name up to 10,000 an hour, then estimated', () => {
  const analytics = new MemoryAnalytics();
  const add = (i: number) => analytics.count({ userId: `u${i}`, kind: 'click', at: START_AT }, START_AT);
  for (let i = 0; i < 10_000; i += 1) add(i);
  expect(analytics.read(START_AT, START_AT)).toMatchObject({ uniqueUsers: 10_000, approximate: false });
  for (let i = 0; i < 12_000; i += 1) add(i);
  const { uniqueUsers, clicks, approximate } = analytics.read(START_AT, START_AT);
  expect({ clicks, approximate }).toEqual({ clicks: 22_000, approximate: true });
  expect(Math.abs(uniqueUsers - 12_000)).toBeLessThanOrEqual(120);
});

test('[P16] an hour is kept until 27 h after its end', () => {
  const analytics = new MemoryAnalytics();
  analytics.count({ userId: 'u', kind: 'impression', at: START_AT }, START_AT);
  const endsAt = START_AT + 28 * HOUR_MS;
  analytics.trim(endsAt - 1);
  expect(analytics.read(START_AT, endsAt - 1).impressions).toBe(1);
  expect(analytics.read(START_AT, endsAt).impressions).toBe(0);
  analytics.trim(endsAt);
  expect(analytics.read(START_AT, endsAt - 1).impressions).toBe(0);
});
