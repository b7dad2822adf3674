/** Connections that die without a word, sleep, leaving at any moment, and what is said of it. */
import { describe, expect, jest, test } from '@jest/globals';
import type { PresenceClient } from '../../gateway/client/presence-client.ts';
import { PresenceSubscription } from '../../gateway/client/presence-subscription.ts';
import { handPlayers } from '../support/hand-players.ts';
import type { HandSocket } from '../support/hand-socket.ts';
import { welcome } from '../support/scripted-server.ts';

const { WebSocket, event, documentEvent, sockets, made, pass, last, playerOf, livePlayer } = handPlayers();

const typesOf = (socket: HandSocket | undefined) => socket?.sent.map(({ type }) => type);

/** All events of a player by name, with the state that can be read at each. */
function record(player: PresenceClient): string[] {
  const seen: string[] = [];
  for (const name of ['welcome', 'denied', 'evicted', 'disconnected', 'reconnecting', 'closed', 'state'] as const) {
    player.on(name, () => seen.push(`${name}:${player.status.state}`));
  }
  return seen;
}

describe('[W34] a connection that died without a word', () => {
  test.each(['player', 'subscription'])(
    'a %s asks after 1.5 ping intervals of silence, and leaves it',
    async (kind) => {
      const options = { url: 'ws://test/ws', WebSocket };
      const client = kind === 'player' ? playerOf() : new PresenceSubscription({ ...options, topic: 'all' });
      made.push(client);
      client.connect().catch(() => {});
      await pass(0);
      last().welcome();
      last().answersPings = false;
      const id = last().sent[1]?.id;
      if (id) last().reply({ type: 'subscribed', id, topic: 'all', resumed: true });
      await pass(37_400);
      expect([last().pings, client.state]).toEqual([0, 'live']);
      await pass(100);
      expect(last().pings).toBe(1);
      await pass(5_000);
      expect(client.state).toBe('reconnecting');
    },
  );

  test('a player that the server wants to hear of says so in time, whatever comes', async () => {
    const player = await livePlayer({}, { silenceTimeoutMs: 60_000 });
    for (let i = 0; i < 12; i++) {
      await pass(10_000);
      last().reply({ type: 'ok', id: 'x' });
    }
    expect([last().pings, player.state]).toEqual([6, 'live']);
  });

  test('any frame is an answer, and puts the question off', async () => {
    const player = await livePlayer();
    last().answersPings = false;
    for (let i = 0; i < 20; i++) {
      await pass(20_000);
      last().reply({ type: 'drain-of-a-later-version' });
    }
    expect([last().pings, player.state]).toEqual([0, 'live']);
  });

  test('it is asked also when the clock of the device was set back', async () => {
    await livePlayer();
    jest.setSystemTime(Date.now() - 3_600_000);
    await pass(37_500);
    expect(last().pings).toBeGreaterThan(0);
  });

  const WAKERS: [string, () => void][] = [
    ['online', () => event('online')],
    ['pageshow', () => event('pageshow')],
    ['resume', () => documentEvent('resume')],
    ['visibilitychange', () => documentEvent('visibilitychange', 'visible')],
  ];
  test.each(WAKERS)('it is asked at %s', async (_, wake) => {
    await livePlayer();
    wake();
    expect(last().pings).toBe(1);
  });

  test('it is asked by wake(), and not when the page is hidden', async () => {
    const player = await livePlayer();
    documentEvent('visibilitychange', 'hidden');
    expect(last().pings).toBe(0);
    player.wake();
    expect(last().pings).toBe(1);
  });

  test('a page that slept while it waited for the answer reads what came before it judges', async () => {
    const player = await livePlayer();
    last().answersPings = false;
    player.wake();
    await pass(1_000);
    // The clock goes on, no timer does.
    jest.setSystemTime(Date.now() + 3_600_000);
    await pass(4_000);
    expect(player.state).toBe('live');
    last().reply({ type: 'pong' });
    await pass(20_000);
    expect([player.state, sockets.length]).toEqual(['live', 1]);
  });

  test.each([
    ['freeze', () => documentEvent('freeze'), () => documentEvent('resume')],
    ['pagehide', () => event('pagehide'), () => event('pageshow')],
  ])('a page that sleeps (%s) gives its socket up, and comes back when it wakes', async (_, sleep, wake) => {
    const player = await livePlayer();
    sleep();
    expect([last().closedBy, player.state]).toEqual([1000, 'reconnecting']);
    await pass(60_000);
    expect(sockets).toHaveLength(1);
    wake();
    await pass(0);
    last().welcome();
    expect([player.state, last().sent[0]?.resume]).toEqual(['live', 'token']);
  });
});

