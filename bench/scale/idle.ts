/** Nodes without players: what their beats and their sweeps, nearly all passed over, cost Redis. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { TestRedis } from '../../tests/support/redis-server.ts';
import { GatewayProcess } from '../gateway-process.ts';
import type { BenchOptions } from '../options.ts';
import { progress } from '../progress.ts';
import { startBenchRedis } from '../redis.ts';
import type { Figure } from '../report.ts';
import { type Cost, corePercent, costOf } from './cost.ts';
import { ScaleNodes } from './scale-nodes.ts';

const SHARDS = [64, 1_024];
const SWEEP_MS = 1_000;
/** So that nodes only beat. */
const NO_SWEEPS_MS = 3_600_000;
const SETTLE_MS = 5_000;
const MEASURED_MS = 15_000;

const SWEEPS_PERCENT = 5;
const COMMANDS_PER_SECOND = 100;

interface Idle extends Cost {
  /** Of the process of the nodes. */
  readonly nodesUs: number;
  /** Nodes that could join. */
  readonly joined: number;
}

const perSecond = ({ commands, elapsedMs }: Cost): number => (commands * 1_000) / elapsedMs;

async function onRedis<Result>(work: (redis: TestRedis, admin: Redis) => Promise<Result>): Promise<Result> {
  const redis = await startBenchRedis();
  const admin = new Redis(redis.port);
  try {
    return await work(redis, admin);
  } finally {
    admin.disconnect();
    await redis.stop();
  }
}

function idle(nodes: number, shards: number, sweepMs: number): Promise<Idle> {
  return onRedis(async ({ url }, admin) => {
    const processes = await ScaleNodes.start({ url, shards, nodes, sweepMs });
    try {
      await sleep(SETTLE_MS);
      const nodesUs = processes.cpuUs();
      const cost = await costOf(admin, () => sleep(MEASURED_MS));
      return { ...cost, nodesUs: processes.cpuUs() - nodesUs, joined: processes.joined };
    } finally {
      await processes.stop();
    }
  });
}

function idleGateway(shards: number): Promise<Cost> {
  return onRedis(async ({ url }, admin) => {
    const gateway = await GatewayProcess.start({ REDIS_URL: url, PRESENCE_SHARDS: String(shards) });
    try {
      await sleep(SETTLE_MS);
      return await costOf(admin, () => sleep(MEASURED_MS));
    } finally {
      await gateway.stop();
    }
  });
}

async function idleOn(shards: number, counts: readonly number[]): Promise<Figure[]> {
  const at = (what: string): string => `${shards.toLocaleString('en')} shards, ${what}`;
  const target = `≤ ${COMMANDS_PER_SECOND}`;
  progress(at('a gateway'));
  const gateway = await idleGateway(shards);
  const figures: Figure[] = [
    { what: at('an idle gateway process: commands'), value: perSecond(gateway), unit: '/s', target },
    { what: at('an idle gateway process: Redis CPU'), value: corePercent(gateway), unit: '% of a core' },
  ];
  for (const nodes of counts) {
    progress(at(`${nodes} nodes`));
    const cost = await idle(nodes, shards, SWEEP_MS);
    const of = (what: string): string => at(`${nodes} idle nodes: ${what}`);
    const own = (cost.nodesUs / cost.elapsedMs / 10) * (1 / nodes);
    figures.push(
      { what: of('joined within a minute'), value: cost.joined, unit: '', target: String(nodes) },
      { what: of('commands'), value: perSecond(cost), unit: '/s', ...(nodes === 1 && { target }) },
      { what: of('Redis CPU'), value: corePercent(cost), unit: '% of a core' },
      { what: of('Node CPU of one'), value: own, unit: '% of a core' },
    );
    if (nodes !== counts.at(-1)) continue;
    progress(at(`${nodes} nodes without sweeps`));
    const beats = await idle(nodes, shards, NO_SWEEPS_MS);
    // A difference between two of a Redis that carries no more would say nothing.
    const isCarried = cost.joined === nodes && beats.joined === nodes;
    const sweeps = isCarried ? corePercent(cost) - corePercent(beats) : Number.POSITIVE_INFINITY;
    figures.push({
      what: of('Redis CPU of sweeps'),
      value: sweeps,
      unit: '% of a core',
      target: `≤ ${SWEEPS_PERCENT}`,
    });
  }
  return figures;
}

export async function scaleIdle({ nodes }: BenchOptions): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const shards of SHARDS) figures.push(...(await idleOn(shards, nodes)));
  return figures;
}
