/** Updates that share a call to Redis, and when it is sent (P14). On virtual time; calls are answered when the test says so. */
import { afterEach, expect, test } from '@jest/globals';
import type { RedisShards } from '../../presence-core/redis/shards.ts';
import { VirtualTime } from '../support/virtual-time.ts';

const time = new VirtualTime();
time.install();
const { InFlightBounds } = await import('../../presence-core/redis/in-flight.ts');
const { ItemQueue } = await import('../../presence-core/redis/item-queue.ts');

afterEach(() => time.clear());

interface Call {
  readonly verb: string;
  readonly users: readonly string[];
  /** In ms since the queue was made. */
  readonly at: number;
}

/** @param answers resolves when calls are answered. */
function makeQueue(answers: Promise<void> = Promise.resolve()) {
  const began = time.now;
  const calls: Call[] = [];
  const shards = {
    seed: 1,
    isCluster: false,
    mustKnowPlaces: () => {},
    placeOf: () => ({ shard: 0, bucket: '0' }),
    prefixOf: () => 'p',
    declaredKeys: () => [],
    run: async (verb: string, _: readonly string[], users: readonly string[]) => {
      calls.push({ verb, users, at: time.now - began });
      await answers;
      return users.map((user) => `${verb} ${user}`);
    },
  } as unknown as RedisShards;
  const queue = new ItemQueue(shards, new InFlightBounds(1_000));
  const add = (verb: 'open' | 'update' | 'close', user: string): Promise<unknown> =>
    queue.addForUser(verb, user, () => [user]);
  return { add, calls };
}

test('[P14] the first update goes at once, those that follow within a millisecond share a call', async () => {
  const { add, calls } = makeQueue();
  const answers = [add('update', 'a')];
  await time.pass(0);
  answers.push(add('update', 'b'));
  await time.pass(0);
  answers.push(add('update', 'c'));
  await time.pass(0);
  expect(calls).toEqual([{ verb: 'update', users: ['a'], at: 0 }]);
  await time.pass(1);
  expect(calls.slice(1)).toEqual([{ verb: 'update', users: ['b', 'c'], at: 1 }]);
  expect(await Promise.all(answers)).toEqual(['update a', 'update b', 'update c']);
  await time.pass(10);
  void add('update', 'd');
  await time.pass(0);
  expect(calls.at(-1)).toEqual({ verb: 'update', users: ['d'], at: 11 });
});

test('[P14] what is queued later never overtakes a gathered update', async () => {
  const { add, calls } = makeQueue();
  void add('update', 'a');
  await time.pass(0);
  void add('update', 'b');
  void add('close', 'b');
  await time.pass(0);
  expect(calls.slice(1)).toEqual([
    { verb: 'update', users: ['b'], at: 0 },
    { verb: 'close', users: ['b'], at: 0 },
  ]);
  await time.pass(10);
  expect(calls).toHaveLength(3);
});

test('[P14] a full call does not wait', async () => {
  const { add, calls } = makeQueue();
  void add('update', 'first');
  await time.pass(0);
  for (let i = 0; i < 64; i += 1) void add('update', `u${i}`);
  await time.pass(0);
  expect(calls.map(({ users, at }) => [users.length, at])).toEqual([
    [1, 0],
    [64, 0],
  ]);
});

test('[P14] an update that is sent takes the opens before it along', async () => {
  const { add, calls } = makeQueue(new Promise(() => {}));
  void add('open', 'a');
  void add('update', 'b');
  await time.pass(0);
  void add('open', 'c');
  void add('update', 'c');
  await time.pass(0);
  expect(calls).toHaveLength(2);
  await time.pass(1);
  expect(calls.slice(2)).toEqual([
    { verb: 'open', users: ['c'], at: 1 },
    { verb: 'update', users: ['c'], at: 1 },
  ]);
});

test('[P14] an open does not overtake an update of the same user; those of others it does not send', async () => {
  const { add, calls } = makeQueue(new Promise(() => {}));
  void add('open', 'a');
  void add('update', 'a');
  await time.pass(0);
  void add('update', 'b');
  void add('open', 'c');
  await time.pass(0);
  expect(calls).toHaveLength(2);
  void add('open', 'b');
  expect(calls.slice(2)).toEqual([
    { verb: 'open', users: ['c'], at: 0 },
    { verb: 'update', users: ['b'], at: 0 },
  ]);
  void add('close', 'b');
  await time.pass(0);
  expect(calls.slice(4)).toEqual([
    { verb: 'open', users: ['b'], at: 0 },
    { verb: 'close', users: ['b'], at: 0 },
  ]);
});

test('[P14] a call that became full by updates does not overtake an open of the same turn', async () => {
  const { add, calls } = makeQueue(new Promise(() => {}));
  void add('update', 'first');
  await time.pass(0);
  void add('open', 'u0');
  for (let i = 0; i < 64; i += 1) void add('update', `u${i}`);
  await time.pass(0);
  expect(calls.map(({ verb }) => verb)).toEqual(['update', 'open', 'update']);
});
