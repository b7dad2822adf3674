/** A contender that runs: its server, a Redis of its own where it needs one, and its clients. */

import type { TestRedis } from '../../tests/support/redis-server.ts';
import { treePids } from '../children.ts';
import { pin } from '../cores.ts';
import { progress } from '../progress.ts';
import { startBenchRedis } from '../redis.ts';
import { PeerClients } from './clients/peer-clients.ts';
import { type Contender, contendersFor, type Job } from './contenders.ts';
import { type PeerServer, treeCpuUs } from './peer-process.ts';

/** CPU time, in µs. */
export interface Cpu {
  readonly serverUs: number;
  readonly redisUs: number;
}

export class PeerBed {
  readonly contender: Contender;
  /** The first is that of the clients. */
  readonly servers: readonly PeerServer[];
  readonly clients: PeerClients;
  private readonly redis: TestRedis | undefined;

  private constructor(
    contender: Contender,
    servers: readonly PeerServer[],
    clients: PeerClients,
    redis: TestRedis | undefined,
  ) {
    this.contender = contender;
    this.servers = servers;
    this.clients = clients;
    this.redis = redis;
  }

  static async start(contender: Contender, job: Job, servers: number): Promise<PeerBed> {
    const isOurs = contender.name.startsWith('gateway');
    const args = isOurs ? ['--hash-max-listpack-value', '256'] : [];
    const redis = contender.usesRedis ? await startBenchRedis(args) : undefined;
    const started: PeerServer[] = [];
    try {
      for (let i = 0; i < servers; i++) started.push(await contender.start({ job, redisUrl: redis?.url ?? '' }));
      const [first] = started as [PeerServer];
      for (const pid of started.flatMap((server) => treePids(server.pid))) pin(pid, 'server');
      if (redis) pin(redis.process?.pid as number, 'others');
      return new PeerBed(contender, started, await PeerClients.meet(contender, first), redis);
    } catch (error) {
      for (const server of started) await server.kill();
      await redis?.stop();
      throw error;
    }
  }

  /** So far. */
  cpu(): Cpu {
    return {
      serverUs: this.servers.reduce((sum, server) => sum + server.cpuUs(), 0),
      redisUs: this.redis ? treeCpuUs(this.redis.process?.pid as number) : 0,
    };
  }

  /** What `work` took, for each of the units that it says. */
  async cost<Report>(work: () => Promise<Report>, unitsOf: (report: Report) => number): Promise<[Cpu, Report]> {
    const before = this.cpu();
    const report = await work();
    const after = this.cpu();
    const units = unitsOf(report);
    if (units === 0) throw new Error('nothing was done: this machine is too slow, or has too much else to do');
    const serverUs = (after.serverUs - before.serverUs) / units;
    return [{ serverUs, redisUs: (after.redisUs - before.redisUs) / units }, report];
  }

  async stop(): Promise<void> {
    await this.clients.end();
    for (const server of this.servers) await server.stop();
    await this.redis?.stop();
  }
}

export interface BedOptions {
  readonly only: readonly string[] | undefined;
  /** Of each contender. */
  readonly servers?: number;
}

/**
 * Runs `work` with a bed of every contender that can do the job and is installed; who is not is named. They are started
 * one after the other and all stay up, so that what else the machine does befalls all of them.
 */
export async function withBeds<Result>(
  job: Job,
  { only, servers = 1 }: BedOptions,
  work: (beds: readonly PeerBed[]) => Promise<Result>,
): Promise<Result> {
  const beds: PeerBed[] = [];
  try {
    for (const contender of contendersFor(job, only)) {
      const missing = contender.missing();
      if (missing === undefined) beds.push(await PeerBed.start(contender, job, servers));
      else progress(`${contender.title}: ${missing}`);
    }
    return await work(beds);
  } finally {
    for (const bed of beds) await bed.stop();
  }
}
