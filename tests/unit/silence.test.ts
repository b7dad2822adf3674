/** What a silence extends, by one function for all acts and reads of the memory store (P9). */
import { describe, expect, test } from '@jest/globals';
import {
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
const SILENCE: Silence = { beganAt: T + 100, answeredAt: T + 500, graceMs: 300, number: 7 };

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
    const later = { ...SILENCE, beganAt: T + 600, answeredAt: T + 700, number: 8 };
    expect(runsUntil(lease, later, T + 720)).toBe(T + 1_000);
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
