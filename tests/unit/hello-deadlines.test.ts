/** Time-outs of hellos, with ticks and turns of the event loop by hand. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { HelloDeadlines } from '../../gateway/sessions/hello-deadlines.ts';

const TIMEOUT_MS = 5_000;
const TICK_MS = TIMEOUT_MS / 10;

const realTurn = globalThis.setImmediate;
/** What the sockets of a turn are read for comes before it. */
const turn = (): Promise<void> => new Promise((resolve) => void realTurn(resolve));

let deadlines: HelloDeadlines;

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance'] });
  deadlines = new HelloDeadlines(TIMEOUT_MS);
});
afterEach(() => {
  deadlines.stop();
  jest.useRealTimers();
  jest.restoreAllMocks();
});

function greeting() {
  const socket = { hasSpoken: false, endedBy: [] as string[], end: (name: string) => void socket.endedBy.push(name) };
  deadlines.add(socket);
  return socket;
}

/** @param stalledMs the loop stood still for so long before the tick. */
async function tick(stalledMs = 0): Promise<void> {
  // A timer that is late comes once.
  jest.advanceTimersByTime(TICK_MS);
  now += TICK_MS + stalledMs;
  await turn();
}
let now = 0;

test('[W6] a socket that says nothing is ended after the time-out, at most a tenth of it late', async () => {
  greeting();
  jest.advanceTimersByTime(TICK_MS / 2);
  const socket = greeting();
  jest.advanceTimersByTime(TIMEOUT_MS);
  await turn();
  expect(socket.endedBy).toEqual([]);
  jest.advanceTimersByTime(TICK_MS / 2);
  await turn();
  expect(socket.endedBy).toEqual(['hello_timeout']);
  await tick();
  expect(socket.endedBy).toHaveLength(1);
});

test('no timer runs while all sockets have spoken', async () => {
  expect(jest.getTimerCount()).toBe(0);
  const [spoken, gone] = [greeting(), greeting()];
  expect(jest.getTimerCount()).toBe(1);
  spoken.hasSpoken = true;
  deadlines.remove(gone);
  await tick();
  expect(jest.getTimerCount()).toBe(0);
  const silent = greeting();
  for (let i = 0; i < 11; i += 1) await tick();
  expect([spoken, gone, silent].map(({ endedBy }) => endedBy.length)).toEqual([0, 0, 1]);
  expect(jest.getTimerCount()).toBe(0);
});

test('[W6] time in which the loop stood still does not count, however often it does', async () => {
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  const socket = greeting();
  for (let i = 0; i < 10; i += 1) await tick(2 * TIMEOUT_MS);
  expect(socket.endedBy).toEqual([]);
  await tick();
  expect(socket.endedBy).toEqual(['hello_timeout']);
});

test('[W6] what arrived before the last tick is read before a socket is ended', async () => {
  const [late, silent] = [greeting(), greeting()];
  jest.advanceTimersByTime(2 * TIMEOUT_MS);
  expect([late.endedBy, silent.endedBy]).toEqual([[], []]);
  late.hasSpoken = true;
  await turn();
  expect([late.endedBy, silent.endedBy]).toEqual([[], ['hello_timeout']]);
});
