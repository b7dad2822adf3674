/** The embedded store's clock when the machine's is set (P2). */
import { expect, test } from '@jest/globals';
import { steadyClock } from '../../presence-core/clock.ts';

test('[P2] a clock that is set back goes on from where it was, and one that is set forward is followed', () => {
  let wall = 1_000_000;
  const clock = steadyClock(() => wall);
  wall += 10;
  expect(clock()).toBe(1_000_010);
  wall -= 3_600_000;
  expect(clock()).toBe(1_000_010);
  wall += 500;
  expect(clock()).toBe(1_000_510);
  wall += 3_600_000;
  expect(clock()).toBe(4_600_510);
});

test('[P2] a clock that is corrected by less than a second waits', () => {
  let wall = 1_000_000;
  const clock = steadyClock(() => wall);
  wall -= 900;
  expect(clock()).toBe(1_000_000);
  wall += 1_000;
  expect(clock()).toBe(1_000_100);
});