describe('[W31] coming back', () => {
  test('a node that restarts within the grace is found within it', async () => {
    const player = await livePlayer();
    await pass(60_000);
    last().reply({ type: 'drain', reconnectInMs: 0 });
    last().end(1001);
    const at = Date.now();
    let tried = 0;
    while (Date.now() - at < 10_000) {
      await pass(50);
      if (sockets.length === tried) continue;
      tried = sockets.length;
      last().end(1006);
    }
    expect(tried).toBeGreaterThanOrEqual(6);
    expect(player.state).toBe('reconnecting');
  });

  test('a server that asks to be spared is spared', async () => {
    const player = await livePlayer();
    const delays: number[] = [];
    player.on('reconnecting', ({ delayMs }) => delays.push(delayMs));
    for (let i = 0; i < 5; i++) {
      last().end(4100);
      await pass(delays.at(-1) as number);
    }
    expect(delays).toEqual([500, 1_000, 2_000, 4_000, 8_000]);
  });

  test('connect() while reconnecting tries at once, and does not end what was for ever', async () => {
    const player = await livePlayer({ connectTimeoutMs: 60_000 });
    last().end(1006);
    expect(player.state).toBe('reconnecting');
    const again = player.connect();
    await pass(0);
    expect(sockets).toHaveLength(2);
    for (let i = 0; i < 40; i++) {
      last().end(1006);
      await pass(30_000);
    }
    expect(player.state).toBe('reconnecting');
    last().welcome();
    expect(await again).toMatchObject({ userId: 'u' });
  });
});

describe('[W13] leaving frees the slot', () => {
  test('between hello and welcome: behind the hello', async () => {
    const player = playerOf();
    const connected = expect(player.connect()).rejects.toMatchObject({ code: 'closed' });
    await pass(0);
    last().accept();
    const left = player.leave();
    expect(typesOf(last())).toEqual(['hello', 'leave']);
    expect(last().closedBy).toBeUndefined();
    last().reply(welcome(last().sent[0]!));
    last().end(1000);
    await Promise.all([left, connected]);
    expect([player.state, player.session]).toEqual(['closed', undefined]);
  });

  test('before the hello: nothing is said', async () => {
    const player = playerOf({ token: () => new Promise(() => {}) });
    player.connect().catch(() => {});
    await pass(0);
    await player.leave();
    expect([player.state, sockets.length]).toEqual(['closed', 0]);
  });

  test('while it reconnects: by the next hello, at once', async () => {
    const player = await livePlayer();
    last().end(1006);
    const left = player.leave();
    await pass(0);
    last().accept();
    expect(typesOf(last())).toEqual(['hello', 'leave']);
    expect(last().sent[0]).toMatchObject({ resume: 'token' });
    last().reply(welcome(last().sent[0]!));
    last().end(1000);
    await left;
    expect(player.state).toBe('closed');
    await pass(60_000);
    expect(sockets).toHaveLength(2);
  });

  test('before the hello of a player that was closed a moment ago: the session that waits for it is ended', async () => {
    const player = await livePlayer();
    player.close();
    player.connect().catch(() => {});
    const left = player.leave();
    await pass(0);
    last().accept();
    expect(typesOf(last())).toEqual(['hello', 'leave']);
    expect(last().sent[0]).toMatchObject({ resume: 'token' });
    last().end(1000);
    await left;
    expect(player.state).toBe('closed');
  });

  test('before the first hello of a page that was loaded anew: the session of the page before is ended', async () => {
    const player = playerOf({ resume: 'of the page before' });
    player.connect().catch(() => {});
    const left = player.leave();
    await pass(0);
    last().end(1006);
    expect(player.state).toBe('connecting');
    await pass(500);
    last().accept();
    expect(last().sent).toMatchObject([{ type: 'hello', resume: 'of the page before' }, { type: 'leave' }]);
    last().reply(welcome(last().sent[0]!));
    last().end(1000);
    await left;
    expect([player.state, player.session]).toEqual(['closed', undefined]);
    void player.connect();
    await pass(0);
    last().accept();
    expect(last().sent[0]).not.toHaveProperty('resume');
  });

  test('behind a hello whose connection is lost: the server may have taken it up, so both are said again', async () => {
    const player = playerOf();
    player.connect().catch(() => {});
    await pass(0);
    last().accept();
    const left = player.leave();
    last().end(1006);
    await pass(500);
    last().accept();
    expect(last().sent).toMatchObject([
      { type: 'hello', sessionId: sockets[0]?.sent[0]?.sessionId },
      { type: 'leave' },
    ]);
    last().end(1000);
    await left;
    expect([player.state, sockets.length]).toEqual(['closed', 2]);
  });

  test('on a connection that died without a word: by the next one', async () => {
    const player = await livePlayer();
    last().answersPings = false;
    const left = player.leave();
    await pass(5_000);
    await pass(500);
    expect(sockets).toHaveLength(2);
    last().accept();
    expect(typesOf(last())).toEqual(['hello', 'leave']);
    expect(last().sent[0]).toMatchObject({ resume: 'token' });
    last().end(1000);
    await left;
    expect(player.state).toBe('closed');
  });

  test('while it reconnects, long after the grace: nobody is bothered', async () => {
    const player = await livePlayer();
    last().end(1006);
    await pass(500);
    last().end(1006);
    await pass(10_000);
    const tried = sockets.length;
    for (const socket of sockets) socket.end(1006);
    await player.leave();
    expect([player.state, sockets.length]).toEqual(['closed', tried]);
  });

  test('a drain meanwhile does not stop it', async () => {
    const player = await livePlayer();
    const left = player.leave();
    last().end(1001);
    await pass(0);
    last().accept();
    expect(typesOf(last())).toEqual(['hello', 'leave']);
    last().end(1000);
    await left;
  });

  test('without an answer it is over after a while, and connect() waits for that', async () => {
    const player = await livePlayer();
    const left = player.leave();
    const again = player.connect();
    await pass(10_000);
    await left;
    await pass(0);
    expect(sockets).toHaveLength(2);
    last().welcome();
    await again;
    expect(last().sent[0]).not.toHaveProperty('resume');
  });
});

