/**
 * What a player costs through two workers, against one process: CPU time of all processes of the gateway, from the
 * player's coming until its session has ended.
 *
 * - Before each turn the same processes are measured without players for as long as it takes to know, and a turn is less
 *   by that: what a process takes for itself is a figure of its own, and no player's.
 * - Players come at a fixed rate. With a fixed number of them at once, two processes would be given half as much each,
 *   and work that comes in smaller portions costs more a piece in any number of processes.
 * - Two workers are asked twice: with as many players each as the one process has, which is what workers are for, and
 *   with as many in all.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { TestRedis } from '../../tests/support/redis-server.ts';
import { treePids } from '../children.ts';
import { LoadClients } from '../load-clients.ts';
import { startBenchRedis } from '../redis.ts';
import type { Figure } from '../report.ts';
import { median, takeTurns } from '../rounds.ts';
import { processCpuUs, ServerProcess, spawnServer } from '../server-process.ts';

const MAIN = fileURLToPath(new URL('../../gateway/main.js', import.meta.url));
/** Of a turn, for each process. */
const PLAYERS = 1_000;
const PER_SECOND = 500;
/** Of each process, before, so that code is compiled. */
const WARM_PLAYERS = 2_000;
/** More than wait at once by that rate. */
const LANES = 200;
const HELD_MS = 2_000;
/** Their sessions end within the grace and a sweep. */
const END_MS = 2_500;
const REST_MS = 2_500;
const ROUNDS = 5;
/** A player answers a ping each second: so that it does something. */
const ENVIRONMENT = {
  WS_PORT: '0',
  HTTP_PORT: '0',
  DATABASE_URL: 'none',
  DRAIN_MS: '0',
  DRAIN_DELAY_MS: '0',
  PING_INTERVAL_MS: '1000',
  RESUME_GRACE_MS: '500',
  MAX_STREAMS: '100',
};

interface Turn {
  /** µs of CPU a player. */
  readonly playerUs: number;
  /** µs of CPU a second without players. */
  readonly restUs: number;
}

/** One process, or a parent and its workers. */
class Measured {
  private readonly redis: TestRedis;
  private readonly gateway: ServerProcess;

  private constructor(redis: TestRedis, gateway: ServerProcess) {
    this.redis = redis;
    this.gateway = gateway;
  }

  static async start(transport: string, workers: number): Promise<Measured> {
    const redis = await startBenchRedis(['--hash-max-listpack-value', '256']);
    const env = { ...ENVIRONMENT, REDIS_URL: redis.url, TRANSPORT: transport, WORKERS: String(workers) };
    const measured = new Measured(redis, new ServerProcess(...(await spawnServer([MAIN], env))));
    await measured.play(WARM_PLAYERS * workers, PER_SECOND * workers);
    return measured;
  }

  /** @param load how many times the players that one process is given. */
  async turn(load: number): Promise<Turn> {
    const restUs = (await this.cpuDuring(() => sleep(REST_MS))).usPerMs;
    const played = await this.cpuDuring(() => this.play(PLAYERS * load, PER_SECOND * load));
    const playerUs = ((played.usPerMs - restUs) * played.ms) / (PLAYERS * load);
    return { playerUs, restUs: restUs * 1_000 };
  }

  async stop(): Promise<void> {
    await this.gateway.stop();
    await this.redis.stop();
  }

  /** Players come, stay, and go; all that follows from it is over at its end. */
  private async play(count: number, perSecond: number): Promise<void> {
    const clients = new LoadClients();
    try {
      await clients.come({ port: this.gateway.wsPort, from: 0, count, lanes: LANES, perSecond });
      await sleep(HELD_MS);
    } finally {
      await clients.go();
    }
    await sleep(END_MS);
  }

  private async cpuDuring(act: () => Promise<unknown>): Promise<{ usPerMs: number; ms: number }> {
    const [before, begunAt] = [this.cpuUs(), performance.now()];
    await act();
    const ms = performance.now() - begunAt;
    return { usPerMs: (this.cpuUs() - before) / ms, ms };
  }

  private cpuUs(): number {
    return treePids(this.gateway.pid).reduce((sum, pid) => sum + processCpuUs(pid), 0);
  }
}

export async function gatewayWorkers(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const transport of ['uws', 'ws']) {
    const alone = await Measured.start(transport, 1);
    const pair = await Measured.start(transport, 2);
    try {
      const contenders = { one: () => alone.turn(1), each: () => pair.turn(2), split: () => pair.turn(1) };
      const turns = await takeTurns(contenders, ROUNDS);
      type Name = keyof typeof contenders;
      const us = (name: Name): number[] => turns[name].map(({ playerUs }) => playerUs);
      const restMs = (name: Name): number[] => turns[name].map(({ restUs }) => restUs / 1_000);
      const ratios = (name: Name): number[] => us(name).map((value, round) => value / (us('one')[round] as number));
      const add = (what: string, samples: readonly number[], unit: string, target?: string): void => {
        figures.push({
          what: `${transport}: ${what}`,
          value: median(samples),
          unit,
          samples,
          ...(target && { target }),
        });
      };
      add('a player who comes, stays 2 s and goes, CPU of one process', us('one'), 'µs');
      add('the same through two workers and their parent, as many each', us('each'), 'µs');
      add('the same, as many in all', us('split'), 'µs');
      add('two workers against one process, as many each', ratios('each'), '×', '≤ 1.1');
      add('two workers against one process, as many in all', ratios('split'), '×');
      add('one process without players, taken off', restMs('one'), 'ms/s');
      add('two workers and their parent without players, taken off', restMs('each'), 'ms/s');
    } finally {
      await alone.stop();
      await pair.stop();
    }
  }
  return figures;
}
