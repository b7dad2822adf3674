/** Detaches that failed, by a store whose answers the test gives by hand. */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { Detaches } from '../../gateway/node/detaches.ts';
import { type DetachResult, MemoryStore, type OwnedRef, StoreError } from '../../presence-core/index.ts';

/** As Redis takes no more items in flight. */
const MOST = 50_000;

/** One for all, as each of its own would cost a stack. */
const AWAY = new StoreError('store_unavailable', 'away');

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
    if (isAway || refs.length > MOST) throw AWAY;
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
    if (answers <= 0) throw AWAY;
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

test('[P7] [P8] what nobody knows of gets no grace, sent now or later', async () => {
  let isAway = true;
  const graces: [string, number][] = [];
  const store = new MemoryStore();
  store.sessions.detach = async (refs, graceMs) => {
    if (isAway) throw AWAY;
    for (const { userId } of refs) graces.push([userId, graceMs]);
    return refs.map(() => ({ outcome: 'detached', expiresAt: 0 }) as const);
  };
  const detaches = new Detaches(store, 10_000);
  detaches.detach(refOf(1));
  detaches.detach(refOf(2), true, true);
  detaches.detach(refOf(3), true);
  await detaches.settled();
  isAway = false;
  await detaches.retry();
  detaches.detach(refOf(4), true, true);
  await detaches.settled();
  expect(graces.sort()).toEqual([
    ['u1', 10_000],
    ['u2', 0],
    ['u3', 10_000],
    ['u4', 0],
  ]);
});

describe('[P7] a session whose open had no answer', () => {
  /** How often a detach was sent, at which instants. */
  let sentAt: number[];
  let answer: () => DetachResult;
  let detaches: Detaches;
  const gone = (): DetachResult => ({ outcome: 'gone' });
  const beats = async (times: number): Promise<void> => {
    for (let i = 0; i < times; i++) {
      jest.advanceTimersByTime(3_000);
      await detaches.retry();
    }
  };
  const start = async (isUncertain: boolean): Promise<void> => {
    jest.useFakeTimers();
    sentAt = [];
    const store = new MemoryStore();
    store.sessions.detach = async (refs) => {
      sentAt.push(performance.now());
      return refs.map(() => answer());
    };
    detaches = new Detaches(store, 10_000);
    detaches.detach(refOf(1), isUncertain);
    await detaches.settled();
  };
  afterEach(() => {
    jest.useRealTimers();
  });

  test.each<DetachResult>([
    { outcome: 'gone' },
    { outcome: 'moved' },
    { outcome: 'fenced' },
    { outcome: 'ended', reason: 'left' },
    { outcome: 'detached', expiresAt: 1 },
  ])(
    'is detached again for 30 s after the first answer, also when that is %j: it may be opened yet',
    async (result) => {
      answer = () => {
        throw AWAY;
      };
      await start(true);
      await beats(20);
      const away = sentAt.length;
      expect(away).toBe(21);
      answer = () => result;
      await beats(20);
      const [first = 0] = sentAt.slice(away);
      const last = sentAt.at(-1) ?? 0;
      expect(last - first).toBe(30_000);
    },
  );

  test.each(['answers', 'is away'])(
    'is detached again also when another open of its socket is given up that was answered, as the store %s',
    async (state) => {
      answer = gone;
      await start(true);
      if (state === 'is away') {
        answer = () => {
          throw AWAY;
        };
      }
      detaches.detach(refOf(1), false);
      await detaches.settled();
      answer = gone;
      const before = sentAt.length;
      await beats(5);
      expect(sentAt).toHaveLength(before + 5);
    },
  );

  test('is not one whose open was answered: gone is gone', async () => {
    answer = gone;
    await start(false);
    await beats(3);
    expect(sentAt).toHaveLength(1);
  });
});

test('[P8] two beats at once send what is kept once', async () => {
  const answers: (() => void)[] = [];
  let isAway = true;
  const store = new MemoryStore();
  store.sessions.detach = async (refs) => {
    if (isAway) throw AWAY;
    await new Promise<void>((resolve) => answers.push(resolve));
    return refs.map(() => ({ outcome: 'detached', expiresAt: 0 }) as const);
  };
  const detaches = new Detaches(store, 10_000);
  detaches.detach(refOf(1));
  await detaches.settled();
  isAway = false;
  const beats = [detaches.retry(), detaches.retry()];
  expect(answers).toHaveLength(1);
  answers[0]?.();
  await Promise.all(beats);
});

test('[P14] what is kept is bounded: the oldest is left to its lease', async () => {
  let isAway = true;
  const users = new Set<string>();
  const store = storeThat((refs) => {
    if (isAway) throw AWAY;
    for (const { userId } of refs) users.add(userId);
  });
  const detaches = new Detaches(store, 10_000, 100);
  for (let i = 0; i < 102; i += 1) detaches.detach(refOf(i));
  await detaches.settled();
  isAway = false;
  await detaches.retry();
  expect([users.size, users.has('u0'), users.has('u1'), users.has('u2')]).toEqual([100, false, false, true]);
});
