/** Renewals of held sessions, by a store whose answers the test gives by hand. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { HeldPlayer } from '../../gateway/node/held-player.ts';
import { Renewals } from '../../gateway/node/renewals.ts';
import { MemoryStore, type RenewRequest, type RenewResult, StoreError } from '../../presence-core/index.ts';

const LEASE_MS = 600_000;

/** What happened to players, as `<connection> <what>`. */
let acts: string[];
let requests: RenewRequest[];
let answer: (request: RenewRequest) => RenewResult | Promise<RenewResult>;
let renewals: Renewals;

const gone = (): RenewResult => ({ outcome: 'gone' });
const renewed = (): RenewResult => ({ outcome: 'renewed', expiresAt: 1 });

beforeEach(() => {
  jest.useFakeTimers();
  acts = [];
  requests = [];
  answer = renewed;
  const store = new MemoryStore();
  store.sessions.renew = (batch) => {
    requests.push(...batch);
    return Promise.all(batch.map(async (request) => answer(request)));
  };
  renewals = new Renewals({ store, sessionLeaseMs: LEASE_MS });
});
afterEach(() => {
  renewals.stop();
  jest.useRealTimers();
});

type TestPlayer = { -readonly [Key in keyof HeldPlayer]: HeldPlayer[Key] };

function playerOf(connection: number): TestPlayer {
  return {
    connection,
    session: { userId: `u${connection}`, sessionId: 's' },
    owner: { nodeId: 'n', connection },
    isDue: false,
    isUnchecked: false,
    renewSlot: 0,
    lost: () => {},
    redated: () => {},
    reopen: async () => {},
    missed: (owner, miss) => void acts.push(`${connection} ${owner.connection} ${miss.outcome}`),
    displaced: () => {},
  };
}

async function renewAll(...players: HeldPlayer[]): Promise<void> {
  const done = renewals.renewAll(players, 0);
  await jest.advanceTimersByTimeAsync(10);
  await done;
}

test.each<[RenewResult, string[]]>([
  [{ outcome: 'gone' }, ['1 1 gone']],
  [{ outcome: 'moved' }, ['1 1 moved']],
  [{ outcome: 'ended', reason: 'kicked' }, ['1 1 ended']],
  [{ outcome: 'fenced' }, ['1 1 fenced']],
  [{ outcome: 'renewed', expiresAt: 1 }, []],
])('[P5] [P7] [P9] a notice that was lost is made good by the renewal: %j', async (result, expected) => {
  answer = () => result;
  await renewAll(playerOf(1));
  expect(acts).toEqual(expected);
});

test('[P7] each answer is of its own player', async () => {
  answer = ({ userId }) => (userId === 'u2' ? { outcome: 'moved' } : userId === 'u3' ? gone() : renewed());
  await renewAll(playerOf(1), playerOf(2), playerOf(3));
  expect(acts).toEqual(['2 2 moved', '3 3 gone']);
});

test('[P9] an answer names the owner under which it was asked', async () => {
  const player = playerOf(1);
  answer = () => {
    player.owner = { nodeId: 'n', connection: 7 };
    return { outcome: 'moved' };
  };
  await renewAll(player);
  expect(acts).toEqual(['1 1 moved']);
});

test('every held session is renewed three times a lease, under the owner that opened it', async () => {
  const players = Array.from({ length: 100 }, (_, i) => playerOf(i));
  for (const player of players) renewals.add(player);
  renewals.start();
  await jest.advanceTimersByTimeAsync(LEASE_MS);
  expect(requests).toHaveLength(300);
  for (const { session, owner } of players) {
    const { userId, sessionId } = session!;
    const own = requests.filter((request) => request.userId === userId);
    expect(own).toEqual(Array(3).fill({ userId, sessionId, owner, leaseMs: LEASE_MS }));
  }
});

test('a renewal without an answer changes nothing, and is made again', async () => {
  answer = () => Promise.reject(new StoreError('store_unavailable', 'away'));
  renewals.add(playerOf(1));
  renewals.start();
  await jest.advanceTimersByTimeAsync(LEASE_MS / 3);
  expect([requests.length, acts]).toEqual([1, []]);
  answer = gone;
  await jest.advanceTimersByTimeAsync(LEASE_MS / 3);
  expect([requests.length, acts]).toEqual([2, ['1 1 gone']]);
});

test('[P9] what is over, or is to be opened, is left alone', async () => {
  answer = gone;
  const [over, due] = [playerOf(1), playerOf(2)];
  over.session = undefined;
  due.owner = undefined;
  await renewAll(over, due);
  expect([requests, acts]).toEqual([[], []]);
});

test('one that left the wheel is renewed no more', async () => {
  const [stays, leaves] = [playerOf(1), playerOf(2)];
  for (const player of [stays, leaves]) renewals.add(player);
  renewals.remove(leaves);
  renewals.start();
  await jest.advanceTimersByTimeAsync(LEASE_MS / 3);
  expect(requests.map(({ userId }) => userId)).toEqual(['u1']);
});
