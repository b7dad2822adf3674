/** What is live when the examples of the routes happen. */
import { EXAMPLE_AT } from '../../gateway/http/example.ts';
import { type Attributes, MemoryStore } from '../../presence-core/index.ts';

/** Of ann, as the examples of guards have it. */
const GUARD = '0b9d7c52-5d0e-4c5e-9d8a-3c1f6b7a2e10';

/** Three users with four sessions, one of whom has no slot left, and one user who was kicked. */
export async function exampleStore(): Promise<MemoryStore> {
  let now = 0;
  const store = new MemoryStore({ clock: () => now });
  const open = (userId: string, sessionId: string, fromMs: number, toMs: number, attributes: Attributes) => {
    now = EXAMPLE_AT + fromMs;
    const owner = sessionId === GUARD ? 'guard' : 'heartbeat';
    return store.open({ userId, sessionId, owner, attributes, leaseMs: toMs - fromMs, intent: 'fresh' });
  };
  await store.setLimitOverride('cat', 1);
  await open('ann', 'tv-1', -1_200_000, 25_000, {
    streamId: 'tnt',
    deviceType: 'android',
    country: 'US',
    state: 'CA',
  });
  await open('bob', 'tablet-1', -600_000, 22_000, {
    streamId: 'espn',
    deviceType: 'apple',
    country: 'US',
    state: 'TX',
  });
  await open('eve', 'tv-3', -400_000, 60_000, { streamId: 'tnt' });
  await open('cat', 'tv-2', -300_000, 28_000, { streamId: 'espn', deviceType: 'apple', country: 'US', state: 'NY' });
  await store.close({ userId: 'eve', sessionId: 'tv-3', reason: 'kicked' });
  await open('ann', GUARD, -30_000, 60_000, { streamId: 'abc', deviceType: 'android', country: 'US', state: 'CA' });
  now = EXAMPLE_AT;
  await store.countEvent({ userId: 'ann', kind: 'click', at: EXAMPLE_AT });
  await store.countEvent({ userId: 'ann', kind: 'impression', at: EXAMPLE_AT });
  await store.countEvent({ userId: 'bob', kind: 'impression', at: EXAMPLE_AT });
  return store;
}
