/** Detaches that failed, by a store whose answers the test gives by hand. */
import { expect, test } from '@jest/globals';
import { Detaches } from '../../gateway/node/detaches.ts';
import { MemoryStore, type OwnedRef, StoreError } from '../../presence-core/index.ts';

/** As Redis takes no more items in flight. */
const MOST = 50_000;

function storeThat(detach: (refs: readonly OwnedRef[]) => void) {
  const store = new MemoryStore();
  store.sessions.detach = async (refs) => {
    detach(refs);
    return refs.map(() => ({ outcome: 'detached', expiresAt: 0 }) as const);
  };
  return store;
}

const refOf = (i: number): OwnedRef => ({
  userId: `u${i}`,
  sessionId: 's',
  owner: { nodeId: 'n', connection: i },
});

test('[P8] [P14] however many failed, they get through once the store answers', async () => {
  let isAway = true;
  const detached = new Set<string>();
  const store = storeThat((refs) => {
    if (isAway || refs.length > MOST) throw new StoreError('store_unavailable', 'away, or too many at once');
    for (const { userId } of refs) detached.add(userId);
  });
  const detaches = new Detaches(store, 10_000);
  for (let i = 0; i < 60_000; i += 1) detaches.detach(refOf(i));
  await detaches.settled();
  await detaches.retry();
  expect(detached.size).toBe(0);
  isAway = false;
  await detaches.retry();
  expect(detached.size).toBe(60_000);
});

test('[P8] a batch that fails again keeps what is left for the next time, and repeats nothing that got through', async () => {
  let answers = 0;
  const calls: number[] = [];
  const store = storeThat((refs) => {
    if (answers <= 0) throw new StoreError('store_unavailable', 'away');
    answers -= 1;
    calls.push(refs.length);
  });
  const detaches = new Detaches(store, 10_000);
  for (let i = 0; i < 12_000; i += 1) detaches.detach(refOf(i));
  await detaches.settled();
  answers = 1;
  await detaches.retry();
  answers = Number.POSITIVE_INFINITY;
  await detaches.retry();
  await detaches.retry();
  expect(calls).toEqual([5_000, 5_000, 2_000]);
});
