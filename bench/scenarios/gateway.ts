/** The gateway: memory of idle sessions, admissions a second, and how soon a dashboard on another node sees a change. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { WebSocket } from 'ws';
import { GatewayProcess } from '../gateway-process.ts';
import { LoadClients } from '../load-clients.ts';
import { type BenchSession, inLanes, makeSessions } from '../players.ts';
import { startBenchRedis } from '../redis.ts';
import { redisCpuUs } from '../redis-figures.ts';
import type { Figure } from '../report.ts';

const IDLE_SESSIONS = 15_000;
/** Come and go before, so that what the process needs for any session at all is not counted. */
const WARM_SESSIONS = 1_000;
const LANES = 256;
const ADMISSIONS = 12_000;
const WATCHERS = 50;
/** Of the watchers, those whose frames are read; of the others the changes are only counted. */
const READ_WATCHERS = 10;
const PLAYERS = 500;
/** Changes a second. */
const BUSY = 1_000;
const QUIET = 20;
/** Changes come one by one, as those of many people do. */
const STEP_MS = 1;
const WARM_MS = 2_000;
const MEASURED_MS = 10_000;
const SETTLE_MS = 1_000;

async function idleMemory(transport: 'uws' | 'ws'): Promise<Figure> {
  const gateway = await GatewayProcess.start({ TRANSPORT: transport });
  const clients = new LoadClients();
  try {
    const order = { port: gateway.wsPort, lanes: LANES };
    await clients.come({ ...order, from: IDLE_SESSIONS, count: WARM_SESSIONS });
    await clients.go();
    await sleep(SETTLE_MS);
    const before = await gateway.settledBytes();
    await clients.come({ ...order, from: 0, count: IDLE_SESSIONS });
    await sleep(SETTLE_MS);
    const bytes = (await gateway.settledBytes()) - before;
    return {
      what: `process memory per idle session, ${transport}`,
      value: bytes / IDLE_SESSIONS / 1_024,
      unit: 'KB',
      ...(transport === 'uws' && { target: '≤ 3.5' }),
    };
  } finally {
    await clients.go();
    await gateway.stop();
  }
}

export async function gatewayMemory(): Promise<Figure[]> {
  return [await idleMemory('uws'), await idleMemory('ws')];
}

export async function gatewayAdmission(): Promise<Figure[]> {
  const redis = await startBenchRedis();
  const gateway = await GatewayProcess.start({ TRANSPORT: 'uws', REDIS_URL: redis.url });
  const clients = new LoadClients();
  try {
    const order = { port: gateway.wsPort, lanes: LANES };
    await clients.come({ ...order, from: ADMISSIONS, count: WARM_SESSIONS });
    const cpuBefore = gateway.cpuUs();
    const elapsedMs = await clients.come({ ...order, from: 0, count: ADMISSIONS });
    const cpuUs = (gateway.cpuUs() - cpuBefore) / ADMISSIONS;
    return [
      { what: 'connect + hello + admission', value: (ADMISSIONS * 1_000) / elapsedMs, unit: '/s', target: '≥ 4,000' },
      { what: 'connect + hello + admission, gateway CPU', value: cpuUs, unit: 'µs' },
    ];
  } finally {
    await clients.go();
    await gateway.stop();
    await redis.stop();
  }
}

function open(port: number): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
}

/** Sends a message and waits for the frame that contains `answer`. */
function ask(socket: WebSocket, message: object, answer: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('close', (code) => reject(new Error(`closed ${code} before ${answer}`)));
    socket.on('message', function listen(data: Buffer) {
      if (!data.includes(answer)) return;
      socket.off('message', listen);
      resolve();
    });
    socket.send(JSON.stringify(message));
  });
}

async function openPlayer(port: number, session: BenchSession): Promise<WebSocket> {
  const { userId, sessionId, attributes } = session;
  const socket = await open(port);
  await ask(socket, { type: 'hello', userId, sessionId, ...attributes }, '"welcome"');
  return socket;
}

async function openWatcher(port: number): Promise<WebSocket> {
  const socket = await open(port);
  await ask(socket, { type: 'hello', observe: true }, '"welcome"');
  await ask(socket, { type: 'subscribe', topic: 'all' }, '"last":true');
  return socket;
}

function countOf(text: Buffer, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count += 1;
  return count;
}

/** Players zap at a steady rate; every watcher is told of each zap. */
class Zapping {
  sent = 0;
  delivered = 0;
  readonly latenciesMs: number[] = [];
  private readonly sentAt = new Map<string, number>();
  private readonly players: readonly WebSocket[];
  private readonly sessions: readonly BenchSession[];

  constructor(players: readonly WebSocket[], sessions: readonly BenchSession[]) {
    this.players = players;
    this.sessions = sessions;
  }

