/** Latencies count from when an act was due: a generator or a server that stands still is spared nothing. */
import { expect, test } from '@jest/globals';
import { nowMs } from '../../bench/load/clock.ts';
import { Pacer } from '../../bench/load/pacer.ts';
import { closeName, isFault, reconnectAfter, waitMs } from '../../bench/load/returns.ts';
import type { Step } from '../../bench/load/step.ts';

const STALL_MS = 80;

const stepsAt = (...instants: number[]): Step[] => instants.map((atMs, player) => ({ atMs, act: 'switch', player }));
const standStill = (): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, STALL_MS);

test('acts that a stall made late count from when they were due, each told with its lateness', async () => {
  const startMs = nowMs();
  const dues: number[] = [];
  const lates: number[] = [];
  await new Pacer().run(
    stepsAt(0, 10, 20, 30)[Symbol.iterator](),
    startMs,
    ({ player }, dueMs) => {
      dues.push(dueMs - startMs);
      if (player === 0) standStill();
    },
    (ms) => lates.push(ms),
  );
  for (const [i, due] of [10, 20, 30].entries()) expect(dues[i + 1]).toBeCloseTo(due, 6);
  for (const late of lates.slice(1)) expect(late).toBeGreaterThanOrEqual(STALL_MS - 30 - 1);
});

test('nothing is sent before it is due, and nothing after a stop', async () => {
  const pacer = new Pacer();
  const startMs = nowMs();
  const early: number[] = [];
  const sent: number[] = [];
  await pacer.run(
    stepsAt(0, 5, 9, 9_000_000)[Symbol.iterator](),
    startMs,
    ({ player, atMs }) => {
      sent.push(player);
      early.push(startMs + atMs - nowMs());
      if (player === 2) pacer.stop();
    },
    () => {},
  );
  expect(sent).toEqual([0, 1, 2]);
  expect(Math.max(...early)).toBeLessThanOrEqual(0);
});

test.each([
  [1000, 'never', false, 'normal'],
  [1001, 'now', false, 'going_away'],
  [1006, 'backoff', true, 'connection lost'],
  [4000, 'never', true, 'bad_request'],
  [4009, 'never', false, 'concurrency_limit'],
  [4010, 'never', false, 'evicted'],
  [4100, 'backoff', true, 'overloaded'],
  [4129, 'backoff', true, 'rate_limited'],
  [4202, 'now', false, 'token_expired'],
  [4210, 'now', false, 'resync'],
  [4999, 'backoff', true, 'unknown'],
])('[W31] %d: a player comes back %s; an error: %s', (code, reconnect, fault, name) => {
  expect([reconnectAfter(code), isFault(code), closeName(code)]).toEqual([reconnect, fault, name]);
});

test.each([
  [1001, 0, 0],
  [1001, 1, 1_000],
  [1006, 0, 500],
  [1006, 9, 2_000],
  [4100, 9, 10_000],
])('[W31] after %d, attempt %d, at most %d ms pass', (code, attempt, most) => {
  expect(waitMs(code, attempt, () => 1)).toBe(most);
  expect(waitMs(code, attempt, () => 0)).toBe(0);
});
