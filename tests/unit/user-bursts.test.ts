/** Users gathered for the next burst while one is on. */
import { beforeEach, expect, test } from '@jest/globals';
import { VirtualTime } from '../support/virtual-time.ts';

const time = new VirtualTime();
time.install();
const { UserBursts } = await import('../../gateway/node/user-bursts.ts');

const MAX = 3;
const BURST_MS = 100;

let bursts: InstanceType<typeof UserBursts>;
let done: (string[] | 'all')[];
let fails: boolean;

beforeEach(() => {
  time.clear();
  done = [];
  fails = false;
  bursts = new UserBursts(MAX, async (users) => {
    done.push(users === 'all' ? users : [...users]);
    await new Promise((resolve) => setTimeout(resolve, BURST_MS));
    if (fails) throw new Error('no answer in time');
  });
});

test('the first burst begins at once; what comes meanwhile is the next, each user once', async () => {
  bursts.add(['a']);
  expect(done).toEqual([['a']]);
  for (const user of ['b', 'c', 'b']) bursts.add([user]);
  await time.pass(BURST_MS - 1);
  expect(done).toHaveLength(1);
  await time.pass(10 * BURST_MS);
  expect(done).toEqual([['a'], ['b', 'c']]);
});

test('beyond the bound the next burst is for all, and once more not', async () => {
  bursts.add(['a']);
  bursts.add(['b', 'c', 'd', 'e']);
  bursts.add(['f']);
  await time.pass(BURST_MS);
  expect(done.at(-1)).toBe('all');
  bursts.add(['g']);
  bursts.add('all');
  await time.pass(BURST_MS);
  bursts.add(['h']);
  await time.pass(10 * BURST_MS);
  expect(done).toEqual([['a'], 'all', 'all', ['h']]);
});

test('a burst that fails is made again, with what came meanwhile', async () => {
  fails = true;
  bursts.add(['a']);
  bursts.add(['b']);
  await time.pass(BURST_MS + 999);
  expect(done).toEqual([['a']]);
  fails = false;
  await time.pass(10_000);
  expect(done.slice(1).map((users) => [...users].sort())).toEqual([['a', 'b']]);
});

test('after its stop none begins', async () => {
  bursts.add(['a']);
  bursts.add(['b']);
  bursts.stop();
  await time.pass(10 * BURST_MS);
  expect(done).toEqual([['a']]);
});