  watch(watcher: WebSocket, isRead: boolean): void {
    watcher.on('message', (data: Buffer) => {
      if (!isRead) {
        this.delivered += countOf(data, '"kind":');
        return;
      }
      const now = performance.now();
      const { changes } = JSON.parse(data.toString()) as { changes: { sessionId: string; streamId: string }[] };
      this.delivered += changes.length;
      for (const { sessionId, streamId } of changes) {
        const sentAt = this.sentAt.get(`${sessionId} ${streamId}`);
        if (sentAt !== undefined) this.latenciesMs.push(now - sentAt);
      }
    });
  }

  /** @param rate changes a second. */
  async run(rate: number, forMs: number): Promise<void> {
    const begun = performance.now();
    const first = this.sent;
    for (let now = begun; now - begun < forMs; now = performance.now()) {
      const due = first + Math.floor(((now - begun) * rate) / 1_000);
      while (this.sent < due) this.zap(this.sent++);
      await sleep(STEP_MS);
    }
  }

  private zap(n: number): void {
    const i = n % this.players.length;
    const streamId = `zapped-${n % 997}`;
    this.sentAt.set(`${this.sessions[i]?.sessionId} ${streamId}`, performance.now());
    this.players[i]?.send(JSON.stringify({ type: 'update', streamId }));
  }
}

interface FanOut {
  readonly p50: number;
  readonly p99: number;
  /** CPU time a change. */
  readonly nodeUs: number;
  readonly redisUs: number;
}

/** @param nodes 2: players and dashboards are on different ones. */
async function fanOut(rate: number, nodes: 1 | 2): Promise<FanOut> {
  const redis = await startBenchRedis();
  const env = { TRANSPORT: 'uws', REDIS_URL: redis.url };
  const gateways = [await GatewayProcess.start(env)];
  if (nodes === 2) gateways.push(await GatewayProcess.start(env));
  const admin = new Redis(redis.port);
  const players: WebSocket[] = [];
  const watchers: WebSocket[] = [];
  try {
    const [near, far] = [gateways[0] as GatewayProcess, gateways.at(-1) as GatewayProcess];
    const sessions = makeSessions(PLAYERS);
    await inLanes(sessions, LANES, async (session, i) => {
      players[i] = await openPlayer(near.wsPort, session);
    });
    for (let i = 0; i < WATCHERS; i++) watchers.push(await openWatcher(far.wsPort));
    const zapping = new Zapping(players, sessions);
    for (const [i, watcher] of watchers.entries()) zapping.watch(watcher, i < READ_WATCHERS);
    const gatewayUs = (): number => gateways.reduce((sum, gateway) => sum + gateway.cpuUs(), 0);
    await zapping.run(rate, WARM_MS);
    zapping.latenciesMs.length = 0;
    const [sent, nodeUs, redisUs] = [zapping.sent, gatewayUs(), await redisCpuUs(admin)];
    await zapping.run(rate, MEASURED_MS);
    const changes = zapping.sent - sent;
    const cost = { nodeUs: (gatewayUs() - nodeUs) / changes, redisUs: ((await redisCpuUs(admin)) - redisUs) / changes };
    await sleep(SETTLE_MS);
    const expected = zapping.sent * WATCHERS;
    if (zapping.delivered !== expected) throw new Error(`${zapping.delivered} of ${expected} changes were delivered`);
    const latencies = zapping.latenciesMs.sort((a, b) => a - b);
    const percentile = (share: number): number => latencies[Math.floor(latencies.length * share)] as number;
    return { p50: percentile(0.5), p99: percentile(0.99), ...cost };
  } finally {
    for (const socket of [...players, ...watchers]) socket.terminate();
    admin.disconnect();
    for (const gateway of gateways) await gateway.stop();
    await redis.stop();
  }
}

export async function gatewayFanOut(): Promise<Figure[]> {
  const others = await fanOut(BUSY, 2);
  const one = await fanOut(BUSY, 1);
  const quiet = await fanOut(QUIET, 2);
  const busy = `${BUSY} changes/s to ${WATCHERS} dashboards`;
  return [
    { what: `${busy} on another node, p50`, value: others.p50, unit: 'ms', target: '≤ 3' },
    { what: `${busy} on another node, p99`, value: others.p99, unit: 'ms', target: '≤ 25' },
    { what: `${busy} on another node, CPU of both nodes a change`, value: others.nodeUs, unit: 'µs' },
    { what: `${busy} on another node, Redis CPU a change`, value: others.redisUs, unit: 'µs' },
    { what: `${busy} on the same node, p50`, value: one.p50, unit: 'ms', target: '≤ 3' },
    { what: `${busy} on the same node, p99`, value: one.p99, unit: 'ms', target: '≤ 25' },
    { what: `${busy} on the same node, its CPU a change`, value: one.nodeUs, unit: 'µs', target: '≤ 200' },
    { what: `${busy} on the same node, Redis CPU a change`, value: one.redisUs, unit: 'µs', target: '≤ 80' },
    { what: `${QUIET} changes/s to a dashboard on another node, p50`, value: quiet.p50, unit: 'ms', target: '≤ 3' },
    { what: `${QUIET} changes/s to a dashboard on another node, p99`, value: quiet.p99, unit: 'ms' },
  ];
}
