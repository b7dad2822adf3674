/** A wheel on a clock that the test moves. A loop that stands still is a clock that jumps while no timer runs. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { TimingWheel } from '../../presence-core/index.ts';

const PERIOD_MS = 10_000;
const SLOTS = 10;
const TICK_MS = PERIOD_MS / SLOTS;

let wheel: TimingWheel<number>;
/** Instants of visits, by member. */
let visits: number[][];
let standsStillMs: number;

beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
  standsStillMs = 0;
  const now = performance.now.bind(performance);
  jest.spyOn(performance, 'now').mockImplementation(() => now() + standsStillMs);
  visits = Array.from({ length: SLOTS }, () => []);
  wheel = new TimingWheel(PERIOD_MS, SLOTS, (members) => {
    for (const member of members) visits[member]?.push(performance.now());
  });
  for (let member = 0; member < SLOTS; member++) wheel.add(member);
  wheel.start();
});
afterEach(() => {
  wheel.stop();
  jest.restoreAllMocks();
  jest.useRealTimers();
});

test('[W21] each member is visited once a period, spread evenly', () => {
  jest.advanceTimersByTime(2 * PERIOD_MS);
  expect(visits).toEqual(Array.from({ length: SLOTS }, (_, i) => [(i + 1) * TICK_MS, (i + 1) * TICK_MS + PERIOD_MS]));
});

test('[W21] timers that come late do not add up: visits stay a period apart', () => {
  for (let n = 0; n <= 5 * SLOTS; n++) {
    standsStillMs += TICK_MS / 2;
    jest.advanceTimersByTime(TICK_MS / 2);
  }
  expect(visits.flat().length).toBeGreaterThanOrEqual(5 * SLOTS);
});

test('[W21] after the loop stood still the wheel catches up, a slice at a time', () => {
  standsStillMs = PERIOD_MS / 2;
  jest.advanceTimersByTime(PERIOD_MS / 2);
  // A period has passed, and so each member was visited, none twice.
  expect(visits.map((of) => of.length)).toEqual(visits.map(() => 1));
  const all = visits.flat();
  expect(new Set(all).size).toBe(SLOTS);
  jest.advanceTimersByTime(PERIOD_MS);
  expect(visits.at(-1)).toEqual([expect.any(Number), 2 * PERIOD_MS]);
});

test('[W21] after many periods without a turn each member is visited once, and then once a period', () => {
  standsStillMs = 20 * PERIOD_MS;
  jest.advanceTimersByTime(PERIOD_MS);
  expect(visits.every((of) => of.length >= 1)).toBe(true);
  expect(visits.flat().length).toBeLessThanOrEqual(2 * SLOTS + 2);
  const before = visits.map((of) => of.length);
  jest.advanceTimersByTime(10 * PERIOD_MS);
  expect(visits.map((of, i) => of.length - (before[i] as number))).toEqual(visits.map(() => 10));
});
