/** How long a store that forgot is taken to be restored (P10). */
import { beforeEach, expect, test } from '@jest/globals';
import type { RestoredBy } from '../../gateway/node/restoring.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const time = new VirtualTime();
time.install();
const { Restoring } = await import('../../gateway/node/restoring.ts');

const OTHERS_MS = 6_000;
const MAX_MS = 10_000;

let isIdle: boolean;
/** What the store answers of who is done; undefined: nothing. */
let done: string[] | undefined;
let confirmations: number;
/** Of holders without a socket: what was said, and what others said. */
let told: number | undefined;
let othersReturnInMs: number;
let restoring: InstanceType<typeof Restoring>;

beforeEach(() => {
  time.clear();
  isIdle = true;
  done = ['own'];
  confirmations = 0;
  told = undefined;
  othersReturnInMs = 0;
  restoring = new Restoring({
    othersMs: OTHERS_MS,
    maxMs: MAX_MS,
    isIdle: () => isIdle,
    confirm: async (returnsInMs) => {
      confirmations += 1;
      if (!done) throw new Error('no answer in time');
      told = returnsInMs;
      return { nodeIds: done, returnsInMs: othersReturnInMs };
    },
  });
});

const state = (): [isOn: boolean, isAwaited: boolean] => [restoring.isOn, restoring.isAwaited];

test('[P10] in quiet times it is over', async () => {
  expect(state()).toEqual([false, false]);
  await restoring.over();
  await time.pass(MAX_MS);
  expect(confirmations).toBe(0);
});

test('[P10] it is over as soon as all nodes that lived before have said so', async () => {
  restoring.begin(['own', 'other']);
  await time.pass(1_000);
  expect(state()).toEqual([true, true]);
  done = ['own', 'other', 'another'];
  await time.pass(300);
  expect(state()).toEqual([false, false]);
  const soFar = confirmations;
  await time.pass(MAX_MS);
  expect(confirmations).toBe(soFar);
});

test.each([
  ['a node that may be gone', ['own'], true],
  ['an own session', ['own', 'other'], false],
  ['a store without an answer', undefined, true],
])('[P10] it lasts a node lease at most, and is awaited no longer than others may need: %s', async (_, said, idle) => {
  isIdle = idle;
  done = said;
  restoring.begin(['own', 'other']);
  await time.pass(OTHERS_MS - 1);
  expect(state()).toEqual([true, true]);
  await time.pass(1);
  expect(state()).toEqual([true, !idle]);
  await time.pass(MAX_MS - OTHERS_MS - 1);
  expect(state()).toEqual([true, !idle]);
  await time.pass(1);
  expect(state()).toEqual([false, false]);
});

test('[P10] it is over with the last own session, and who waits goes on', async () => {
  isIdle = false;
  restoring.begin(['own', 'other']);
  let isOver = false;
  const waits = restoring.over().then(() => {
    isOver = true;
  });
  await time.pass(OTHERS_MS + 1_000);
  expect([isOver, confirmations]).toEqual([false, 0]);
  isIdle = true;
  await time.pass(1_000);
  await waits;
  expect([isOver, restoring.isOn, restoring.isAwaited]).toEqual([true, true, false]);
});

test('[P10] when the store forgets again, who had not said so is missing still', async () => {
  restoring.begin(['own', 'other']);
  await time.pass(5_000);
  restoring.begin(['own', 'next']);
  done = ['own', 'next'];
  await time.pass(1_000);
  expect(state()).toEqual([true, true]);
  done = ['own', 'next', 'other'];
  await time.pass(300);
  expect(state()).toEqual([false, false]);
});

test('[P10] an answer from before it began anew counts for nothing', async () => {
  let answer = (_: RestoredBy): void => {};
  const asked = new Promise<RestoredBy>((resolve) => {
    answer = resolve;
  });
  const options = { othersMs: OTHERS_MS, maxMs: MAX_MS, isIdle: () => true, confirm: () => asked };
  restoring = new Restoring(options);
  restoring.begin(['own']);
  await time.pass(300);
  restoring.begin(['own']);
  options.confirm = async () => ({ nodeIds: [], returnsInMs: 0 });
  answer({ nodeIds: ['own'], returnsInMs: 0 });
  await time.pass(300);
  expect(restoring.isOn).toBe(true);
});

test.each(['this process', 'another one', 'one that asked at its start'])(
  '[P10] holders without a socket may return for as long as %s says, and nobody else waits for them',
  async (who) => {
    done = ['own', 'other'];
    if (who === 'one that asked at its start') restoring.returnIn(20_000);
    else restoring.begin(['own', 'other'], who === 'this process' ? 20_000 : 0);
    expect(restoring.isReturning).toBe(true);
    if (who === 'another one') othersReturnInMs = 19_900;
    await time.pass(300);
    expect([...state(), restoring.isReturning]).toEqual([false, false, true]);
    if (who === 'this process') expect(told).toBe(19_900);
    const soFar = confirmations;
    await time.pass(19_600);
    expect([restoring.isReturning, confirmations]).toEqual([true, soFar]);
    await time.pass(500);
    expect(restoring.isReturning).toBe(false);
  },
);

test('[P10] when nothing was lost nobody is waited for to return', async () => {
  restoring.begin(['own', 'other']);
  expect([...state(), restoring.isReturning]).toEqual([true, true, false]);
});
