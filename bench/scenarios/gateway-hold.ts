/** What players cost who only stay: their pings, their leases, and what the node does for itself. */

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { GatewayProcess } from '../gateway-process.ts';
import { LoadClients } from '../load-clients.ts';
import { startBenchRedis } from '../redis.ts';
import { redisCpuUs } from '../redis-figures.ts';
import type { Figure } from '../report.ts';
import { ServerProcess, spawnServer } from '../server-process.ts';

const PLAYERS = 10_000;
const LANES = 256;
/** Three periods of pings. */
const MEASURED_MS = 75_000;
/** Until what came with the players is compiled and their garbage collected. */
const SETTLE_MS = 30_000;
const PING_INTERVAL_MS = '25000';
const BARE = fileURLToPath(new URL('../bare-process.js', import.meta.url));

interface HoldCost {
  readonly gatewayUs: number;
  readonly redisUs: number;
}

/** By how much what `read` tells grows a minute while so many players are held on a port. */
async function growth(port: number, players: number, read: () => Promise<readonly number[]>): Promise<number[]> {
  const clients = new LoadClients();
  try {
    if (players > 0) await clients.come({ port, lanes: LANES, from: 0, count: players });
    await sleep(SETTLE_MS);
    const [before, begun] = [await read(), performance.now()];
    await sleep(MEASURED_MS);
    const minutes = (performance.now() - begun) / 60_000;
    return (await read()).map((now, i) => (now - (before[i] as number)) / minutes);
  } finally {
    await clients.go();
  }
}

/** CPU of a gateway with so many players, and of its Redis, in µs a minute. */
async function holdCost(transport: 'uws' | 'ws', players: number): Promise<HoldCost> {
  const redis = await startBenchRedis();
  const gateway = await GatewayProcess.start({ TRANSPORT: transport, REDIS_URL: redis.url, PING_INTERVAL_MS });
  const admin = new Redis(redis.port);
  try {
    const read = async () => [gateway.cpuUs(), await redisCpuUs(admin)];
    const [gatewayUs, redisUs] = (await growth(gateway.wsPort, players, read)) as [number, number];
    return { gatewayUs, redisUs };
  } finally {
    admin.disconnect();
    await gateway.stop();
    await redis.stop();
  }
}

/** CPU of a server that only holds so many sockets, in µs a minute. */
async function bareCost(sockets: number): Promise<number> {
  const server = new ServerProcess(...(await spawnServer([BARE], {})));
  try {
    const [cpuUs] = (await growth(server.wsPort, sockets, async () => [server.cpuUs()])) as [number];
    return cpuUs;
  } finally {
    await server.stop();
  }
}

export async function gatewayHold(): Promise<Figure[]> {
  const idle = await holdCost('uws', 0);
  const figures: Figure[] = [
    { what: 'gateway without players, gateway CPU', value: idle.gatewayUs / 1_000, unit: 'ms a minute' },
    { what: 'gateway without players, Redis CPU', value: idle.redisUs / 1_000, unit: 'ms a minute' },
  ];
  const bareUs = (await bareCost(PLAYERS)) / PLAYERS;
  const bare = `socket held among ${PLAYERS} by uWebSockets.js alone`;
  figures.push({ what: `${bare}, CPU`, value: bareUs, unit: 'µs a minute' });
  for (const transport of ['uws', 'ws'] as const) {
    const { gatewayUs, redisUs } = await holdCost(transport, PLAYERS);
    const what = `player held among ${PLAYERS}, ${transport}`;
    const unit = 'µs a minute';
    const target = transport === 'uws' ? { target: '≤ 80' } : {};
    figures.push(
      { what: `${what}, gateway and Redis CPU`, value: (gatewayUs + redisUs) / PLAYERS, unit, ...target },
      { what: `${what}, gateway CPU`, value: gatewayUs / PLAYERS, unit },
      { what: `${what}, Redis CPU`, value: redisUs / PLAYERS, unit },
      { what: `${what}, against a socket alone`, value: (gatewayUs + redisUs) / PLAYERS / bareUs, unit: '×' },
    );
  }
  return figures;
}
