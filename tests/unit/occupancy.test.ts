import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Occupancy } from '../../gateway/replica/occupancy.ts';
import { OFFLINE } from '../../gateway/replica/statuses.ts';

/** Few and short, so that they come again; some do not fit a line, or have characters of more than a byte. */
const userId = fc.oneof(
  fc.stringMatching(/^[ab.]{1,5}$/),
  fc.integer({ min: 0, max: 40 }).map((n) => 'x'.repeat(30 + n)),
  // The last ones have a byte in common with the first.
  fc.constantFrom('A', '\xe9', '\u0141', '\u01e9', '\u{1f641}', 'e\u0301', 'x\u0178'),
);
const act = fc.oneof(
  fc.record({ userId, sessions: fc.integer({ min: 0, max: 100 }) }),
  fc.record({ userId, sessions: fc.constant(undefined) }),
);

describe('occupancy', () => {
  test('is what a map would be', () => {
    const same = fc.property(fc.array(act, { maxLength: 400 }), fc.array(userId, { maxLength: 300 }), (acts, asked) => {
      const [occupancy, map] = [new Occupancy(), new Map<string, number>()];
      for (const { userId, sessions } of acts) {
        if (sessions === undefined) {
          occupancy.delete(userId);
          map.delete(userId);
        } else {
          occupancy.set(userId, sessions);
          map.set(userId, sessions);
        }
      }
      const all = [...asked, ...map.keys()];
      expect(occupancy.of(all)).toEqual(all.map((each) => map.get(each) ?? OFFLINE));
    });
    fc.assert(same, { numRuns: 200 });
  });

  test('keeps all while it grows and empties', () => {
    const occupancy = new Occupancy();
    const ids = Array.from({ length: 30_000 }, (_, i) => `user-${i}`);
    for (const [i, id] of ids.entries()) occupancy.set(id, i % 7);
    expect(occupancy.of(ids)).toEqual(ids.map((_, i) => i % 7));
    for (const [i, id] of ids.entries()) if (i % 3 !== 0) occupancy.delete(id);
    expect(occupancy.of(ids)).toEqual(ids.map((_, i) => (i % 3 === 0 ? i % 7 : OFFLINE)));
    for (const id of ids) occupancy.delete(id);
    expect(occupancy.of(ids).every((sessions) => sessions === OFFLINE)).toBe(true);
  });
});
