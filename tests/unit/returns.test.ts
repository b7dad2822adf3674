/** When holders without a socket are due again (P10). */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Returns } from '../../gateway/node/returns.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('[P10] the latest counts, a second longer, whoever answered it', () => {
  const returns = new Returns(60_000);
  expect(returns.leftMs()).toBe(0);
  returns.answered(10_000);
  returns.answered(2_000);
  expect([returns.ownLeftMs(), returns.leftMs()]).toEqual([11_000, 11_000]);
  returns.told(20_000);
  expect([returns.ownLeftMs(), returns.leftMs()]).toEqual([11_000, 20_000]);
  jest.advanceTimersByTime(15_000);
  expect([returns.ownLeftMs(), returns.leftMs()]).toEqual([0, 5_000]);
  jest.advanceTimersByTime(5_000);
  expect(returns.leftMs()).toBe(0);
});

test('[P2] [P10] what was told before the clock was set back keeps nobody waiting for longer than anybody may take', () => {
  const returns = new Returns(60_000);
  returns.told(3_600_000);
  expect(returns.leftMs()).toBe(60_000);
  expect(returns.bound(3_600_000)).toBe(60_000);
  expect(returns.bound(-5)).toBe(0);
});
