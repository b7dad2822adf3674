import { describe, expect, test } from '@jest/globals';
import { RecentBatches, reaches } from '../../gateway/subscriptions/recent-batches.ts';
import type { Change } from '../../presence-core/index.ts';

const batch = (size: number, ...positions: number[]) => ({
  changes: Array.from({ length: size }, () => ({}) as Change),
  cursor: positions.join('.'),
  positions,
});

describe('RecentBatches', () => {
  test('gives the batches after a place, also when the place is between two or in a part of the shards', () => {
    const recent = new RecentBatches([5, 5]);
    for (const each of [batch(1, 6, 5), batch(2, 7, 6), batch(1, 7, 7)]) recent.add(each);
    const cursorsSince = (...positions: number[]) => recent.since(positions)?.map((each) => each.cursor);
    expect(cursorsSince(5, 5)).toEqual(['6.5', '7.6', '7.7']);
    expect(cursorsSince(7, 5)).toEqual(['7.6', '7.7']);
    expect(cursorsSince(6, 7)).toEqual(['7.6', '7.7']);
    expect(cursorsSince(7, 7)).toEqual([]);
    expect(cursorsSince(9, 9)).toEqual([]);
    expect(cursorsSince(4, 9)).toBeUndefined();
  });

  test('[P14] keeps a bounded number of changes, and knows what it no longer has', () => {
    const recent = new RecentBatches([0]);
    for (let i = 1; i <= 20; i++) recent.add(batch(1_000, i * 1_000));
    expect(recent.since([11_999])).toBeUndefined();
    expect(recent.since([12_000])).toHaveLength(8);
    recent.add(batch(10_000, 30_000));
    expect(recent.since([20_000])).toBeUndefined();
    expect(recent.since([30_000])).toEqual([]);
  });
});

test('reaches', () => {
  expect([reaches([1, 2], [1, 2]), reaches([1, 2], [2, 2]), reaches([3, 3], [1, 2])]).toEqual([true, false, true]);
});