describe('what is said', () => {
  test('nothing that is not awaited is an unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const listen = (error: unknown): unknown => unhandled.push(error);
    process.on('unhandledRejection', listen);
    const player = playerOf();
    const subscription = new PresenceSubscription({ url: 'ws://test/ws', WebSocket, topic: 'all' });
    void player.sendEvent('click');
    void player.check();
    void player.connect();
    void subscription.connect();
    void player.update({ streamId: 's' });
    player.close();
    subscription.close();
    void player.update({ streamId: 's' });
    await pass(1);
    jest.useRealTimers();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });

  test('an eviction: all can be read before the first event, and who it was', async () => {
    const player = await livePlayer({ sessionId: 'mine' });
    const seen = record(player);
    last().reply({ type: 'evicted', reason: 'evicted', by: { sessionId: 'other', deviceType: 'tv' } });
    last().end(4010);
    expect(seen).toEqual(['evicted:closed', 'disconnected:closed', 'closed:closed', 'state:closed']);
    expect(player.status).toMatchObject({
      evicted: { reason: 'evicted', who: 'other-device', by: { deviceType: 'tv' } },
      error: { code: 'evicted', closeCode: 4010 },
    });
  });

  test.each([
    ['replaced', { sessionId: 'mine' }, 'same-session'],
    ['replaced', { sessionId: 'other' }, 'other-device'],
    ['kicked', undefined, 'operator'],
  ])('[W16] %s by %j: %s', async (reason, by, who) => {
    const player = await livePlayer({ sessionId: 'mine' });
    last().reply({ type: 'evicted', reason, by });
    expect(player.status.evicted).toMatchObject({ who });
  });

  test('a refusal: the same order, and a listener that connects again hears nothing more of it', async () => {
    const player = playerOf();
    const seen = record(player);
    player.on('denied', ({ conflicts }) => void player.connect({ replace: conflicts.map((c) => c.sessionId) }));
    player.connect().catch(() => {});
    await pass(0);
    last().accept();
    const problem = {
      code: 'concurrency_limit',
      status: 409,
      detail: '',
      max: 1,
      current: 1,
      conflicts: [{ sessionId: 'x' }],
    };
    last().reply({ type: 'error', problem });
    await pass(0);
    last().welcome();
    expect(seen).toEqual(['state:connecting', 'denied:closed', 'state:connecting', 'welcome:live', 'state:live']);
    expect(last().sent[0]).toMatchObject({ replace: ['x'] });
    expect(player.status.denied).toBeUndefined();
  });

  test('a loss and a return: disconnected, then what comes next, and the state last', async () => {
    const player = await livePlayer();
    const seen = record(player);
    last().end(1006);
    await pass(500);
    last().welcome();
    expect(seen).toEqual([
      'disconnected:reconnecting',
      'reconnecting:reconnecting',
      'state:reconnecting',
      'welcome:live',
      'state:live',
    ]);
  });

  test('status is the same object until something changes', async () => {
    const player = await livePlayer();
    const before = player.status;
    expect(player.status).toBe(before);
    let changes = 0;
    const off = player.onStateChange(() => (changes += 1));
    void player.check();
    last().reply({ type: 'heartbeat', id: last().sent.at(-1)?.id, current: 2, max: 3 });
    expect([changes, player.status === before, player.status.current]).toEqual([1, false, 2]);
    off();
  });

  test('[W31] a problem that was not followed by a close is not the reason of a later one', async () => {
    const player = await livePlayer();
    last().reply({ type: 'error', problem: { code: 'forbidden', status: 403, detail: 'no' } });
    last().end(4000);
    expect(player.status.error).toMatchObject({ code: 'closed', closeCode: 4000 });
  });

  test('a connect that gives up says what went wrong last', async () => {
    const player = playerOf({ connectTimeoutMs: 5_000 });
    const connected = expect(player.connect()).rejects.toMatchObject({
      code: 'timeout',
      cause: { code: 'overloaded', closeCode: 4100 },
    });
    await pass(0);
    last().accept();
    last().reply({ type: 'error', problem: { code: 'overloaded', status: 503, detail: 'too much' } });
    last().onclose?.({ code: 4100, reason: 'overloaded' });
    last().readyState = 3;
    await pass(5_000);
    await connected;
  });
});
