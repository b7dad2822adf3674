import { expect, test } from '@jest/globals';
import type { HourRecord } from '../../presence-core/index.ts';
import { MemoryAnalytics } from '../../presence-core/memory/analytics.ts';
import { countSketches } from '../../presence-core/sketches.ts';

const HOUR_MS = 3_600_000;
const START_AT = 480_000 * HOUR_MS;

test('[P16] users are counted one by one up to 10,000 an hour, then estimated', async () => {
  const analytics = new MemoryAnalytics('g', () => START_AT);
  const add = (i: number) => analytics.count({ userId: `u${i}`, kind: 'click', at: START_AT });
  for (let i = 0; i < 10_000; i += 1) await add(i);
  const record = async () => (await analytics.hour(START_AT)) as HourRecord;
  expect(countSketches([(await record()).users])).toEqual({ uniqueUsers: 10_000, approximate: false });
  for (let i = 0; i < 12_000; i += 1) await add(i);
  const { users, clicks } = await record();
  const { uniqueUsers, approximate } = countSketches([users]);
  expect({ clicks, approximate }).toEqual({ clicks: 22_000, approximate: true });
  expect(Math.abs(uniqueUsers - 12_000)).toBeLessThanOrEqual(120);
});

test('[P16] an hour is kept until 27 h after its end', async () => {
  let now = START_AT;
  const analytics = new MemoryAnalytics('g', () => now);
  await analytics.count({ userId: 'u', kind: 'impression', at: START_AT });
  const endsAt = START_AT + 28 * HOUR_MS;
  now = endsAt - 1;
  analytics.trim();
  expect((await analytics.hour(START_AT))?.impressions).toBe(1);
  now = endsAt;
  expect(await analytics.hour(START_AT)).toBeNull();
  analytics.trim();
  now = endsAt - 1;
  expect(await analytics.hour(START_AT)).toBeNull();
});
