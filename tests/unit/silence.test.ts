/** What a silence extends, by one function for all acts and reads of the memory store (P9). */
import { describe, expect, test } from '@jest/globals';
import {
  answered,
  isMarked,
  leaseUntil,
  marked,
  NO_SILENCE,
  runsUntil,
  type Silence,
  trueEnd,
} from '../../presence-core/silence.ts';

const T = 1_750_000_000_000;
/** Began at 100, was answered at 500, extends to 800. */
const SILENCE: Silence = { answeredAt: T + 500, graceMs: 300, chain: [{ number: 7, beganAt: T + 100 }] };

describe('[P9] until when a lease runs', () => {
  test.each([
    ['over before the silence began', 50, SILENCE, 600, 50],
    ['over when it began', 100, SILENCE, 600, 100],
    ['over in the silence', 101, SILENCE, 600, 800],
    ['over when it was answered', 500, SILENCE, 500, 800],
    ['over after the answer', 650, SILENCE, 700, 800],
    ['over at this instant', 700, SILENCE, 700, 800],
    ['still running by itself', 701, SILENCE, 700, 701],
    ['running past the extension', 900, SILENCE, 700, 900],
    ['at the last instant of the extension', 200, SILENCE, 799, 800],
    ['when the extension is over', 200, SILENCE, 800, 200],
    ['without any silence', 200, NO_SILENCE, 300, 200],
  ])('%s', (_, lease, silence, now, expected) => {
    expect(runsUntil(T + lease, silence, T + now)).toBe(T + expected);
  });

  test('a lease set in the extension ends when it says, and a later silence extends it', () => {
    const lease = leaseUntil(T + 650, SILENCE);
    expect(lease).not.toBe(T + 650);
    expect(trueEnd(lease)).toBe(T + 650);
    expect(runsUntil(lease, SILENCE, T + 649)).toBe(T + 650);
    expect(runsUntil(lease, SILENCE, T + 650)).toBe(T + 650);
    const later = answered(SILENCE, { number: 8, beganAt: T + 600 }, T + 700, 300);
    expect(runsUntil(lease, later, T + 720)).toBe(T + 1_000);
  });

  test('what an extension keeps alive, a silence that begins in it extends on, and no more', () => {
    const next = answered(SILENCE, { number: 8, beganAt: T + 600 }, T + 790, 300);
    const third = answered(next, { number: 9, beganAt: T + 1_000 }, T + 1_080, 300);
    expect(runsUntil(T + 200, third, T + 1_100)).toBe(T + 1_380);
    expect(runsUntil(T + 100, third, T + 1_100)).toBe(T + 100);
    // One that was set in the first extension and ended before the next silence began.
    const over = leaseUntil(T + 550, SILENCE);
    expect(runsUntil(over, next, T + 800)).toBe(T + 550);
    // One that was set in the first extension and ended in the next silence: that extends it, and the third extends it on.
    const set = leaseUntil(T + 700, SILENCE);
    expect(runsUntil(set, next, T + 800)).toBe(T + 1_090);
    expect(runsUntil(set, third, T + 1_100)).toBe(T + 1_380);
    // One that began when the extension was over.
    const apart = answered(SILENCE, { number: 8, beganAt: T + 800 }, T + 900, 300);
    expect(runsUntil(T + 200, apart, T + 950)).toBe(T + 200);
  });

  test('a lease that outlasts the extension is kept as it is', () => {
    expect(leaseUntil(T + 800, SILENCE)).toBe(T + 800);
    expect(leaseUntil(T + 5, NO_SILENCE)).toBe(T + 5);
  });

  test('marks keep the end of a lease to the millisecond, for any number, and tell neighbours apart', () => {
    for (let number = 0; number < 3_000; number += 1) {
      const lease = marked(T + 1, number);
      expect(trueEnd(lease)).toBe(T + 1);
      // The comparisons with whole instants are exact.
      expect([lease > T, lease <= T + 1]).toEqual([true, true]);
      expect([isMarked(lease, number), isMarked(lease, number + 1), isMarked(T + 1, number)]).toEqual([
        true,
        false,
        false,
      ]);
    }
  });
});
