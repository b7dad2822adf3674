/** The demo's world: as varied as it says, and its history one that a gateway could have written. */
import { expect, test } from '@jest/globals';
import { makeDay } from '../../bench/demo-history.ts';
import { LIMIT, makeViewers, STREAMS, shareAt } from '../../bench/world.ts';

const VIEWERS = makeViewers(300);
const NOW = Date.UTC(2026, 10, 21, 20);

test('has 20 streams, 6 types of devices, 12 countries, and households with more screens than slots', () => {
  expect(new Set(STREAMS).size).toBe(20);
  expect(new Set(VIEWERS.map(({ device }) => device.deviceType)).size).toBe(6);
  const many = makeViewers(5_000);
  expect(new Set(many.map(({ place }) => place.country)).size).toBe(12);
  expect(VIEWERS).toHaveLength(300);
  expect(VIEWERS.some(({ isKeen }) => isKeen)).toBe(true);
});

test('has an evening, and a night', () => {
  const shares = Array.from({ length: 24 }, (_, hour) => shareAt(new Date(2026, 10, 21, hour).getTime()));
  expect(shares.indexOf(Math.max(...shares))).toBe(21);
  expect(shares.indexOf(Math.min(...shares))).toBe(9);
});

test('its history has each minute of a day, and no user above the limit', () => {
  const { minutes, rows } = makeDay(VIEWERS, NOW);
  expect(minutes.map(({ at }) => at)).toEqual(Array.from({ length: 1_440 }, (_, i) => NOW - (1_440 - i) * 60_000));
  expect(rows.length).toBeGreaterThan(1_000);
  expect(rows.filter(({ startedAt, endedAt }) => startedAt > endedAt || endedAt > NOW)).toEqual([]);
  const names = rows.map(({ userId, sessionId, sessionStartedAt, segment }) =>
    [userId, sessionId, sessionStartedAt, segment].join(),
  );
  expect(new Set(names).size).toBe(names.length);
  for (const { at } of minutes.filter((_, i) => i % 60 === 0)) {
    const live = rows.filter(({ startedAt, endedAt }) => startedAt <= at && at < endedAt);
    const counts = new Map<string, number>();
    for (const { userId } of live) counts.set(userId, (counts.get(userId) ?? 0) + 1);
    expect(Math.max(0, ...counts.values())).toBeLessThanOrEqual(LIMIT);
  }
});
