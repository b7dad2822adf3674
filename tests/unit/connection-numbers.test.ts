/** Numbers of connections, and what they are made of: the store's clock and a loop that may have stood still. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { LoopWatch } from '../../gateway/node/loop-watch.ts';
import { StoreClock } from '../../gateway/node/store-clock.ts';
import { ConnectionNumbers, helloGapMs, isNewer, isOfFormerTime } from '../../presence-core/connection-numbers.ts';

const AT = 1_900_000_000_000;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
});

afterEach(() => {
  jest.useRealTimers();
});

const numbersOf = (isTaken: (number: number) => boolean = () => false): ConnectionNumbers =>
  new ConnectionNumbers(isTaken);

test('[P7] a later hello has a greater number, also on another node', () => {
  const [a, b] = [numbersOf(), numbersOf()];
  expect(b.next(AT + 1)).toBeGreaterThan(a.next(AT));
  expect(a.next(AT + 2)).toBeGreaterThan(b.next(AT + 1));
  expect(helloGapMs(a.next(AT + 3_000), b.next(AT + 1_000))).toBe(2_000);
});

test('[P7] two hellos of a process never have one number', () => {
  const given = new Set<number>();
  const numbers = numbersOf((number) => given.has(number));
  // At the same instant, a little back and forth, and at instants of before.
  for (let i = 0; i < 6_000; i += 1)
    given.add(numbers.next(AT + [0, -100, 0, -3_000][i % 4]! - (i > 5_000 ? 5_000 : 0)));
  expect(given.size).toBe(6_000);
});

test('[P2] [P7] numbers follow a clock that was set back, and what was given before counts as older', () => {
  const numbers = numbersOf();
  const before = numbers.next(AT);
  const backAt = AT - 3_600_000;
  const after = numbers.next(backAt);
  expect(after).toBe(numbersOf().next(backAt));
  expect([isNewer(after, before, backAt), isNewer(before, after, backAt)]).toEqual([true, false]);
  // Of one time each.
  expect(isNewer(before + 1, before, backAt)).toBe(true);
  expect(isNewer(after + 1, after, backAt)).toBe(true);
  expect([isOfFormerTime(before, backAt), isOfFormerTime(after, backAt)]).toEqual([true, false]);
});

test('[P7] a hello that was held up has the number of when it came, whatever was numbered meanwhile', () => {
  const numbers = numbersOf();
  const ready = numbers.next(AT);
  const late = numbers.next(AT - 3_000);
  expect(helloGapMs(ready, late)).toBe(3_000);
  expect(numbers.next(AT + 1)).toBeGreaterThan(ready);
});

test('[P7] numbers are exact', () => {
  const farAt = Date.UTC(2240, 0);
  const number = numbersOf().next(farAt);
  expect(Number.isSafeInteger(number)).toBe(true);
  expect(numbersOf().next(farAt + 1)).toBeGreaterThan(number + 1_000);
  expect(Number.parseInt(number.toString(36), 36)).toBe(number);
});

test('[P7] the store\u2019s clock is known as well as by the fastest answer', () => {
  const clock = new StoreClock();
  clock.heard(AT, performance.now());
  jest.advanceTimersByTime(3_000);
  expect(clock.now()).toBe(AT + 3_000);
  // Asked 800 ms ago.
  const askedAt = performance.now();
  jest.advanceTimersByTime(800);
  clock.heard(AT + 3_100, askedAt);
  expect(clock.now()).toBe(AT + 3_800);
  jest.advanceTimersByTime(200);
  clock.heard(AT + 4_040, performance.now());
  expect(clock.now()).toBe(AT + 4_040);
});

test('[P2] [P4] what was dated before the store told its clock is known to be wrong, and by how much', () => {
  const clock = new StoreClock();
  expect(clock.isUnknown).toBe(true);
  const dated = clock.now();
  jest.advanceTimersByTime(3_000);
  const tooEarlyMs = clock.heard(AT + 3_000, performance.now());
  expect(Math.round(dated + tooEarlyMs)).toBe(AT);
  expect(clock.heard(AT + 3_500, performance.now())).toBe(0);
});

test.each([-3_600_000, -1_900, -5, 1_900])(
  '[P2] [P7] a store\u2019s clock that was set by %s ms is followed',
  (stepMs) => {
    const clock = new StoreClock();
    clock.heard(AT, performance.now());
    clock.heard(AT + stepMs, performance.now());
    expect(clock.now()).toBe(AT + stepMs);
  },
);

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

test('a loop tells how late it comes to its timer', () => {
  const late: number[] = [];
  const loop = new LoopWatch((lateMs) => late.push(Math.round(lateMs)));
  loop.start();
  jest.advanceTimersByTime(400);
  expect(late).toEqual([0, 0]);
  const now = jest.spyOn(performance, 'now').mockReturnValue(performance.now() + 1_200);
  jest.advanceTimersToNextTimer();
  expect(late).toEqual([0, 0, 1_000]);
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
