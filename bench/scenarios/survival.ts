/**
 * What players notice of a death, with short timers and with those as installed: of a gateway with 10,000 sessions that
 * is killed, of a master that sentinels replace, and of one master of three in a Cluster.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import WebSocket from 'ws';
import { SUBPROTOCOL } from '../../gateway/protocol/messages.ts';
import { startCluster } from '../../tests/support/redis-cluster.ts';
import { startSentinels } from '../../tests/support/redis-sentinels.ts';
import type { TestRedis } from '../../tests/support/redis-server.ts';
import { GatewayProcess } from '../gateway-process.ts';
import { LoadClients } from '../load-clients.ts';
import { makeSessions } from '../players.ts';
import { startBenchRedis } from '../redis.ts';
import type { Figure } from '../report.ts';

const SESSIONS = 10_000;
/** Connecting at once. */
const LANES = 128;
const OTHERS = 200;
const ASK_EVERY_MS = 500;
const POLL_MS = 25;
/** Ids in one question. */
const IDS = 500;
const QUIET_MS = 5_000;
const AFTER_MS = 3_000;
const PROBE_EVERY_MS = 50;
const HOPELESS_MS = 60_000;
/** Players whose shards are on other masters wait for less than this. */
const OF_OTHERS_MS = 100;

interface Kind {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly leaseMs: number;
}

const KINDS: readonly Kind[] = [
  {
    name: 'short timers (node lease 3 s)',
    env: { NODE_BEAT_MS: '500', NODE_LEASE_MS: '3000', SWEEP_MS: '250' },
    leaseMs: 3_000,
  },
  { name: 'default timers (node lease 10 s)', env: {}, leaseMs: 10_000 },
];

/** A player who asks for its session again and again, and notes how long each answer took. */
class Asker {
  readonly userId: string;
  readonly tookMs: number[] = [];
  wasClosed = false;
  private readonly socket: WebSocket;
  private timer: NodeJS.Timeout | undefined;
  private askedAt = 0;

  private constructor(socket: WebSocket, userId: string) {
    this.socket = socket;
    this.userId = userId;
    socket.on('close', () => {
      this.wasClosed = true;
      clearInterval(this.timer);
    });
    socket.on('message', (data) => this.hear(JSON.parse(data.toString())));
  }

  static async join(port: number, userId: string): Promise<Asker> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, SUBPROTOCOL);
    socket.on('error', () => {});
    socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', userId, streamId: 'bench' })));
    await new Promise((resolve) => socket.once('message', resolve));
    return new Asker(socket, userId);
  }

  /** Begins within one interval, so that not all ask at once. */
  begin(): void {
    const begin = (): void => {
      this.timer = setInterval(() => this.ask(), ASK_EVERY_MS);
    };
    this.timer = setTimeout(begin, Math.random() * ASK_EVERY_MS);
  }

  /** What was not answered yet counts as long as it has lasted. */
  end(): void {
    clearInterval(this.timer);
    if (this.askedAt > 0) this.tookMs.push(performance.now() - this.askedAt);
    this.askedAt = 0;
    this.socket.terminate();
  }

  private ask(): void {
    // One at a time: a stall is as long as the first waits.
    if (this.askedAt > 0 || this.socket.readyState !== WebSocket.OPEN) return;
    this.askedAt = performance.now();
    this.send();
  }

  private send(): void {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send('{"type":"heartbeat","id":"1"}');
  }

  private hear(frame: { type: string; expiresAt?: number }): void {
    if (this.askedAt === 0) return;
    if (frame.type === 'heartbeat' && frame.expiresAt !== undefined) {
      this.tookMs.push(performance.now() - this.askedAt);
      this.askedAt = 0;
    } else if (frame.type === 'error' || frame.type === 'heartbeat') {
      setTimeout(() => this.send(), POLL_MS);
    }
  }
}

const joinAll = (port: number, name: string): Promise<Asker[]> =>
  Promise.all(Array.from({ length: OTHERS }, (_, i) => Asker.join(port, `${name}-${i}`)));

/** @returns the figure at that share of them, in ascending order. */
function at(share: number, values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

interface Answer {
  readonly online: number;
  readonly isUnconfirmed: boolean;
}

async function onlineOf({ httpPort }: GatewayProcess, ids: readonly string[]): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/status/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ids }),
  });
  if (!response.ok) throw new Error(`status answered ${response.status}`);
  const { users } = (await response.json()) as { users: { online: boolean }[] };
  return {
    online: users.filter(({ online }) => online).length,
    isUnconfirmed: response.headers.get('x-presence-degraded') !== null,
  };
}

async function anyOnline(gateway: GatewayProcess, ids: readonly string[]): Promise<boolean> {
  for (let from = 0; from < ids.length; from += IDS) {
    if ((await onlineOf(gateway, ids.slice(from, from + IDS))).online > 0) return true;
  }
  return false;
}

