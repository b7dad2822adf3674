/** When a copy of the store is made and given up, by looks and a count that the test gives by hand. */
import { expect, jest, test } from '@jest/globals';
import { LogFeed } from '../../gateway/node/log-feed.ts';
import { Demand, LOOK_MS } from '../../gateway/replica/demand.ts';
import { Replica } from '../../gateway/replica/replica.ts';
import { MemoryStore } from '../../presence-core/index.ts';

const MB = 1e6;

async function looks(demand: Demand, times: number, users: number, sessions?: number): Promise<string[]> {
  const answers: string[] = [];
  for (let n = 0; n < times; n++) {
    demand.reads(users);
    answers.push(await demand.look(sessions));
  }
  return answers;
}

test('[P11] a copy is wanted when much was read for 5 s, and not after a burst', async () => {
  const demand = new Demand({ bytesMax: 4 * MB, countSessions: async () => 10_000 });
  expect(await looks(demand, 4, 6_000)).toEqual(Array(4).fill('idle'));
  expect(await looks(demand, 1, 4_000)).toEqual(['idle']);
  expect((await looks(demand, 5, 6_000)).at(-1)).toBe('wanted');
});

test('[P11] a copy is given up when little was read for 2 minutes', async () => {
  const demand = new Demand({ bytesMax: 4 * MB, countSessions: async () => 10_000 });
  expect(await looks(demand, 119, 0, 10_000)).toEqual(Array(119).fill('wanted'));
  expect(await looks(demand, 1, 3_000, 10_000)).toEqual(['wanted']);
  expect(await looks(demand, 120, 0, 10_000)).toEqual([...Array(119).fill('wanted'), 'idle']);
});

test('[P11] a copy that would not fit is not made, nor is the store asked each second', async () => {
  const countSessions = jest.fn(async () => 10_001);
  const demand = new Demand({ bytesMax: 4 * MB, countSessions });
  expect((await looks(demand, 60, 6_000)).slice(4)).toEqual(Array(56).fill('memory'));
  expect(countSessions).toHaveBeenCalledTimes(1);
  countSessions.mockResolvedValue(10_000);
  expect((await looks(demand, 10, 6_000)).at(-1)).toBe('wanted');
});

test('[P11] a copy that outgrows its share by a quarter is given up', async () => {
  const demand = new Demand({ bytesMax: 4 * MB, countSessions: async () => 10_000 });
  expect(await looks(demand, 1, 6_000, 12_500)).toEqual(['wanted']);
  expect(await looks(demand, 1, 6_000, 12_501)).toEqual(['memory']);
});

test('[P11] a store that does not answer is asked again', async () => {
  let isAway = true;
  const countSessions = async () => {
    if (isAway) throw new Error('away');
    return 1;
  };
  const demand = new Demand({ bytesMax: 4 * MB, countSessions });
  expect((await looks(demand, 6, 6_000)).at(-1)).toBe('idle');
  isAway = false;
  expect(await looks(demand, 1, 6_000)).toEqual(['wanted']);
});

test('[P11] a replica has a copy only while it is wanted, says why it has none, and the log tells each turn once', async () => {
  const store = new MemoryStore();
  await store.start();
  let answer: 'wanted' | 'idle' | 'memory' = 'idle';
  const lines: string[] = [];
  const log = { info: (_: object, message: string) => void lines.push(message), error: () => {} };
  const demand = { reads: () => {}, look: async () => answer };
  const replica = new Replica({ store, feed: new LogFeed(store, log), log, maxLagMs: 2_000, leftMax: 10, demand });
  const fallbackOf = (): string | undefined => {
    const before = replica.report().fallbacks;
    if (replica.status(['u'])) return undefined;
    const after = replica.report().fallbacks;
    return Object.entries(after).find(([reason, count]) => count > before[reason as keyof typeof before])?.[0];
  };
  const shows = async (reason: string | undefined): Promise<void> => {
    while (fallbackOf() !== reason) await new Promise((resolve) => setTimeout(resolve, LOOK_MS / 20));
  };
  replica.start();
  expect(fallbackOf()).toBe('idle');
  answer = 'wanted';
  await shows(undefined);
  expect(replica.report().serving).toBe(true);
  answer = 'memory';
  await shows('memory');
  answer = 'wanted';
  await shows(undefined);
  answer = 'idle';
  await shows('idle');
  expect(lines.filter((line) => !line.startsWith('replica ready'))).toEqual([
    'replica wanted: much is read',
    'no replica: it would take more than its share of memory',
    'replica wanted: much is read',
    'replica given up: little is read',
  ]);
  replica.stop();
  await store.stop();
}, 20_000);
