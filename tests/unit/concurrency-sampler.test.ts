import { expect, test } from '@jest/globals';
import { ConcurrencySampler } from '../../gateway/history/concurrency-sampler.ts';
import type { ConcurrencySample } from '../../gateway/history/index.ts';

const MINUTE_MS = 60_000;

function sampler() {
  let now = 10 * MINUTE_MS;
  let counted = { users: 0, sessions: 0 };
  const state = { away: false, saved: [] as ConcurrencySample[] };
  const running = new ConcurrencySampler(
    { counts: async () => [counted] },
    async (sample) => {
      if (state.away) throw new Error('away');
      state.saved.push(sample);
    },
    () => now,
  );
  return {
    state,
    flush: () => running.flush(),
    at(atMs: number, users: number, sessions: number) {
      now = 10 * MINUTE_MS + atMs;
      counted = { users, sessions };
      return running.sample();
    },
  };
}

test('a minute has its last sample and its peak', async () => {
  const { at, flush, state } = sampler();
  await at(1_000, 3, 4);
  await at(2_000, 8, 9);
  await at(59_999, 2, 2);
  await at(60_000, 1, 1);
  await flush();
  expect(state.saved).toEqual([
    { minuteAt: 10 * MINUTE_MS, sampledAt: 10 * MINUTE_MS + 59_999, users: 2, sessions: 2, peakSessions: 9 },
    { minuteAt: 11 * MINUTE_MS, sampledAt: 11 * MINUTE_MS, users: 1, sessions: 1, peakSessions: 1 },
  ]);
});

test('what was stored is not stored again; a minute that goes on is', async () => {
  const { at, flush, state } = sampler();
  await at(1_000, 3, 4);
  await flush();
  await flush();
  await at(2_000, 1, 1);
  await flush();
  expect(state.saved.map(({ peakSessions, sessions }) => [peakSessions, sessions])).toEqual([
    [4, 4],
    [4, 1],
  ]);
});

test('minutes wait for a database that is away, at most a day of them', async () => {
  const { at, flush, state } = sampler();
  state.away = true;
  for (let minute = 0; minute < 1_500; minute++) await at(minute * MINUTE_MS, 1, minute);
  await expect(flush()).rejects.toThrow('away');
  state.away = false;
  await flush();
  expect(state.saved.length).toBe(1_440);
  expect(state.saved[0]?.peakSessions).toBe(60);
  expect(state.saved.at(-1)?.peakSessions).toBe(1_499);
});
