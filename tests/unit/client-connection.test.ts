/** How the SDK keeps a connection: a clock and a server that the test moves by hand. */
import { describe, expect, jest, test } from '@jest/globals';
import type { PresenceClient } from '../../gateway/client/presence-client.ts';
import { PresenceSubscription } from '../../gateway/client/presence-subscription.ts';
import { CLOSE_CODES } from '../../gateway/protocol/close-codes.ts';
import { handPlayers } from '../support/hand-players.ts';

const URL = 'ws://test/ws';
const AT_ONCE = Object.values(CLOSE_CODES).filter(({ reconnect }) => reconnect === 'now');

const { WebSocket, event, sockets, made, pass, last, playerOf, livePlayer } = handPlayers();

/** What a browser reports when the network is back. */
const online = (): void => event('online');

describe('giving up', () => {
  test('ends a connect without a welcome after connectTimeoutMs, however many attempts that were', async () => {
    const player = playerOf({ connectTimeoutMs: 60_000 });
    const connected = expect(player.connect()).rejects.toMatchObject({ code: 'timeout' });
    await pass(59_999);
    expect(player.state).toBe('connecting');
    expect(sockets.length).toBeGreaterThan(1);
    await pass(1);
    await connected;
    expect(player.state).toBe('closed');
    const tried = sockets.length;
    await pass(600_000);
    expect(sockets).toHaveLength(tried);
  });

  test('ends what is too big for the server, which would cut it each time it is said', async () => {
    const tooBig = { code: 'closed', closeCode: 1009 };
    const player = playerOf({ meta: { note: 'x'.repeat(17_000) } });
    const connected = expect(player.connect()).rejects.toMatchObject(tooBig);
    await pass(0);
    last().accept();
    await connected;
    await pass(600_000);
    expect([player.state, sockets.length, last().sent]).toEqual(['closed', 1, []]);

    const live = await livePlayer();
    const update = expect(live.update({ meta: { note: 'x'.repeat(17_000) } })).rejects.toMatchObject(tooBig);
    await update;
    expect(live.state).toBe('closed');
  });

  test('does not count the sleep of the page: when it wakes, there is time again', async () => {
    const player = playerOf();
    const outcome = expect(player.connect()).rejects.toMatchObject({ code: 'timeout' });
    await pass(1_000);
    event('pagehide');
    jest.setSystemTime(Date.now() + 3_600_000);
    await pass(59_500);
    event('pageshow');
    expect(player.state).toBe('connecting');
    await pass(60_000);
    await outcome;
  });

  test('is over at the welcome: the connection lasts', async () => {
    const player = await livePlayer({ connectTimeoutMs: 60_000 });
    await pass(600_000);
    expect([player.state, last().closedBy]).toEqual(['live', undefined]);
  });

  test('is over at the welcome also for a later loss', async () => {
    const player = await livePlayer({ connectTimeoutMs: 60_000 });
    await pass(30_000);
    last().end(1006);
    await pass(300_000);
    expect(player.state).toBe('reconnecting');
  });

  test('is over for a subscription once it is up to date', async () => {
    const subscription = new PresenceSubscription({ url: URL, WebSocket, topic: 'all', connectTimeoutMs: 60_000 });
    made.push(subscription);
    const connected = subscription.connect();
    await pass(0);
    last().welcome();
    last().reply({ type: 'subscribed', id: last().sent[1]?.id, topic: 'all', resumed: false });
    last().reply({ type: 'snapshot', topic: 'all', page: 0, last: true, sessions: [], cursor: 'c' });
    await connected;
    await pass(600_000);
    expect([subscription.state, last().closedBy]).toEqual(['live', undefined]);
  });

  test('ends a subscription that was welcomed and is never up to date', async () => {
    const subscription = new PresenceSubscription({ url: URL, WebSocket, topic: 'all', connectTimeoutMs: 5_000 });
    made.push(subscription);
    const connected = expect(subscription.connect()).rejects.toMatchObject({ code: 'timeout' });
    await pass(0);
    last().welcome();
    await pass(5_000);
    await connected;
    expect(subscription.state).toBe('closed');
  });
});

describe('when the network is back', () => {
  test('an attempt that waits for its turn is made at once', async () => {
    const player = await livePlayer({ backoffBaseMs: 30_000 });
    last().end(1006);
    await pass(0);
    expect(sockets).toHaveLength(1);
    online();
    await pass(0);
    expect(sockets).toHaveLength(2);
    last().welcome();
    expect(player.state).toBe('live');
  });

  test('one that is under way is left alone', async () => {
    await livePlayer();
    last().end(1006);
    await pass(500);
    expect(sockets).toHaveLength(2);
    online();
    await pass(0);
    expect(sockets).toHaveLength(2);
  });

  test('a live connection is asked, and opened anew when it does not answer', async () => {
    await livePlayer({ pongTimeoutMs: 10_000, backoffBaseMs: 0 });
    last().answersPings = false;
    online();
    expect(last().pings).toBe(1);
    await pass(9_999);
    expect(sockets).toHaveLength(1);
    await pass(2);
    expect(sockets).toHaveLength(2);
    expect(sockets[0]?.closedBy).toBe(1000);
  });

  test('a live connection that answers stays', async () => {
    await livePlayer();
    online();
    await pass(60_000);
    expect(sockets).toHaveLength(1);
  });

  test('a closed client stays closed', async () => {
    const player = await livePlayer();
    player.close();
    online();
    await pass(60_000);
    expect(sockets).toHaveLength(1);
  });
});

