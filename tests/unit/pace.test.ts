/** How much is sent to a store at once: less while it is slow (P10). */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Pace } from '../../gateway/node/pace.ts';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

const items = Array.from({ length: 1_000 }, (_, i) => i);

/** Sends all items, each slice answered after `tookMs`. @returns how long the slices were. */
async function sizes(pace: Pace, tookMs: (slice: number) => number): Promise<number[]> {
  const lengths: number[] = [];
  const sent: number[] = [];
  for (const some of pace.slices(items)) {
    const answer = new Promise((resolve) => setTimeout(resolve, tookMs(lengths.length)));
    lengths.push(some.length);
    sent.push(...some);
    const answered = pace.answer(answer);
    await jest.advanceTimersByTimeAsync(10_000);
    await answered;
  }
  expect(sent).toEqual(items);
  return lengths;
}

test('a store that answers at once is sent the most, each item once', async () => {
  expect(await sizes(new Pace(300), () => 100)).toEqual([300, 300, 300, 100]);
});

test('each slow answer halves what is sent next, down to a least; each fast one adds a quarter', async () => {
  expect((await sizes(new Pace(64), () => 101)).slice(0, 6)).toEqual([64, 32, 16, 8, 8, 8]);
  expect((await sizes(new Pace(64), (slice) => (slice < 2 ? 101 : 1))).slice(0, 9)).toEqual([
    64, 32, 16, 20, 25, 31, 38, 47, 58,
  ]);
});

test('no answer is a slow one', async () => {
  const pace = new Pace(64);
  await expect(pace.answer(Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(pace.slices(items).next().value).toHaveLength(32);
});
