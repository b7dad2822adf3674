/** Opening sessions again, by hand-given players. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import type { HeldPlayer } from '../../gateway/node/held-player.ts';
import { Reopening } from '../../gateway/node/reopening.ts';
import { until } from '../support/servers.ts';

/** @param failures turns at which the store does not answer. */
function duePlayer(connection: number, failures = 0) {
  const player = {
    connection,
    session: { userId: 'u', sessionId: `s${connection}` },
    owner: undefined,
    renewSlot: 0,
    isDue: true,
    isUnchecked: false,
    turns: 0,
    lost: () => {},
    redated: () => {},
    missed: () => {},
    displaced: () => {},
    async reopen() {
      player.turns += 1;
      if (player.turns > failures) player.isDue = false;
      else if (player.turns === 1) throw new TypeError('a fault');
    },
  };
  return player satisfies HeldPlayer;
}

test('[P9] who is still due gets another turn, and done is told once nobody is', async () => {
  let done = 0;
  const reopening = new Reopening({ mayRun: () => true, done: () => done++ });
  const failing = duePlayer(1, 2);
  const other = duePlayer(2);
  reopening.add(failing);
  reopening.add(other);
  await until(() => other.turns === 1);
  expect(done).toBe(0);
  expect(reopening.isIdle).toBe(false);
  await until(() => done === 1);
  expect([failing.turns, other.turns]).toEqual([3, 1]);
  expect(reopening.isIdle).toBe(true);
});

test('[P10] nobody gets a turn until the store answers and knows the node', async () => {
  let mayRun = false;
  const reopening = new Reopening({ mayRun: () => mayRun, done: () => {} });
  const player = duePlayer(1);
  reopening.add(player);
  reopening.go();
  await sleep(600);
  expect(player.turns).toBe(0);
  mayRun = true;
  reopening.go();
  await until(() => player.turns === 1);
});

test('[P10] nobody else gets a turn once the store answers no more', async () => {
  let isAway = false;
  const reopening = new Reopening({ mayRun: () => !isAway, done: () => {} });
  const players = Array.from({ length: 500 }, (_, i) => duePlayer(i));
  const last = players.at(-1);
  players[0]!.reopen = async () => {
    isAway = true;
    players[0]!.isDue = false;
  };
  for (const player of players) reopening.add(player);
  await until(() => isAway);
  await sleep(300);
  expect(last?.turns).toBe(0);
  isAway = false;
  reopening.go();
  await until(() => last?.turns === 1);
  reopening.stop();
});

test('[P8] who left before its turn gets none', async () => {
  const reopening = new Reopening({ mayRun: () => true, done: () => {} });
  const left = duePlayer(1);
  const other = duePlayer(2);
  reopening.add(left);
  reopening.add(other);
  reopening.remove(left);
  await until(() => other.turns === 1);
  expect(left.turns).toBe(0);
});

test('[P10] who was let in unchecked keeps no restore from being over', () => {
  const reopening = new Reopening({ mayRun: () => false, done: () => {} });
  expect(reopening.hasRestored).toBe(true);
  reopening.add({ ...duePlayer(1), isUnchecked: true });
  expect([reopening.isIdle, reopening.hasRestored]).toEqual([false, true]);
  reopening.add(duePlayer(2));
  expect(reopening.hasRestored).toBe(false);
});