test.each(['player', 'subscription'])('a closed %s no longer listens to the page', async (kind) => {
  const names: string[] = [];
  Object.assign(globalThis, {
    addEventListener: (name: string) => names.push(name),
    removeEventListener: (name: string) => names.splice(names.indexOf(name), 1),
  });
  const client = kind === 'player' ? playerOf() : new PresenceSubscription({ url: URL, WebSocket, topic: 'all' });
  made.push(client);
  client.connect().catch(() => {});
  expect(names).toEqual(['online', 'pageshow', 'pagehide']);
  client.close();
  expect(names).toEqual([]);
});

/** At first a fifth of the grace at most, as the session waits for 10 s; later the full steps. */
const AS_WITHIN_GRACE = [0, 1_000, 2_000, 2_000, 2_000, 2_000, 2_000, 30_000];

describe('[W31] a server that always closes', () => {
  const delays = async (player: PresenceClient, rounds: number, close: () => void): Promise<number[]> => {
    const all: number[] = [];
    player.on('reconnecting', ({ delayMs }) => all.push(delayMs));
    for (let round = 0; round < rounds; round++) {
      close();
      await pass(all.at(-1) as number);
      last().welcome();
    }
    return all;
  };

  test.each(AT_ONCE)(
    'with $code: the client reconnects at once, and from the second time on with a back-off',
    async (c) => {
      const player = await livePlayer();
      expect(await delays(player, 8, () => last().end(c.code))).toEqual(AS_WITHIN_GRACE);
    },
  );

  test('after a drain: the same', async () => {
    const player = await livePlayer();
    const drained = (): void => {
      last().reply({ type: 'drain', reconnectInMs: 0 });
      last().end(1001);
    };
    expect(await delays(player, 8, drained)).toEqual(AS_WITHIN_GRACE);
  });

  test('before its welcome: the same', async () => {
    const player = playerOf();
    const all: number[] = [];
    player.on('reconnecting', ({ delayMs }) => all.push(delayMs));
    player.connect().catch(() => {});
    await pass(0);
    for (let round = 0; round < 4; round++) {
      last().end(4210);
      await pass(all.at(-1) as number);
    }
    expect(all).toEqual([0, 1_000, 2_000, 4_000]);
  });

  test('sets no back-off once a connection held for stableAfterMs', async () => {
    const player = await livePlayer({ stableAfterMs: 10_000 });
    const all = await delays(player, 3, () => last().end(4203));
    await pass(9_999);
    last().end(4203);
    await pass(4_000);
    last().welcome();
    await pass(10_000);
    last().end(4203);
    expect(all.slice(3)).toEqual([4_000, 0]);
  });
});

describe('what comes too late', () => {
  test('a token for an attempt that was given up opens nothing', async () => {
    const tokens: ((token: string) => void)[] = [];
    const token = (): Promise<string> => new Promise((resolve) => tokens.push(resolve));
    const player = playerOf({ token, helloTimeoutMs: 1_000, backoffBaseMs: 0 });
    player.connect().catch(() => {});
    await pass(1_001);
    expect(tokens).toHaveLength(2);
    tokens[0]?.('late');
    await pass(0);
    expect(sockets).toHaveLength(0);
    tokens[1]?.('in time');
    await pass(0);
    last().welcome();
    expect(last().sent[0]).toMatchObject({ token: 'in time' });
  });

  test('a token for a connection that is gone is not sent on the next one', async () => {
    let give: ((token: string) => void) | undefined;
    let asked = 0;
    const token = (): string | Promise<string> => {
      asked += 1;
      return asked === 2 ? new Promise((resolve) => (give = resolve)) : `token ${asked}`;
    };
    const player = await livePlayer({ token });
    last().reply({ type: 'token_expiring', expiresAt: 1 });
    last().end(4202);
    await pass(0);
    last().welcome();
    give?.('late');
    await pass(0);
    expect(player.state).toBe('live');
    expect(last().sent.map(({ type }) => type)).toEqual(['hello']);
  });

  test('frames and closes of a socket that was given up change nothing', async () => {
    const player = await livePlayer({ replyTimeoutMs: 1_000, backoffBaseMs: 0 });
    const asked = player.check();
    const failed = expect(asked).rejects.toMatchObject({ code: 'timeout' });
    await pass(1_001);
    await failed;
    last().welcome();
    const evictions: unknown[] = [];
    player.on('evicted', (eviction) => evictions.push(eviction));
    sockets[0]?.reply({ type: 'evicted', reason: 'kicked' });
    sockets[0]?.end(4011);
    await pass(60_000);
    expect([player.state, evictions, sockets.length]).toEqual(['live', [], 2]);
  });

  test('the end of a drain that was followed by another connection ends nothing', async () => {
    const player = await livePlayer({ replyTimeoutMs: 1_000 });
    last().reply({ type: 'drain', reconnectInMs: 5_000 });
    last().end(1001);
    await pass(0);
    last().welcome();
    await pass(60_000);
    expect([player.state, sockets.length]).toEqual(['live', 2]);
  });
});
