/** A hello whose open Redis runs after the gateway gave up: what was opened ends with the grace (P7, P8). */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { Player } from '../support/player.ts';
import { startRedis } from '../support/redis-server.ts';
import { startTestServer, until } from '../support/servers.ts';

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** The gateway gives up after a second. */
const STALL_MS = 1_500;
const HELLOS = 3;

describe.each(['open', 'closed'])('policy %s', (policy) => {
  test.each(['while Redis stands still', 'after it goes on'])('[P8] [W17] the sockets close %s', async (when) => {
    const redis = await startRedis();
    ended.push(() => redis.stop());
    const server = await startTestServer({
      REDIS_URL: redis.url,
      OUTAGE_POLICY: policy,
      RESUME_GRACE_MS: '300',
      NODE_BEAT_MS: '200',
      SWEEP_MS: '100',
    });
    ended.push(() => server.stop(0));
    const players = await Promise.all(Array.from({ length: HELLOS }, () => Player.connect(server.wsPort)));
    redis.process?.kill('SIGSTOP');
    for (const [i, player] of players.entries()) {
      player.send({ type: 'hello', userId: 'u', sessionId: `s${i}`, streamId: 'tnt' });
    }
    const first = await Promise.all(players.map((player) => player.next()));
    expect(first.every((frame) => (policy === 'open' ? frame.degraded : frame.type === 'error'))).toBe(true);
    const leave = async (): Promise<void> => {
      for (const player of players) player.socket.terminate();
    };
    if (when === 'while Redis stands still') await leave();
    await sleep(STALL_MS - 1_000);
    redis.process?.kill('SIGCONT');
    if (when === 'after it goes on') {
      await sleep(300);
      await leave();
    }
    await until(async () => (await server.get('/concurrency/user/u')).body.current === 0);
    // Nor does it come back.
    await sleep(500);
    expect((await server.get('/concurrency/user/u')).body).toMatchObject({ current: 0 });
    const [, welcome] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'new', streamId: 'tnt' });
    expect(welcome).toMatchObject({ type: 'welcome', current: 1 });
  });
});
