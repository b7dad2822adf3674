/** How long a store that forgot is taken to be restored (P10). */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Restoring } from '../../gateway/node/restoring.ts';

const OTHERS_MS = 6_000;
const MAX_MS = 10_000;

let isIdle: boolean;
let restoring: Restoring;

beforeEach(() => {
  jest.useFakeTimers();
  isIdle = true;
  restoring = new Restoring({ othersMs: OTHERS_MS, maxMs: MAX_MS, isIdle: () => isIdle });
});
afterEach(() => {
  jest.useRealTimers();
});

test('[P10] in quiet times it is over', async () => {
  expect(restoring.isOn).toBe(false);
  await restoring.over();
});

test.each([
  ['as long as other nodes may need', true, OTHERS_MS],
  ['as long as an own session is due, and a node lease at most', false, MAX_MS],
])('[P10] it takes %s', (_, idle, ms) => {
  isIdle = idle;
  restoring.begin();
  jest.advanceTimersByTime(ms - 1);
  expect(restoring.isOn).toBe(true);
  jest.advanceTimersByTime(1);
  expect(restoring.isOn).toBe(false);
});

test('[P10] it is over with the last own session, and who waits goes on', async () => {
  isIdle = false;
  restoring.begin();
  let isOver = false;
  const waits = restoring.over().then(() => {
    isOver = true;
  });
  await jest.advanceTimersByTimeAsync(OTHERS_MS + 1_000);
  expect(isOver).toBe(false);
  isIdle = true;
  await jest.advanceTimersByTimeAsync(1_000);
  await waits;
  expect(isOver).toBe(true);
});
