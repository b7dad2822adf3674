/** Topic `stats`: when it is read, who is told, and what a message says of the time in which sessions may be missing (P10). */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { PresenceReads } from '../../gateway/replica/reads.ts';
import type { SendQueue } from '../../gateway/subscriptions/send-queue.ts';
import { StatsSubscription } from '../../gateway/subscriptions/stats-subscription.ts';
import { StatsTicker } from '../../gateway/subscriptions/stats-ticker.ts';
import { StoreError } from '../../presence-core/index.ts';

const INTERVAL_MS = 1_000;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'nextTick'] });
});
afterEach(() => {
  jest.useRealTimers();
});

/** A ticker whose reads are counted, and answer with their number. */
function countedTicker() {
  const state = { reads: 0, isQuiet: false, isAway: false };
  const reads = {
    count: async () => {
      state.reads += 1;
      if (state.isAway) throw new StoreError('store_unavailable', 'away');
      return { value: { users: state.reads, sessions: 0 } };
    },
    top: async () => ({ value: [] }),
  } as unknown as PresenceReads;
  const ticker = new StatsTicker(reads, INTERVAL_MS, { isQuiet: () => state.isQuiet, isDegraded: () => false });
  return { state, ticker };
}

const usersOf = (frame: string): number => JSON.parse(frame).stats.users;

function listener() {
  const told: number[] = [];
  return { told, stats: (frame: string) => void told.push(usersOf(frame)) };
}

const pass = (): Promise<void> => jest.advanceTimersByTimeAsync(INTERVAL_MS);

test.each([
  ['neither before nor after', [false, false], undefined],
  ['only before', [true, false], true],
  ['only after', [false, true], true],
  ['before and after', [true, true], true],
] as const)(
  '[P10] [W28] statistics are marked when sessions may be missing %s its reads',
  async (_, [before, after], mark) => {
    let isDegraded: boolean = before;
    const read = async <T>(value: T) => {
      isDegraded = after;
      return { value };
    };
    const reads = {
      count: () => read({ users: 1, sessions: 2 }),
      top: () => read([]),
    } as unknown as PresenceReads;
    const ticker = new StatsTicker(reads, INTERVAL_MS, { isQuiet: () => false, isDegraded: () => isDegraded });
    const frame = JSON.parse(await ticker.now());
    expect(frame).toMatchObject({ type: 'snapshot', stats: { users: 1, sessions: 2 } });
    expect(frame.degraded).toBe(mark);
  },
);

test('[W28] all who subscribe are told what is read once an interval, and who comes between what was read last', async () => {
  const { state, ticker } = countedTicker();
  const [one, two] = [listener(), listener()];
  ticker.add(one);
  await pass();
  ticker.add(two);
  expect(usersOf(await ticker.now())).toBe(1);
  await pass();
  expect([one.told, two.told]).toEqual([[1, 2], [2]]);
  expect(state.reads).toBe(2);
});

test('[P10] [W28] while sessions are restored nothing is said', async () => {
  const { state, ticker } = countedTicker();
  const one = listener();
  ticker.add(one);
  state.isQuiet = true;
  await pass();
  expect(state.reads).toBe(0);
  state.isQuiet = false;
  await pass();
  expect(one.told).toEqual([1]);
});

test('[W28] what was read before the store went away is given to nobody who comes after', async () => {
  const { state, ticker } = countedTicker();
  const one = listener();
  ticker.add(one);
  await pass();
  state.isAway = true;
  await pass();
  await expect(ticker.now()).rejects.toThrow('away');
  state.isAway = false;
  await pass();
  expect(one.told).toEqual([1, 4]);
});

test('[W28] while nobody subscribes nothing is read, and nothing old is kept', async () => {
  const { state, ticker } = countedTicker();
  const one = listener();
  ticker.add(one);
  await pass();
  ticker.remove(one);
  await pass();
  expect(state.reads).toBe(1);
  expect(usersOf(await ticker.now())).toBe(2);
  ticker.add(one);
  await pass();
  expect(one.told).toEqual([1, 3]);
});

test('[W28] who leaves while its first statistics are read is not told them, nor any others', async () => {
  const { state, ticker } = countedTicker();
  const sent: string[] = [];
  const queue = { send: (frame: string) => void sent.push(frame) } as unknown as SendQueue;
  const subscription = new StatsSubscription(ticker, queue);
  const begun = subscription.begin(undefined, () => void sent.push('begun'));
  subscription.end();
  await begun;
  await pass();
  expect(sent).toEqual([]);
  expect(state.reads).toBe(1);
});
