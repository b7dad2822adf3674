/** Two hellos that reach the store in one turn of the event loop: the one that has to go is told at once (P5). */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';

const PAIRS = 30;

let redis: TestRedis;
let server: TestServer | undefined;
beforeAll(async () => {
  redis = await startRedis({ shared: true });
});
afterAll(() => redis.stop());
afterEach(async () => {
  await server?.stop(0);
  server = undefined;
});

/** Says all hellos in one turn of this process' loop, so that they arrive together. */
async function together(port: number, hellos: readonly object[]): Promise<Player[]> {
  const players = await Promise.all(hellos.map(() => Player.connect(port)));
  for (const [i, player] of players.entries()) player.send({ type: 'hello', ...hellos[i] });
  return players;
}

describe.each(['memory', 'redis'])('store %s', (kind) => {
  const start = async (env: Record<string, string>): Promise<TestServer> => {
    const store: Record<string, string> =
      kind === 'redis' ? { REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix() } : {};
    server = await startTestServer({ ...store, ...env });
    return server;
  };

  test('[P5] [W16] of two devices at a limit of 1 with evict-oldest one plays on', async () => {
    const { wsPort } = await start({ MAX_STREAMS: '1', ON_LIMIT: 'evict-oldest' });
    for (let i = 0; i < PAIRS; i += 1) {
      const hellos = ['a', 'b'].map((sessionId) => ({ userId: `u${i}`, sessionId, streamId: 'tnt' }));
      const [first, second] = (await together(wsPort as number, hellos)) as [Player, Player];
      expect(await Promise.race([first.closed, second.closed])).toBe(4010);
      const closed = await Promise.race([first.closed.then(() => first), second.closed.then(() => second)]);
      expect(closed.frames.at(-1)).toMatchObject({ type: 'evicted', reason: 'evicted' });
      const left = closed === first ? second : first;
      expect(await left.ask({ type: 'heartbeat' })).toMatchObject({ current: 1, max: 1 });
    }
  });

  test('[W10] of two sockets with one session the newer plays on', async () => {
    const { wsPort } = await start({});
    for (let i = 0; i < PAIRS; i += 1) {
      const hello = { userId: `u${i}`, sessionId: 's', streamId: 'tnt' };
      const [first, second] = (await together(wsPort as number, [hello, hello])) as [Player, Player];
      expect(await Promise.race([first.closed, second.closed])).toBe(4012);
      const closed = await Promise.race([first.closed.then(() => first), second.closed.then(() => second)]);
      const left = closed === first ? second : first;
      expect(await left.ask({ type: 'heartbeat' })).toMatchObject({ current: 1 });
    }
  });
});
