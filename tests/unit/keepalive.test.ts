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
    // Looked at when the wheel comes by, at each hundredth of the interval.
    expect(waitedMs).toBeLessThanOrEqual(timeoutMs + PING_MS / 100);
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

test('[W21] pings are spread evenly over the interval', () => {
  const sockets = Array.from({ length: 100 }, () => socketOf(1));
  start(2_500, ...sockets);
  jest.advanceTimersByTime(PING_MS);
  const at = sockets.map(({ pings }) => pings);
  expect(at.every((pings) => pings.length === 1)).toBe(true);
  expect(new Set(at.flat()).size).toBe(100);
});