async function killGateway({ name, env, leaseMs }: Kind): Promise<Figure[]> {
  const redis = await startBenchRedis();
  const settings = { REDIS_URL: redis.url, ...env };
  const [victim, other] = [await GatewayProcess.start(settings), await GatewayProcess.start(settings)];
  const clients = new LoadClients();
  const askers = await joinAll(other.wsPort, 'other');
  try {
    await clients.come({ port: victim.wsPort, from: 0, count: SESSIONS, lanes: LANES });
    await sleep(QUIET_MS);
    for (const asker of askers) asker.begin();
    await sleep(QUIET_MS);
    const before = longestOf(askers);
    for (const asker of askers) asker.tookMs.length = 0;
    const ids = [...new Set(makeSessions(SESSIONS).map(({ userId }) => userId))];
    process.kill(victim.pid, 'SIGKILL');
    const killedAt = performance.now();
    let lastOnlineAt = killedAt;
    while (performance.now() - killedAt < HOPELESS_MS && (await anyOnline(other, ids))) {
      lastOnlineAt = performance.now();
      await sleep(POLL_MS);
    }
    await sleep(AFTER_MS);
    const closed = closedOf(askers);
    for (const asker of askers) asker.end();
    const longest = longestOf(askers);
    const target = `≤ ${leaseMs / 1_000 + 2}`;
    const of = (what: string): string => `gateway with 10,000 sessions killed, ${name}: ${what}`;
    return [
      { what: of('last ghost gone after'), value: (lastOnlineAt - killedAt) / 1_000, unit: 's', target },
      { what: of('longest stall elsewhere in the 5 s before, p99'), value: at(0.99, before), unit: 'ms' },
      { what: of('longest stall of a player elsewhere, p50'), value: at(0.5, longest), unit: 'ms' },
      { what: of('longest stall of a player elsewhere, p99'), value: at(0.99, longest), unit: 'ms', target: '≤ 100' },
      { what: of('players elsewhere who were closed'), value: closed, unit: '', target: '0' },
    ];
  } finally {
    for (const asker of askers) asker.end();
    await clients.go();
    await Promise.all([victim.stop(), other.stop()]);
    await redis.stop();
  }
}

const longestOf = (askers: readonly Asker[]): number[] => askers.map(({ tookMs }) => Math.max(0, ...tookMs));
const closedOf = (askers: readonly Asker[]): number => askers.filter(({ wasClosed }) => wasClosed).length;

export async function survivalOfGateway(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const kind of KINDS) figures.push(...(await killGateway(kind)));
  return figures;
}

/** @returns when, by `performance.now()`, a replica said that it is a master. */
async function promotion(replicas: readonly TestRedis[]): Promise<number> {
  const clients = replicas.map(({ port }) => new Redis(port));
  try {
    for (;;) {
      const roles = await Promise.all(clients.map((client) => client.info('replication')));
      if (roles.some((role) => role.includes('role:master'))) return performance.now();
      await sleep(5);
    }
  } finally {
    for (const client of clients) client.disconnect();
  }
}

interface Admissions {
  /** When the first was admitted by the store since `isSince()`. */
  readonly backAt: number;
  /** The longest that any new player waited until it might watch, also unchecked. */
  readonly waitMs: number;
}

/** New players, one after the other without waiting. */
function admissionsOf(port: number, name: string, isSince: () => boolean): Promise<Admissions> {
  return new Promise((resolve) => {
    let n = 0;
    let waitMs = 0;
    const timer = setInterval(() => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, SUBPROTOCOL);
      socket.on('error', () => {});
      const askedAt = performance.now();
      socket.on('open', () =>
        socket.send(JSON.stringify({ type: 'hello', userId: `${name}-${n++}`, streamId: 'bench' })),
      );
      socket.once('message', (data) => {
        const frame = JSON.parse(data.toString()) as { type: string; degraded?: boolean };
        socket.close();
        if (frame.type === 'welcome') waitMs = Math.max(waitMs, performance.now() - askedAt);
        if (frame.type !== 'welcome' || frame.degraded || !isSince()) return;
        clearInterval(timer);
        resolve({ backAt: performance.now(), waitMs });
      });
    }, PROBE_EVERY_MS);
    setTimeout(() => {
      clearInterval(timer);
      resolve({ backAt: Number.POSITIVE_INFINITY, waitMs });
    }, HOPELESS_MS).unref();
  });
}

/** What is seen while something happens to the store that two gateways use. */
interface Seen {
  /** Of each player, the longest stall in ms, in the seconds before. */
  readonly before: readonly number[];
  readonly longest: readonly number[];
  readonly closed: number;
  /** Of those who live, how many an answer without a mark did not have. */
  readonly offline: number;
}

