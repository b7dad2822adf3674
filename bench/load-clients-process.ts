/**
 * Many players in a process of their own: opens a socket and a session for each, tells when all are welcomed, and holds
 * them to its end; pings are answered as by real networks, each a little later. Raw sockets, so that the load weighs less
 * than what is measured.
 */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inLanes, makeSessions } from './players.ts';

export interface LoadClientsOrder {
  readonly port: number;
  /** Which of the sessions of `makeSessions`. */
  readonly from: number;
  readonly count: number;
  /** Connecting at once. */
  readonly lanes: number;
  /** At this rate, so that the load does not depend on how fast it is answered; undefined: as fast as the lanes allow. */
  readonly perSecond?: number;
}

const HOST = '127.0.0.1';
const MAX_SHORT = 125;
/** A ping of the server: empty. Nothing else that it sends has these two bytes, as its other frames are texts in ASCII. */
const PING = '\x89\x00';
/** Empty, with a mask of zeros. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
/** Round trips of real players differ by as much, so their answers do not come together. */
const PONG_SPREAD_MS = 80;

/** A masked text frame. */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const mask = randomBytes(4);
  const { length } = payload;
  const head = length > MAX_SHORT ? [0x81, 0xfe, length >> 8, length & 0xff] : [0x81, 0x80 | length];
  return Buffer.concat([Buffer.from(head), mask, payload.map((byte, i) => byte ^ (mask[i & 3] as number))]);
}

/** @returns what else was received: a ping may come before the welcome, or together with it. */
function answerPings(socket: Socket, received: string): string {
  const [first = '', ...rest] = received.split(PING);
  for (const _ of rest) setTimeout(() => socket.write(PONG), Math.random() * PONG_SPREAD_MS);
  return first + rest.join('');
}

function openSession(port: number, hello: object): Promise<void> {
  const upgrade = [
    'GET /ws HTTP/1.1',
    `Host: ${HOST}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
  ];
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: HOST, noDelay: true });
    let received = '';
    let isUpgraded = false;
    let isWelcome = false;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      const rest = answerPings(socket, chunk);
      if (isWelcome) return;
      received += rest;
      if (!isUpgraded && received.startsWith('HTTP/1.1 101') && received.includes('\r\n\r\n')) {
        isUpgraded = true;
        socket.write(textFrame(JSON.stringify({ type: 'hello', ...hello })));
      }
      if (!received.includes('"type":"welcome"')) return;
      isWelcome = true;
      received = '';
      resolve();
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${received.slice(0, 300)}`)));
    socket.write(`${upgrade.join('\r\n')}\r\n\r\n`);
  });
}

process.once('message', async ({ port, from, count, lanes, perSecond }: LoadClientsOrder) => {
  const hellos = makeSessions(from + count)
    .slice(from)
    .map(({ userId, sessionId, attributes }) => ({ userId, sessionId, ...attributes }));
  const begun = performance.now();
  await inLanes(hellos, lanes, async (hello, i) => {
    if (perSecond !== undefined) await sleep(begun + (i * 1_000) / perSecond - performance.now());
    await openSession(port, hello);
  });
  process.send?.({ elapsedMs: performance.now() - begun });
});
