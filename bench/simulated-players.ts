/** Players as people use them: they tune in, zap, leave, lose their network, and share accounts. */
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';
import { PresenceClient, type PresenceError, type WebSocketConstructor } from '../gateway/client/index.ts';
import { CLICKS, chanceOf, drawn, pick, pickStream, type Viewer } from './world.ts';

export interface SimulationTarget {
  readonly wsPort: number;
  readonly httpPort: number;
  readonly viewers: readonly Viewer[];
}

/** Mean times. */
const WATCH_MS = 150_000;
const ZAP_MS = 25_000;
const KICK_MS = 40_000;
const BEAT_MS = 5_000;
/** All who watch at the start have come by then. */
const ARRIVAL_MS = 3_000;
/** One in so many plays by HTTP heartbeats only. */
const HTTP_EVERY = 6;
/** Who is refused: this share stops another screen instead. */
const TAKES_OVER = 0.4;
/** Of those who zap, the share that loses its network instead; of these, the share that never comes back. */
const LOSES = 0.06;
const NEVER_BACK = 0.4;

/** Starts the players; they run until `stop`. */
export function simulatePlayers(target: SimulationTarget): { stop(): void } {
  const ended = new AbortController();
  // Each player waits on it.
  setMaxListeners(0, ended.signal);
  for (const [i, viewer] of target.viewers.entries()) {
    const play = i % HTTP_EVERY === HTTP_EVERY - 1 ? playByHttp : playBySocket;
    void live(play, target, viewer, ended.signal);
  }
  void kickSomebody(target, ended.signal);
  return { stop: () => ended.abort() };
}

type Play = (target: SimulationTarget, viewer: Viewer, signal: AbortSignal) => Promise<void>;

const pause = (ms: number, signal: AbortSignal): Promise<unknown> => sleep(ms, undefined, { signal }).catch(() => {});

/** So long that, with the time to watch, as many are there as the hour wants. */
const awayMs = (viewer: Viewer): number => drawn(WATCH_MS * (1 / chanceOf(viewer, Date.now()) - 1));

async function live(play: Play, target: SimulationTarget, viewer: Viewer, signal: AbortSignal): Promise<void> {
  const isThere = Math.random() < chanceOf(viewer, Date.now());
  await pause(Math.random() * ARRIVAL_MS + (isThere ? 0 : awayMs(viewer)), signal);
  while (!signal.aborted) {
    await play(target, viewer, signal).catch(() => {});
    await pause(awayMs(viewer), signal);
  }
}

/** Sockets that can be cut without a word, as networks do. */
function cuttable(): { WebSocket: WebSocketConstructor; cut(): void } {
  let last: WebSocket | undefined;
  class CuttableSocket extends WebSocket {
    constructor(url: string, protocols?: string) {
      super(url, protocols);
      last = this;
    }
  }
  return { WebSocket: CuttableSocket, cut: () => last?.terminate() };
}

async function playBySocket({ wsPort }: SimulationTarget, viewer: Viewer, signal: AbortSignal): Promise<void> {
  const { userId, deviceId, device, place } = viewer;
  const { cut, ...network } = cuttable();
  const player = new PresenceClient({
    url: `ws://127.0.0.1:${wsPort}/ws`,
    userId,
    deviceId,
    deviceType: device.deviceType,
    meta: { name: `${userId.split('-')[0]}’s ${device.name}` },
    streamId: pickStream(),
    ...place,
    ...network,
  });
  await join(player);
  void player.sendEvent('impression').catch(() => {});
  if (Math.random() < CLICKS) void player.sendEvent('click').catch(() => {});
  const over = new Promise<void>((resolve) => player.on('closed', () => resolve()));
  const until = Date.now() + drawn(WATCH_MS);
  while (Date.now() < until && !signal.aborted && player.state !== 'closed') {
    await Promise.race([over, pause(drawn(ZAP_MS), signal)]);
    if (Math.random() > LOSES) {
      void player.setStream(pickStream()).catch(() => {});
      continue;
    }
    cut();
    if (Math.random() < NEVER_BACK) return player.close();
  }
  await player.leave();
}

/** Who is refused gives up, or stops the oldest of the other screens. */
async function join(player: PresenceClient): Promise<void> {
  try {
    await player.connect();
  } catch (error) {
    const { code } = error as PresenceError;
    const oldest = player.status.denied?.conflicts[0];
    if (code !== 'concurrency_limit' || !oldest || Math.random() > TAKES_OVER) throw error;
    await player.connect({ replace: [oldest.sessionId] });
  }
}

async function playByHttp({ httpPort }: SimulationTarget, viewer: Viewer, signal: AbortSignal): Promise<void> {
  const { userId, deviceId, device, place } = viewer;
  const url = `http://127.0.0.1:${httpPort}/heartbeat`;
  const headers = { 'content-type': 'application/json' };
  const send = (method: string, body: object) => fetch(url, { method, headers, body: JSON.stringify(body), signal });
  const sessionId = `${deviceId}-${Date.now().toString(36)}`;
  const beat = { userId, sessionId, deviceId, deviceType: device.deviceType, streamId: pickStream(), ...place };
  const until = Date.now() + drawn(WATCH_MS);
  while (Date.now() < until && !signal.aborted) {
    const reply = await send('POST', beat);
    await reply.text();
    if (reply.status !== 200) return;
    await sleep(BEAT_MS, undefined, { signal });
  }
  await send('DELETE', { userId, sessionId });
}

/** An operator, now and then. */
async function kickSomebody({ httpPort, viewers }: SimulationTarget, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(KICK_MS, signal);
    if (signal.aborted) return;
    const { userId } = pick(viewers);
    await fetch(`http://127.0.0.1:${httpPort}/sessions/${userId}`, { method: 'DELETE', signal }).catch(() => {});
  }
}
