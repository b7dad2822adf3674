/** Numbers of connections, and what they are made of: the store's clock and a loop that may have stood still. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { LoopWatch } from '../../gateway/node/loop-watch.ts';
import { StoreClock } from '../../gateway/node/store-clock.ts';
import { ConnectionNumbers } from '../../presence-core/connection-numbers.ts';

const AT = 1_900_000_000_000;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
});

afterEach(() => {
  jest.useRealTimers();
});

test('[P7] a later hello has a greater number, also on another node', () => {
  const [a, b] = [new ConnectionNumbers(), new ConnectionNumbers()];
  expect(b.next(AT + 1)).toBeGreaterThan(a.next(AT));
  expect(a.next(AT + 2)).toBeGreaterThan(b.next(AT + 1));
  expect(a.next(AT + 1_003) - a.next(AT)).toBeLessThan(0);
});

test('[P7] two hellos of a process never have one number, nor the later one the smaller', () => {
  const numbers = new ConnectionNumbers();
  const given = Array.from({ length: 5_000 }, (_, i) => numbers.next(i % 2 === 0 ? AT : AT - 5_000));
  expect(given).toEqual([...new Set(given)].sort((x, y) => x - y));
});

test('[P7] numbers are exact, and as many ms apart as their hellos', () => {
  const farAt = Date.UTC(2240, 0);
  const number = new ConnectionNumbers().next(farAt);
  expect(Number.isSafeInteger(number)).toBe(true);
  expect(new ConnectionNumbers().next(farAt + 1)).toBeGreaterThan(number + 1_000);
  expect(Number.parseInt(number.toString(36), 36)).toBe(number);
});

test('[P7] the store\u2019s clock is taken from the answer that was fastest', () => {
  const clock = new StoreClock();
  clock.heard(AT);
  jest.advanceTimersByTime(3_000);
  expect(clock.now()).toBe(AT + 3_000);
  // On its way for 800 ms.
  clock.heard(AT + 2_200);
  expect(clock.now()).toBeGreaterThan(AT + 2_990);
  jest.advanceTimersByTime(3_000);
  clock.heard(AT + 6_040);
  expect(clock.now()).toBe(AT + 6_040);
});

test('[P2] [P7] a store\u2019s clock that was set back is believed', () => {
  const clock = new StoreClock();
  clock.heard(AT);
  clock.heard(AT - 3_600_000);
  expect(clock.now()).toBe(AT - 3_600_000);
});

test('[P7] what is handled right after the loop stood still may have come when that began', () => {
  const loop = new LoopWatch();
  loop.start();
  jest.advanceTimersByTime(1_000);
  expect(loop.heldUpMs()).toBe(0);
  // Stood still: time passes, and no timer runs.
  const stoodStill = performance.now() + 3_000;
  const now = jest.spyOn(performance, 'now').mockReturnValue(stoodStill);
  expect(loop.heldUpMs()).toBe(3_000);
  now.mockReturnValue(stoodStill + 100);
  expect(loop.heldUpMs()).toBe(3_100);
  jest.advanceTimersToNextTimer();
  now.mockReturnValue(stoodStill + 550);
  expect(loop.heldUpMs()).toBe(0);
  now.mockRestore();
  loop.stop();
});

test('[P7] a loop that stood still is noticed also by a timer that runs before the message', () => {
  const loop = new LoopWatch();
  loop.start();
  const now = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 2_000);
  jest.advanceTimersToNextTimer();
  expect(loop.heldUpMs()).toBeGreaterThanOrEqual(1_900);
  now.mockRestore();
  loop.stop();
});
