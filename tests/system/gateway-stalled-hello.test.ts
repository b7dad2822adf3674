/** Hellos that came in time while their gateway stood still (W6), over both transports. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { Gateway } from '../chaos/rig/gateway.ts';
import { Player } from '../support/player.ts';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

const HELLO_TIMEOUT_MS = 1_000;

test.each(['uws', 'ws'])(
  '[W6] a hello that came while the gateway stood still is read, and in time (%s)',
  async (transport) => {
    const env = {
      DATABASE_URL: 'none',
      HOST: '127.0.0.1',
      TRANSPORT: transport,
      HELLO_TIMEOUT_MS: String(HELLO_TIMEOUT_MS),
    };
    const gateway = await Gateway.start({ name: 'a', env, logged: () => {}, ended: () => {} });
    ended.push(() => gateway.kill());
    const players = await Promise.all(Array.from({ length: 20 }, () => Player.connect(gateway.wsPort)));
    const silent = await Player.connect(gateway.wsPort);
    // Again and again: each time some say hello.
    for (let round = 0; round < 4; round += 1) {
      gateway.freeze();
      await sleep(100);
      for (const [i, player] of players.entries()) {
        if (i % 4 === round) player.send({ type: 'hello', userId: `u${i}`, streamId: 'tnt' });
      }
      await sleep(1.5 * HELLO_TIMEOUT_MS);
      gateway.thaw();
      await sleep(100);
    }
    const answers = await Promise.all(players.map((player) => player.next()));
    expect(answers.map(({ type }) => type)).toEqual(players.map(() => 'welcome'));
    expect(await silent.closed).toBe(4008);
  },
  30_000,
);
