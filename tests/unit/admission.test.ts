import { describe, expect, test } from '@jest/globals';
import { admit, byAge, MAX_SESSIONS, nextFreeAt, type Slot } from '../../presence-core/admission.ts';

const slot = (sessionId: string, startedAt: number): Slot => ({ sessionId, startedAt });
const live = [slot('c', 3), slot('a', 1), slot('b', 2)];
const ids = (slots: readonly Slot[]) => slots.map((one) => one.sessionId);

describe('admission', () => {
  test('[P4] there is room below the limit only', () => {
    expect(admit(live, { room: 4, onLimit: 'reject', replace: [] }).admitted).toBe(true);
    expect(admit(live, { room: 3, onLimit: 'reject', replace: [] }).admitted).toBe(false);
  });

  test('[P5] evicts the oldest, as many as it takes', () => {
    const { admitted, evicted, kept } = admit(live, { room: 2, onLimit: 'evict-oldest', replace: [] });
    expect([admitted, ids(evicted), ids(kept)]).toEqual([true, ['a', 'b'], ['c']]);
  });

  test('[P5] evicts nobody when there will be no room anyhow', () => {
    const { admitted, evicted } = admit(live, { room: 0, onLimit: 'evict-oldest', replace: [] });
    expect([admitted, evicted]).toEqual([false, []]);
  });

  test('[P5] replaces in the order named, each once, before it evicts', () => {
    const { replaced, evicted, kept } = admit(live, {
      room: 1,
      onLimit: 'evict-oldest',
      replace: ['c', 'x', 'a', 'c'],
    });
    expect([ids(replaced), ids(evicted), ids(kept)]).toEqual([['c', 'a'], ['b'], []]);
  });

  test('[P5] replaces even when it then refuses', () => {
    const { admitted, replaced, kept } = admit(live, { room: 1, onLimit: 'reject', replace: ['c'] });
    expect([admitted, ids(replaced), ids(kept)]).toEqual([false, ['c'], ['a', 'b']]);
  });

  test('[P5] age goes by start, then by id', () => {
    expect(ids([slot('b', 1), slot('c', 0), slot('a', 1)].sort(byAge))).toEqual(['c', 'a', 'b']);
  });

  test('[P5] the next slot frees with the first lease to end', () => {
    expect(nextFreeAt([{ expiresAt: 500 }, { expiresAt: 300 }], 100)).toBe(300);
    expect(nextFreeAt([], 100)).toBe(100);
  });

  test('[P14] nobody has more than 128 sessions', () => {
    expect(MAX_SESSIONS).toBe(128);
  });
});
