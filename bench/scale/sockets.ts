/** Very many real sockets on one machine, at rest: what a gateway process takes for each in memory and in CPU. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { RedisStore } from '../../presence-core/index.ts';
import { GatewayProcess } from '../gateway-process.ts';
import { LoadClients } from '../load-clients.ts';
import type { BenchOptions } from '../options.ts';
import { progress } from '../progress.ts';
import { startBenchRedis } from '../redis.ts';
import { redisBytes } from '../redis-figures.ts';
import type { Figure } from '../report.ts';
import { type Cost, corePercent, costOf } from './cost.ts';
import { sizeText } from './size-text.ts';

/** A process may open at most 20,000 files on a small machine, and a pair of addresses has 28,000 ports. */
const SOCKETS_PER_GATEWAY = 15_000;
/** Come and go before, so that what a process needs for any session at all is not counted. */
const WARM_SESSIONS = 500;
/** Connecting at once, to each gateway. */
const LANES = 32;
const CONNECT_MAX_MS = 480_000;
const SETTLE_MS = 30_000;
const MEASURED_MS = 60_000;
/** As installed: these players answer. */
const PINGS = { PING_INTERVAL_MS: '25000' };

interface AtRest extends Cost {
  /** CPU time of all gateways. */
  readonly gatewayUs: number;
}

/** Sockets of each gateway, and the number of the first session. */
function sharesOf(sockets: number): { from: number; count: number }[] {
  const gateways = Math.ceil(sockets / SOCKETS_PER_GATEWAY);
  const most = Math.ceil(sockets / gateways);
  return Array.from({ length: gateways }, (_, i) => ({ from: i * most, count: Math.min(most, sockets - i * most) }));
}

/** @throws Error when it takes too long: what was started is ended by the caller. */
async function inTime<Result>(work: Promise<Result>, maxMs: number, what: string): Promise<Result> {
  let cut: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    cut = setTimeout(() => reject(new Error(`${what} took more than ${maxMs / 1_000} s`)), maxMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(cut));
}

const cpuUsOf = (gateways: readonly GatewayProcess[]): number =>
  gateways.reduce((sum, gateway) => sum + gateway.cpuUs(), 0);

async function memoryOf(gateways: readonly GatewayProcess[]): Promise<number> {
  const all = await Promise.all(gateways.map((gateway) => gateway.settledBytes()));
  return all.reduce((sum, bytes) => sum + bytes, 0);
}

/** Connects players to gateways; `clients` holds them. */
async function come(clients: LoadClients, gateways: readonly GatewayProcess[], sockets: number): Promise<number> {
  const shares = sharesOf(sockets);
  const elapsedMs = await Promise.all(
    gateways.map(async ({ wsPort }, i) => {
      const share = shares[i] as { from: number; count: number };
      const tookMs = await clients.come({ ...share, port: wsPort, lanes: LANES });
      progress(`${share.count.toLocaleString('en')} sockets on gateway ${i + 1}`);
      return tookMs;
    }),
  );
  return Math.max(...elapsedMs);
}

async function warmUp(gateways: readonly GatewayProcess[], from: number): Promise<void> {
  const clients = new LoadClients();
  try {
    const orders = gateways.map(({ wsPort }, i) => ({ port: wsPort, from: from + i * WARM_SESSIONS }));
    await Promise.all(orders.map((order) => clients.come({ ...order, count: WARM_SESSIONS, lanes: LANES })));
  } finally {
    await clients.go();
  }
  // They are detached, and swept.
  await sleep(SETTLE_MS / 2);
}

async function atRest(admin: Redis, gateways: readonly GatewayProcess[]): Promise<AtRest> {
  const gatewayUs = cpuUsOf(gateways);
  const cost = await costOf(admin, () => sleep(MEASURED_MS));
  return { ...cost, gatewayUs: cpuUsOf(gateways) - gatewayUs };
}

/** Live sessions, as the store counts them. */
async function countLive(url: string): Promise<number> {
  const store = new RedisStore({ url });
  await store.start();
  const [total] = await store.reads.counts([{ by: 'total' }]);
  await store.stop();
  return total?.sessions ?? 0;
}

export async function scaleSockets({ sockets }: BenchOptions): Promise<Figure[]> {
  const redis = await startBenchRedis(['--hash-max-listpack-value', '256']);
  const admin = new Redis(redis.port);
  const clients = new LoadClients();
  const gateways: GatewayProcess[] = [];
  try {
    const shares = sharesOf(sockets);
    progress(`${shares.length} gateways`);
    const env = { TRANSPORT: 'uws', REDIS_URL: redis.url, ...PINGS };
    for (const _ of shares) gateways.push(await GatewayProcess.start(env));
    await warmUp(gateways, sockets);
    const [gatewayBefore, redisBefore] = [await memoryOf(gateways), await redisBytes(admin)];
    const cpuBefore = cpuUsOf(gateways);
    progress(`${sockets.toLocaleString('en')} sockets connect`);
    const connectMs = await inTime(come(clients, gateways, sockets), CONNECT_MAX_MS, 'connecting');
    const connectUs = cpuUsOf(gateways) - cpuBefore;
    progress('at rest');
    await sleep(SETTLE_MS);
    const rest = await atRest(admin, gateways);
    const live = await countLive(redis.url);
    if (live !== sockets) throw new Error(`${live} sessions of ${sockets} are live`);
    const gatewayBytes = (await memoryOf(gateways)) - gatewayBefore;
    const redisTaken = (await redisBytes(admin)) - redisBefore;
    const minutes = (sockets * rest.elapsedMs) / 60_000;
    const of = (what: string): string => `${sizeText(sockets)} sockets on ${gateways.length} gateways: ${what}`;
    return [
      { what: of('gateway memory a socket'), value: gatewayBytes / sockets, unit: 'B', target: `≤ ${3.5 * 1_024}` },
      { what: of('Redis memory a session, with log'), value: redisTaken / sockets, unit: 'B' },
      { what: of('connect + hello + admission'), value: (sockets * 1_000) / connectMs, unit: '/s' },
      { what: of('connect + hello + admission, gateway CPU'), value: connectUs / sockets, unit: 'µs' },
      { what: of('gateway CPU of a session-minute at rest'), value: rest.gatewayUs / minutes, unit: 'µs' },
      { what: of('Redis CPU of a session-minute at rest'), value: rest.redisUs / minutes, unit: 'µs' },
      { what: of('Redis CPU at rest'), value: corePercent(rest), unit: '% of a core' },
      { what: of('Redis commands at rest'), value: (rest.commands * 1_000) / rest.elapsedMs, unit: '/s' },
    ];
  } finally {
    await clients.go();
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    admin.disconnect();
    await redis.stop();
  }
}
