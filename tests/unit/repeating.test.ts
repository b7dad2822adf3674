import { afterEach, expect, jest, test } from '@jest/globals';
import { type Repeating, repeating } from '../../presence-core/index.ts';

const EVERY_MS = 100;

let repeats: Repeating | undefined;
afterEach(() => {
  void repeats?.stop();
  jest.useRealTimers();
});

/** A task whose rounds end when the test says so. */
function heldTask() {
  const rounds: { end(): void; fail(error: Error): void }[] = [];
  const task = (): Promise<void> => new Promise((end, fail) => rounds.push({ end, fail }));
  return { rounds, task };
}

function start(options: { failed?: (error: unknown) => void } = {}) {
  jest.useFakeTimers();
  const { rounds, task } = heldTask();
  repeats = repeating({ everyMs: EVERY_MS, ...options }, task);
  return { rounds, repeats };
}

test('the first round begins after the period, and never two at once', async () => {
  const { rounds } = start();
  await jest.advanceTimersByTimeAsync(EVERY_MS - 1);
  expect(rounds).toHaveLength(0);
  await jest.advanceTimersByTimeAsync(1);
  expect(rounds).toHaveLength(1);
  await jest.advanceTimersByTimeAsync(10 * EVERY_MS);
  expect(rounds).toHaveLength(1);
});

test('the period is from begin to begin, and a late round is followed at once', async () => {
  const { rounds } = start();
  await jest.advanceTimersByTimeAsync(EVERY_MS + 40);
  rounds[0]?.end();
  await jest.advanceTimersByTimeAsync(59);
  expect(rounds).toHaveLength(1);
  await jest.advanceTimersByTimeAsync(1);
  expect(rounds).toHaveLength(2);
  await jest.advanceTimersByTimeAsync(3 * EVERY_MS);
  rounds[1]?.end();
  await jest.advanceTimersByTimeAsync(1);
  expect(rounds).toHaveLength(3);
});

test('it goes on after a failure, which is told', async () => {
  const failed = jest.fn();
  const { rounds } = start({ failed });
  await jest.advanceTimersByTimeAsync(EVERY_MS);
  const error = new Error('away');
  rounds[0]?.fail(error);
  await jest.advanceTimersByTimeAsync(EVERY_MS);
  expect(failed.mock.calls).toEqual([[error]]);
  expect(rounds).toHaveLength(2);
});

test('a stop waits for the round that runs, and none follows', async () => {
  const { rounds, repeats } = start();
  await jest.advanceTimersByTimeAsync(EVERY_MS);
  let stopped = false;
  const stopping = repeats.stop().then(() => {
    stopped = true;
  });
  await jest.advanceTimersByTimeAsync(EVERY_MS);
  expect(stopped).toBe(false);
  rounds[0]?.end();
  await stopping;
  await jest.advanceTimersByTimeAsync(10 * EVERY_MS);
  expect(rounds).toHaveLength(1);
});

test('a stop before the first round leaves none', async () => {
  const { rounds, repeats } = start();
  await repeats.stop();
  await jest.advanceTimersByTimeAsync(10 * EVERY_MS);
  expect(rounds).toHaveLength(0);
});
