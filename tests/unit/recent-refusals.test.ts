import { expect, test } from '@jest/globals';
import { RecentRefusals } from '../../gateway/metrics/recent-refusals.ts';

const REFUSED = { outcome: 'refused', current: 1, max: 1, conflicts: [], nextFreeAt: 0, displaced: [] } as const;

function refuse(refusals: RecentRefusals, userId: string, sessionId: string): void {
  refusals.add({ userId, sessionId, attributes: {}, owner: 'heartbeat', leaseMs: 1, intent: 'fresh' }, REFUSED);
}

test('five refusals of a user are kept, newest first', () => {
  let now = 0;
  const refusals = new RecentRefusals(() => ++now);
  for (let i = 0; i < 7; i += 1) refuse(refusals, 'ann', `s${i}`);
  expect(refusals.of('ann').map(({ at, sessionId }) => [at, sessionId])).toEqual([
    [7, 's6'],
    [6, 's5'],
    [5, 's4'],
    [4, 's3'],
    [3, 's2'],
  ]);
  expect(refusals.of('bob')).toEqual([]);
});

test('of the users the one who was refused longest ago is forgotten first', () => {
  const refusals = new RecentRefusals();
  for (let i = 0; i < 1_000; i += 1) refuse(refusals, `u${i}`, 's');
  refuse(refusals, 'u0', 't');
  refuse(refusals, 'one-more', 's');
  expect(refusals.of('u0')).toHaveLength(2);
  expect(refusals.of('u1')).toEqual([]);
  expect(refusals.of('u2')).toHaveLength(1);
});
