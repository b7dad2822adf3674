/**
 * Several nodes, their players and one store, through random faults: lost answers, late acts, lapsed leases, a store that
 * forgets or goes back. When the faults have ceased and time has passed, all must be as the rules promise.
 */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { randomOf, withSeeds } from '../support/seeds.ts';
import { VirtualTime } from '../support/virtual-time.ts';
import type { WorldAct } from './nodes-model/acts.ts';

const SEEDS = 200;
const RUNS_PER_SEED = 6;
const STEPS = 50;

const time = new VirtualTime();
time.install();
// After time was installed, as they import `node:timers/promises`.
const { World } = await import('./nodes-model/world.ts');
const { perform, story } = await import('./nodes-model/acts.ts');

/** @param chance seed of latencies, jitters and what becomes of calls without an answer. @returns what is wrong in the end. */
async function live(chance: number, limit: number, acts: readonly WorldAct[]): Promise<string[]> {
  time.clear();
  const random = randomOf(chance);
  Math.random = random;
  const world = new World(time, random, limit);
  await world.begin();
  for (const act of acts) await perform(world, time, act);
  return world.settle();
}

test('[P1] [P4] [P7] [P8] [P9] [P10] [P11] no ghost, nobody thrown out, nobody above the limit, each told once', async () => {
  await withSeeds(SEEDS, async (seed) => {
    const arbitraries = [fc.nat(), fc.integer({ min: 1, max: 2 }), story(STEPS)] as const;
    const run = fc.asyncProperty(...arbitraries, async (chance, limit, acts) => {
      expect(await live(chance, limit, acts)).toEqual([]);
    });
    await fc.assert(run, { numRuns: RUNS_PER_SEED, seed, unbiased: true });
  });
}, 300_000);

const hello = (userId: string, sessionId: string, node: number, policy: 'open' | 'closed' = 'open'): WorldAct => ({
  act: 'connect',
  userId,
  sessionId,
  node,
  policy,
  onLimit: 'reject',
  by: 'token',
});
const wait = (ms: number): WorldAct => ({ act: 'wait', ms });
const link = (node: number | 'all', state: 'refused' | 'silent' | 'deaf', ms: number): WorldAct => ({
  act: 'link',
  node,
  state,
  ms,
});

/** The shortest of those that failed once. */
const STORIES: Record<string, readonly [chance: number, acts: readonly WorldAct[]]> = {
  '[P10] the store goes back to before a socket took its session over': [
    0,
    [hello('u', 'b', 0), wait(32_000), hello('u', 'b', 0), wait(3_500), { act: 'rollBack', ms: 7_000 }],
  ],
  '[P10] a renewal finds the session under a former socket before its node knows that the store went back': [
    0,
    [hello('v', 'c', 0), wait(1_200), hello('v', 'c', 0), wait(20), { act: 'rollBack', ms: 300 }],
  ],
  '[P7] two sockets of one session are let in unchecked, and each is told that the other took it': [
    0,
    [link(0, 'deaf', 300), hello('u', 'a', 0), hello('u', 'a', 0), wait(1_200)],
  ],
  '[P7] an open runs late and takes the session from a newer socket, after its detach found that one': [
    21,
    [hello('v', 'b', 0), { act: 'leave', which: 0 }, link(0, 'silent', 300), wait(400), hello('v', 'b', 0)],
  ],
  '[P7] an open runs late, after its detach was fenced, as its node had yet to join': [
    0,
    [
      { act: 'restart', node: 2, isClean: false },
      hello('u', 'a', 0),
      link(2, 'silent', 300),
      { act: 'cut', which: 0 },
      hello('u', 'a', 0),
      hello('u', 'a', 2, 'closed'),
      { act: 'cut', which: 0 },
      wait(400),
    ],
  ],
  '[P7] an open runs late although a later one was answered, and the session has moved on': [
    0,
    [
      link(0, 'refused', 300),
      hello('u', 'a', 0),
      wait(3_500),
      hello('u', 'a', 0),
      hello('u', 'a', 2),
      link('all', 'silent', 12_000),
      wait(3_500),
      hello('u', 'a', 1),
      wait(3_500),
    ],
  ],
  '[P7] an open runs late, and its detach was answered before that of a later one of the same socket': [
    0,
    [
      { act: 'fence', node: 0 },
      wait(11_000),
      hello('u', 'a', 2),
      link(2, 'silent', 300),
      wait(1_200),
      { act: 'cut', which: 0 },
    ],
  ],
  '[P10] the store goes back to an earlier session of the same id': [
    0,
    [
      wait(11_000),
      hello('u', 'a', 0),
      wait(1_200),
      { act: 'leave', which: 0 },
      wait(400),
      hello('u', 'a', 1),
      wait(400),
      { act: 'rollBack', ms: 1_500 },
    ],
  ],
  '[P10] a kick is told after the store forgot it and has the session again': [
    0,
    [
      wait(3_500),
      hello('u', 'a', 0),
      wait(3_500),
      { act: 'leave', which: 0 },
      link(0, 'refused', 300),
      wait(3_500),
      hello('u', 'a', 0),
      { act: 'kick', userId: 'u', node: 0 },
      wait(3),
      { act: 'forget' },
      link(0, 'silent', 7_000),
      wait(11_000),
    ],
  ],
  '[P9] two sockets of one session do not take it from each other for ever': [
    0,
    [
      hello('u', 'a', 0),
      hello('u', 'a', 1),
      hello('u', 'a', 1),
      { act: 'restart', node: 0, isClean: true },
      link(1, 'silent', 45_000),
      wait(20),
    ],
  ],
};

test.each(Object.entries(STORIES))('%s', async (_, [chance, acts]) => {
  expect(await live(chance, 1, acts)).toEqual([]);
});
