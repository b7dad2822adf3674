/** Players as people use them: they tune in, zap, leave, lose their network, and share accounts. */
import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

export interface SimulationTarget {
  readonly wsPort: number;
  readonly httpPort: number;
  readonly players: number;
}

const STREAMS = ['tnt', 'espn', 'abc', 'hbo', 'news24', 'kids', 'cinema', 'docu'];
const DEVICES = ['android', 'ios', 'web', 'appletv', 'firetv', 'roku'];
const PLACES = [
  { country: 'US', state: 'CA' },
  { country: 'US', state: 'TX' },
  { country: 'US', state: 'NY' },
  { country: 'DE', state: 'BE' },
  { country: 'BR', state: 'SP' },
];
/** Mean times; each stay and pause is drawn from an exponential distribution, as people's are. */
const WATCH_MS = 30_000;
const AWAY_MS = 12_000;
const ZAP_MS = 10_000;
const BEAT_MS = 5_000;
/** One in so many plays by HTTP heartbeats only. */
const HTTP_EVERY = 5;
/** Players per account: more than the limit of 3 for some, so that refusals happen. */
const PLAYERS_PER_USER = [1, 1, 1, 2, 2, 4];

const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;
/** Popular streams draw most: the square favours the front of the list. */
const pickStream = (): string => STREAMS[Math.floor(Math.random() ** 2 * STREAMS.length)] as string;
const drawn = (meanMs: number): number => Math.min(-Math.log(1 - Math.random()), 5) * meanMs;

/** Starts the players; they run until `stop`. */
export function simulatePlayers(target: SimulationTarget): { stop(): void } {
  const ended = new AbortController();
  // Each player waits on it.
  setMaxListeners(0, ended.signal);
  let user = 0;
  for (let i = 0; i < target.players; user++) {
    for (let n = PLAYERS_PER_USER[user % PLAYERS_PER_USER.length] as number; n > 0 && i < target.players; n--, i++) {
      const player = i % HTTP_EVERY === HTTP_EVERY - 1 ? playByHttp : playBySocket;
      void live(player, target, `user${user}`, ended.signal);
    }
  }
  return { stop: () => ended.abort() };
}

type Play = (target: SimulationTarget, userId: string, signal: AbortSignal) => Promise<void>;

async function live(play: Play, target: SimulationTarget, userId: string, signal: AbortSignal): Promise<void> {
  const pause = (ms: number): Promise<unknown> => sleep(ms, undefined, { signal }).catch(() => {});
  await pause(Math.random() * AWAY_MS);
  while (!signal.aborted) {
    await play(target, userId, signal).catch(() => {});
    await pause(drawn(AWAY_MS));
  }
}

async function playBySocket(target: SimulationTarget, userId: string, signal: AbortSignal): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${target.wsPort}/ws`, 'presence.v1.json');
  const over = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    socket.once('error', () => resolve());
  });
  const send = (message: object): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  socket.once('open', () =>
    send({ type: 'hello', userId, streamId: pickStream(), deviceType: pick(DEVICES), ...pick(PLACES) }),
  );
  const zap = setInterval(() => send({ type: 'update', streamId: pickStream() }), ZAP_MS * (0.5 + Math.random()));
  await Promise.race([over, sleep(drawn(WATCH_MS), undefined, { signal }).catch(() => {})]);
  clearInterval(zap);
  // One in four loses its network: no leave, the slot frees after the resume grace.
  if (Math.random() < 0.25) socket.terminate();
  else send({ type: 'leave' });
  await over;
}

async function playByHttp(target: SimulationTarget, userId: string, signal: AbortSignal): Promise<void> {
  const url = `http://127.0.0.1:${target.httpPort}/heartbeat`;
  const headers = { 'content-type': 'application/json' };
  const session = {
    userId,
    sessionId: randomUUID(),
    streamId: pickStream(),
    deviceType: pick(DEVICES),
    ...pick(PLACES),
  };
  const until = Date.now() + drawn(WATCH_MS);
  while (Date.now() < until && !signal.aborted) {
    const reply = await fetch(url, { method: 'POST', headers, body: JSON.stringify(session), signal });
    await reply.text();
    if (reply.status !== 200) return;
    await sleep(BEAT_MS, undefined, { signal });
  }
  await fetch(url, {
    method: 'DELETE',
    headers,
    body: JSON.stringify({ userId, sessionId: session.sessionId }),
    signal,
  });
}