/** @param act returns when nothing is left to be seen. */
async function whileSeen(
  redisUrl: string,
  { env }: Kind,
  act: (gateways: readonly GatewayProcess[]) => Promise<void>,
): Promise<Seen> {
  const settings = { REDIS_URL: redisUrl, ...env };
  const gateways = [await GatewayProcess.start(settings), await GatewayProcess.start(settings)];
  const askers = (await Promise.all(gateways.map(({ wsPort }, i) => joinAll(wsPort, `of-${i}`)))).flat();
  const ids = askers.map(({ userId }) => userId);
  let isOver = false;
  let offline = 0;
  const watch = async (gateway: GatewayProcess): Promise<void> => {
    while (!isOver) {
      const answer = await onlineOf(gateway, ids).catch(() => undefined);
      if (answer && !answer.isUnconfirmed) offline = Math.max(offline, ids.length - answer.online);
      await sleep(POLL_MS);
    }
  };
  try {
    for (const asker of askers) asker.begin();
    await sleep(QUIET_MS);
    const before = longestOf(askers);
    for (const asker of askers) asker.tookMs.length = 0;
    const watching = gateways.map(watch);
    await act(gateways);
    await sleep(AFTER_MS);
    isOver = true;
    await Promise.all(watching);
    const closed = closedOf(askers);
    for (const asker of askers) asker.end();
    return { before, longest: longestOf(askers), closed, offline };
  } finally {
    isOver = true;
    for (const asker of askers) asker.end();
    await Promise.all(gateways.map((gateway) => gateway.stop()));
  }
}

function noticed(of: (what: string) => string, { before, longest, offline, closed }: Seen): Figure[] {
  return [
    { what: of('longest stall in the 5 s before, p99'), value: at(0.99, before) / 1_000, unit: 's' },
    { what: of('longest stall of a player, p10'), value: at(0.1, longest) / 1_000, unit: 's' },
    { what: of('longest stall of a player, p50'), value: at(0.5, longest) / 1_000, unit: 's' },
    { what: of('longest stall of a player, p99'), value: at(0.99, longest) / 1_000, unit: 's' },
    { what: of('live players who were shown offline'), value: offline, unit: '', target: '0' },
    { what: of('players who were closed'), value: closed, unit: '', target: '0' },
  ];
}

async function failOver(kind: Kind): Promise<Figure[]> {
  const sentinels = await startSentinels({ replicas: 2 });
  let killedAt = 0;
  let promotedAt = Number.POSITIVE_INFINITY;
  let namedAt = Number.POSITIVE_INFINITY;
  let back: Admissions[] = [];
  try {
    const seen = await whileSeen(sentinels.url, kind, async (gateways) => {
      await sentinels.master.kill();
      killedAt = performance.now();
      const isSince = (): boolean => performance.now() > promotedAt;
      const admissions = gateways.map(({ wsPort }, i) => admissionsOf(wsPort, `probe-${i}`, isSince));
      promotedAt = await promotion(sentinels.replicas);
      await sentinels.failedOver();
      namedAt = performance.now();
      back = await Promise.all(admissions);
    });
    const of = (what: string): string => `master killed, sentinels replace it, ${kind.name}: ${what}`;
    return [
      { what: of('a replica is master after'), value: (promotedAt - killedAt) / 1_000, unit: 's' },
      // They say so later than it is, and a client knows by them.
      { what: of('from then until all sentinels name it'), value: (namedAt - promotedAt) / 1_000, unit: 's' },
      ...back.map(({ backAt }, i) => ({
        what: of(`from the promotion to the first checked admission on gateway ${i + 1}`),
        value: (backAt - promotedAt) / 1_000,
        unit: 's',
        target: '≤ 1',
      })),
      {
        what: of('longest wait of a new player, admitted unchecked or not'),
        value: Math.max(...back.map(({ waitMs }) => waitMs)) / 1_000,
        unit: 's',
      },
      ...noticed(of, seen),
    ];
  } finally {
    await sentinels.stop();
  }
}

async function killOneOfThree(kind: Kind): Promise<Figure[]> {
  const cluster = await startCluster(['--cluster-node-timeout', '1500', '--cluster-require-full-coverage', 'no'], true);
  const [master] = cluster.masters as [TestRedis];
  const [replica] = cluster.replicas as [TestRedis];
  try {
    const seen = await whileSeen(cluster.url, kind, async () => {
      await master.kill();
      await promotion([replica]);
    });
    const of = (what: string): string => `one master of three in a Cluster killed, ${kind.name}: ${what}`;
    const others = seen.longest.filter((ms) => ms < OF_OTHERS_MS).length / seen.longest.length;
    return [
      { what: of(`players without a stall of ${OF_OTHERS_MS} ms`), value: 100 * others, unit: '%', target: '≥ 60' },
      ...noticed(of, seen),
    ];
  } finally {
    await cluster.stop();
  }
}

export async function survivalOfCluster(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const kind of KINDS) figures.push(...(await killOneOfThree(kind)));
  return figures;
}

export async function survivalOfFailover(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const kind of KINDS) figures.push(...(await failOver(kind)));
  return figures;
}
