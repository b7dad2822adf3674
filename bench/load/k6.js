/**
 * The same kind of load by k6 (https://k6.io), for those who have it already, or load from many machines with it:
 *
 *   k6 run -e URL=ws://127.0.0.1:8080/ws -e HTTP=http://127.0.0.1:8081 -e PLAYERS=500 -e HOLD=2m bench/load/k6.js
 *
 * Variables: URL, HTTP (none: no status queries), PLAYERS (100), RAMP (10s), HOLD (1m), RATE of status queries (10 a
 * second), TOKEN (a JWT of one user with the scopes presence:player and presence:read; its user plays on one screen) and
 * API_KEY for HTTP.
 *
 * A k6 player waits for one act to end before the next begins, so under a slow server fewer acts are made than planned,
 * and their latencies look better than what people meet; only the status queries come at a fixed rate. It checks no
 * invariants. `presence-load` does both, and needs nothing installed.
 */
import { check } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';
import { WebSocket } from 'k6/websockets';

const { URL, HTTP, TOKEN, API_KEY, PLAYERS = '100', RAMP = '10s', HOLD = '1m', RATE = '10' } = __ENV;
const SWITCH_EVERY_MS = 5_000;
const STATUS_IDS = 100;
const LEAVE_AFTER_MS = 30_000;

const welcome = new Trend('presence_welcome', true);
const zap = new Trend('presence_switch', true);
const refused = new Counter('presence_refused');
const closes = new Counter('presence_closes');

export const options = {
  scenarios: {
    players: {
      executor: 'ramping-vus',
      exec: 'player',
      stages: [
        { duration: RAMP, target: TOKEN ? 1 : Number(PLAYERS) },
        { duration: HOLD, target: TOKEN ? 1 : Number(PLAYERS) },
      ],
      gracefulStop: '40s',
    },
    ...(HTTP && {
      status: {
        executor: 'constant-arrival-rate',
        exec: 'status',
        rate: Number(RATE),
        timeUnit: '1s',
        duration: HOLD,
        startTime: RAMP,
        preAllocatedVUs: 20,
        maxVUs: 200,
      },
    }),
  },
  thresholds: {
    presence_welcome: ['p(99)<100'],
    presence_switch: ['p(99)<100'],
    checks: ['rate>0.999'],
  },
};

const userOf = (number) => `k6-u${number}`;
const streamOf = () => `k6-s${Math.floor(Math.random() ** 2 * 500)}`;

/** One player: comes, switches every 5 s, leaves after 30 s, and comes again. */
export function player() {
  const begun = Date.now();
  const socket = new WebSocket(URL, 'presence.v1.json');
  let switched = 0;
  const send = (message) => socket.send(JSON.stringify(message));
  const hello = {
    type: 'hello',
    streamId: streamOf(),
    deviceType: 'web',
    ...(TOKEN ? { token: TOKEN } : { userId: userOf(exec.vu.idInTest) }),
  };
  socket.addEventListener('open', () => send(hello));
  socket.addEventListener('message', ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.type === 'welcome') {
      welcome.add(Date.now() - begun);
      const switching = setInterval(() => {
        switched = Date.now();
        send({ type: 'update', id: 1, streamId: streamOf() });
      }, SWITCH_EVERY_MS);
      setTimeout(() => {
        clearInterval(switching);
        send({ type: 'leave' });
      }, LEAVE_AFTER_MS);
    } else if (frame.type === 'ok') {
      zap.add(Date.now() - switched);
    } else if (frame.type === 'error') {
      refused.add(1, { code: frame.problem.code });
    }
  });
  socket.addEventListener('close', ({ code }) => {
    closes.add(1, { code: String(code) });
    check(code, { 'closed as asked': () => code === 1000 });
  });
}

/** Who of a list is online. */
export function status() {
  const ids = Array.from({ length: STATUS_IDS }, () => userOf(1 + Math.floor(Math.random() * Number(PLAYERS))));
  const headers = API_KEY ? { 'x-api-key': API_KEY } : TOKEN ? { authorization: `Bearer ${TOKEN}` } : {};
  const reply = http.get(`${HTTP}/status/users?ids=${ids.join(',')}`, { headers, tags: { name: 'status' } });
  check(reply, {
    'all are answered': ({ status: code, body }) => code === 200 && JSON.parse(body).users.length === STATUS_IDS,
  });
}
