import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { statusesText } from '../../gateway/http/routes/statuses-text.ts';
import { statusAt, statusesOf } from '../../gateway/replica/statuses.ts';
import { HOSTILE_IDS } from '../support/hostile-ids.ts';

const NOW = 1_763_000_000_000;
const userId = fc.oneof(fc.stringMatching(/^[A-Za-z0-9_.:@-]{1,20}$/), fc.constantFrom(...HOSTILE_IDS));
const user = fc.oneof(
  fc.record({
    userId,
    online: fc.constant(true),
    sessions: fc.integer({ min: 0, max: 100 }),
    lastSeenAt: fc.constant(NOW),
  }),
  fc.record({
    userId,
    online: fc.constant(false),
    sessions: fc.constant(0),
    lastSeenAt: fc.option(fc.integer({ min: 1, max: NOW })),
  }),
);

test('statuses are written as JSON has them, and read back one by one', () => {
  const same = fc.property(fc.array(user, { minLength: 1, maxLength: 60 }), (users) => {
    const statuses = statusesOf(users);
    expect(statusesText(statuses)).toBe(JSON.stringify({ users }));
    expect(users.map((_, i) => statusAt(statuses, i))).toEqual(users);
  });
  fc.assert(same, { numRuns: 300 });
});
