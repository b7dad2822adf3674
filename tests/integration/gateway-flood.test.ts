/** One socket that sends much: what is legal is served on every transport and store, and others are served between. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { eventually, startTestServer, type TestServer, until } from '../support/servers.ts';

const NO_RATE = { RATE_MESSAGES_PER_SECOND: '0' };

let server: TestServer;
let redis: TestRedis | undefined;
afterEach(async () => {
  await server.stop(0);
  await redis?.stop();
  redis = undefined;
});

/** All in one segment. */
function sendAtOnce(player: Player, messages: readonly object[]): void {
  const { _socket: stream } = player.socket as unknown as { _socket: { cork(): void; uncork(): void } };
  stream.cork();
  for (const message of messages) player.send(message);
  stream.uncork();
}

const subscribes = (count: number): object[] =>
  Array.from({ length: count }, (_, i) => ({ type: 'subscribe', id: String(i), topic: `user:u${i}` }));
const codeOf = ({ problem }: Player['frames'][number]): unknown => (problem as { code?: string } | undefined)?.code;

describe.each([
  ['uws', 'memory'],
  ['ws', 'memory'],
  ['uws', 'redis'],
  ['ws', 'redis'],
])('%s, %s', (TRANSPORT, store) => {
  async function start(env: Record<string, string> = {}): Promise<void> {
    if (store === 'redis') redis = await startRedis();
    server = await startTestServer({ TRANSPORT, ...(redis && { REDIS_URL: redis.url }), ...env });
  }

  test('[W4] [W23] 50 subscribes sent at once are all answered', async () => {
    await start();
    const [player] = await Player.hello(server.wsPort, { observe: true });
    sendAtOnce(player, subscribes(50));
    await until(() => player.frames.filter(({ type }) => type === 'subscribed').length === 50);
    expect(player.frames.filter(({ type }) => type === 'error')).toEqual([]);
  });

  test('[W4] what is more than may wait closes the socket', async () => {
    await start(NO_RATE);
    const [player] = await Player.hello(server.wsPort, { observe: true });
    const all = { type: 'subscribe', topic: 'all' };
    sendAtOnce(
      player,
      Array.from({ length: 1_000 }, () => all),
    );
    expect(await player.closed).toBe(4129);
  });

  test('[W5] a socket of a default server may not send without end', async () => {
    await start();
    const [player] = await Player.hello(server.wsPort, { userId: 'u', streamId: 's' });
    while (player.socket.readyState === player.socket.OPEN) {
      sendAtOnce(
        player,
        Array.from({ length: 50 }, () => ({ type: 'event', event: 'click' })),
      );
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await player.closed).toBe(4129);
  });
});

describe.each(['uws', 'ws'])('%s', (TRANSPORT) => {
  test.each(['ping', 'pong'] as const)('[W5] a socket may not send a WebSocket %s without end', async (kind) => {
    server = await startTestServer({ TRANSPORT, ...NO_RATE });
    const [flooding] = await Player.hello(server.wsPort, { userId: 'f', streamId: 's' });
    const [honest] = await Player.hello(server.wsPort, { userId: 'h', streamId: 's' });
    let honestFrames = 0;
    while (flooding.socket.readyState === flooding.socket.OPEN) {
      // Fewer at once than what `ws` itself cuts.
      for (let i = 0; i < 10; i++) flooding.socket[kind]();
      if (honestFrames < 100) honest.socket[kind]();
      honestFrames += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await flooding.closed).toBe(4129);
    expect(codeOf(flooding.frames.at(-1) as Player['frames'][number])).toBe('rate_limited');
    expect(await honest.ask({ type: 'heartbeat' })).toMatchObject({ type: 'heartbeat' });
  });

  test('[W4] others are served between the messages of one socket', async () => {
    server = await startTestServer({ TRANSPORT, ...NO_RATE });
    const [[many], [one]] = await Promise.all([
      Player.hello(server.wsPort, { userId: 'm' }),
      Player.hello(server.wsPort, { userId: 'o' }),
    ]);
    const order: string[] = [];
    for (const [name, player] of [
      ['many', many],
      ['one', one],
    ] as const) {
      player.socket.on('message', () => order.push(name));
    }
    sendAtOnce(
      many,
      Array.from({ length: 100 }, () => ({ type: 'heartbeat' })),
    );
    one.send({ type: 'heartbeat' });
    await until(() => order.length === 101);
    expect(order.indexOf('one')).toBeLessThan(90);
  });

  test('[W5] switches of stream beyond their rate change nothing, and may be sent again', async () => {
    server = await startTestServer({ TRANSPORT, RATE_SWITCHES_PER_SECOND: '1', RATE_SWITCHES_BURST: '3' });
    const [player] = await Player.hello(server.wsPort, { userId: 'u', streamId: 's0' });
    const answers: unknown[] = [];
    for (let i = 1; i <= 3; i++) {
      const answer = await player.ask({ type: 'update', streamId: `s${i}` });
      answers.push(answer.type);
    }
    expect(answers).toEqual(['ok', 'ok', 'ok']);
    const refused = await player.ask({ type: 'update', streamId: 's9', country: 'US' });
    expect(codeOf(refused)).toBe('rate_limited');
    const { body } = await server.get('/concurrency/user/u');
    expect(body.sessions).toMatchObject([{ streamId: 's3' }]);
    expect(body.sessions[0]).not.toHaveProperty('country');
    // Neither the same stream again nor anything else is a switch.
    expect(await player.ask({ type: 'update', streamId: 's3', country: 'US' })).toMatchObject({ type: 'ok' });
    await eventually(async () => {
      expect(await player.ask({ type: 'update', streamId: 's9' })).toMatchObject({ type: 'ok' });
    });
  });
});
