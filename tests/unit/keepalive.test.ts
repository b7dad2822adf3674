/** Pings and their deadlines, by a clock that the test moves. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Keepalive, type PingedSocket } from '../../gateway/sessions/keepalive.ts';

const PING_MS = 10_000;

let keepalive: Keepalive;
beforeEach(() => {
  jest.useFakeTimers({ now: 0 });
});
afterEach(() => {
  keepalive.stop();
  jest.useRealTimers();
});

interface TestSocket extends PingedSocket {
  readonly pings: number[];
  readonly ends: [code: string, at: number][];
}

/** @param pongAfterMs undefined: it never answers. */
function socketOf(pongAfterMs?: number): TestSocket {
  const socket: TestSocket = {
    pings: [],
    ends: [],
    unansweredSince: 0,
    isHeard: true,
    silentSince: 0,
    pingSlot: 0,
    socket: {
      ping() {
        socket.pings.push(Date.now());
        if (pongAfterMs !== undefined) setTimeout(() => (socket.unansweredSince = 0), pongAfterMs);
      },
    },
    end(code) {
      socket.ends.push([code, Date.now()]);
      keepalive.remove(socket);
    },
  };
  return socket;
}

function start(pongTimeoutMs: number, ...sockets: TestSocket[]): void {
  keepalive = new Keepalive(PING_MS, pongTimeoutMs);
  for (const socket of sockets) keepalive.add(socket);
  keepalive.start();
}

test.each([2_500, 10_000, 25_000])(
  '[W21] a silent socket ends %d ms after its first ping, however many follow',
  (timeoutMs) => {
    const silent = socketOf();
    start(timeoutMs, silent);
    jest.advanceTimersByTime(10 * PING_MS);
    const [first = 0] = silent.pings;
    expect(silent.pings).toHaveLength(Math.floor(timeoutMs / PING_MS) + 1);
    expect(silent.ends).toEqual([['pong_timeout', expect.any(Number)]]);
    const waitedMs = (silent.ends[0]?.[1] ?? 0) - first;
    expect(waitedMs).toBeGreaterThanOrEqual(timeoutMs);
    expect(waitedMs).toBeLessThanOrEqual(timeoutMs + PING_MS / 25);
  },
);

test('[W21] a socket that answers within the time stays, and one that falls silent later ends', () => {
  const answering = socketOf(2_400);
  let isSilent = false;
  const falling = socketOf();
  falling.socket.ping = () => {
    falling.pings.push(Date.now());
    if (!isSilent) falling.unansweredSince = 0;
  };
  start(2_500, answering, falling);
  jest.advanceTimersByTime(5 * PING_MS);
  expect([answering.ends, falling.ends]).toEqual([[], []]);
  isSilent = true;
  jest.advanceTimersByTime(2 * PING_MS);
  expect([answering.ends.length, falling.ends.length]).toEqual([0, 1]);
});

test('[W34] a socket from which no message comes within the time ends, though it answers pings', () => {
  const [frozen, speaking] = [socketOf(1), socketOf(1)];
  keepalive = new Keepalive(PING_MS, 2_500, 5 * PING_MS);
  for (const socket of [frozen, speaking]) keepalive.add(socket);
  keepalive.start();
  const talk = setInterval(() => (speaking.isHeard = true), 3 * PING_MS);
  jest.advanceTimersByTime(20 * PING_MS);
  clearInterval(talk);
  expect([frozen.ends.length, speaking.ends.length]).toEqual([1, 0]);
  // The time counts from the first ping that found it silent.
  expect(frozen.pings.length).toBe(6);
  expect(frozen.ends[0]?.[0]).toBe('pong_timeout');
});

test('[W21] pings are spread evenly over the interval', () => {
  const sockets = Array.from({ length: 100 }, () => socketOf(1));
  start(2_500, ...sockets);
  jest.advanceTimersByTime(PING_MS);
  const at = sockets.map(({ pings }) => pings);
  expect(at.every((pings) => pings.length === 1)).toBe(true);
  expect(new Set(at.flat()).size).toBe(25);
});

test('[W21] with the default times an unanswered ping ends its socket at 10 s, and pings follow each other at 25 s', () => {
  const [silent, answering] = [socketOf(), socketOf(80)];
  keepalive = new Keepalive(25_000, 10_000);
  for (const socket of [silent, answering]) keepalive.add(socket);
  keepalive.start();
  jest.advanceTimersByTime(80_000);
  // An immediate of the test's clock takes a millisecond.
  expect(silent.ends).toEqual([['pong_timeout', (silent.pings[0] as number) + 10_001]]);
  expect(answering.pings).toEqual([2_000, 27_000, 52_000, 77_000]);
});

test('[W21] a gateway that stood still reads the answers that wait before it ends anybody, and pings whom it kept waiting', () => {
  const now = performance.now.bind(performance);
  let stoodStillMs = 0;
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => now() + stoodStillMs);
  const waiting = socketOf();
  const others = Array.from({ length: 24 }, () => socketOf(1));
  start(2_500, waiting, ...others);
  jest.advanceTimersByTime(PING_MS / 25);
  expect(waiting.pings).toHaveLength(1);
  stoodStillMs = PING_MS;
  jest.advanceTimersByTime(PING_MS / 25 + 1);
  expect(waiting.ends).toEqual([]);
  waiting.unansweredSince = 0;
  jest.advanceTimersByTime(PING_MS / 2);
  expect([waiting, ...others].map(({ pings }) => pings.length >= 1)).not.toContain(false);
  expect([waiting, ...others].flatMap(({ ends }) => ends)).toEqual([]);
  clock.mockRestore();
});

test('[W21] many sockets of one burst are pinged over several turns of the loop', () => {
  const sockets = Array.from({ length: 25 * 1_200 }, () => socketOf(1));
  start(2_500, ...sockets);
  jest.advanceTimersToNextTimer();
  expect(sockets.filter(({ pings }) => pings.length > 0)).toHaveLength(500);
  jest.advanceTimersByTime(PING_MS - PING_MS / 25 / 2);
  expect(sockets.every(({ pings }) => pings.length === 1)).toBe(true);
});
