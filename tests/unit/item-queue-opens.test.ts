/** When items are sent to Redis, and together with which, by a Redis whose answers the test gives by hand. */
import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, expect, test } from '@jest/globals';
import { RedisFailures } from '../../presence-core/redis/failures.ts';
import { InFlightBounds } from '../../presence-core/redis/in-flight.ts';
import { ItemQueue } from '../../presence-core/redis/item-queue.ts';
import { RedisShards } from '../../presence-core/redis/shards.ts';
import { redisByHand } from '../support/redis-by-hand.ts';

interface Call {
  /** `<verb> <item> <item>…` */
  readonly text: string;
  answer(): void;
  fail(): void;
}

/** Items of one call of opens. */
const FULL = 32;

let calls: Call[];
let queue: ItemQueue;
/** Users whose items were answered. */
let answered: string[];

const texts = (): string[] => calls.map(({ text }) => text);

function start(isCluster: boolean): void {
  calls = [];
  answered = [];
  const answer = (verb: string, items: readonly string[]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      calls.push({
        text: [verb, ...items].join(' '),
        answer: () => resolve(items),
        fail: () => reject(new Error('Connection is closed.')),
      });
    });
  const client = redisByHand(answer, isCluster);
  const options = {
    prefixes: ['a', 'b'],
    failures: new RedisFailures(() => {}),
    deployment: { seed: 1, isKnown: true },
  };
  queue = new ItemQueue(new RedisShards(client, options), new InFlightBounds(1_000));
}

beforeEach(() => start(false));

function add(verb: 'open' | 'detach' | 'status', ...users: string[]): void {
  for (const user of users) {
    queue
      .addForUser(verb, user, () => [user])
      .then(
        () => answered.push(user),
        () => {},
      );
  }
}

const many = (count: number): string[] => Array.from({ length: count }, (_, i) => `u${i}`);

test('[P14] an open while nothing is on its way is sent in the same turn, with all of that turn', async () => {
  add('open', 'u1', 'u2');
  await turn();
  expect(texts()).toEqual(['open u1 u2']);
});

test.each(['answer', 'fail'] as const)('[P14] opens gather while another has no reply, until its %s', async (how) => {
  add('open', 'u1');
  await turn();
  add('open', 'u2');
  await turn();
  add('open', 'u3');
  await turn();
  expect(texts()).toEqual(['open u1']);
  calls[0]?.[how]();
  await turn();
  expect(texts()).toEqual(['open u1', 'open u2 u3']);
  calls[1]?.answer();
  await turn();
  expect(answered).toEqual(how === 'answer' ? ['u1', 'u2', 'u3'] : ['u2', 'u3']);
});

test('[P14] when there are enough for a call they are sent without an answer to the earlier ones', async () => {
  add('open', 'first');
  await turn();
  const users = many(FULL);
  add('open', ...users.slice(1));
  await turn();
  expect(calls).toHaveLength(1);
  add('open', 'u0', 'next');
  await turn();
  expect(texts().slice(1)).toEqual([`open ${[...users.slice(1), 'u0'].join(' ')}`]);
  calls[0]?.answer();
  await turn();
  expect(calls).toHaveLength(2);
  calls[1]?.answer();
  await turn();
  expect(texts().at(-1)).toBe('open next');
});

test('[P7] [P14] what acts on a session never overtakes its open, and a read does not send it', async () => {
  add('open', 'u1');
  await turn();
  add('open', 'u2');
  await turn();
  add('status', 'u3');
  await turn();
  expect(texts()).toEqual(['open u1', 'status u3']);
  add('detach', 'u2');
  await turn();
  expect(texts().slice(2)).toEqual(['open u2', 'detach u2']);
});

test('[P14] on Cluster opens of one shard do not wait for a master that answers another', async () => {
  start(true);
  add('open', 'u1');
  await turn();
  add('open', 'u2');
  await turn();
  expect(calls).toHaveLength(2);
});
