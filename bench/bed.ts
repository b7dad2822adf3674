/** A server under load with a Redis of its own, so that what a request costs is known on both sides. */

import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { TestRedis } from '../tests/support/redis-server.ts';
import { pin } from './cores.ts';
import { GatewayProcess } from './gateway-process.ts';
import type { LoadReport } from './load.ts';
import { startBenchRedis } from './redis.ts';
import { redisCpuUs } from './redis-figures.ts';
import { ServerProcess, spawnServer } from './server-process.ts';

type Environment = Readonly<Record<string, string>>;

/** What answering took: CPU time a request, and how many there were a second. */
export interface Cost extends LoadReport {
  readonly nodeUs: number;
  readonly redisUs: number;
}

export const cpuUs = (cost: Cost): number => cost.nodeUs + cost.redisUs;

export class Bed {
  private readonly server: ServerProcess;
  private readonly redis: TestRedis;
  private readonly admin: Redis;

  private constructor(server: ServerProcess, redis: TestRedis) {
    this.server = server;
    this.redis = redis;
    this.admin = new Redis(redis.port);
    pin(server.pid, 'server');
    pin(redis.process?.pid as number, 'others');
  }

  /** @param name of a file in peers/. */
  static async ofPeer(name: string, env: Environment = {}): Promise<Bed> {
    const redis = await startBenchRedis();
    const file = fileURLToPath(new URL(`./peers/${name}.js`, import.meta.url));
    const [child, ready] = await spawnServer([file], { NODE_ENV: 'production', REDIS_URL: redis.url, ...env });
    return new Bed(new ServerProcess(child, ready), redis);
  }

  static async ofProduct(env: Environment = {}): Promise<Bed> {
    const redis = await startBenchRedis(['--hash-max-listpack-value', '256']);
    return new Bed(await GatewayProcess.start({ TRANSPORT: 'uws', REDIS_URL: redis.url, ...env }), redis);
  }

  get port(): number {
    return this.server.httpPort;
  }

  async cost(load: () => Promise<LoadReport>): Promise<Cost> {
    const [nodeUs, redisUs] = [this.server.cpuUs(), await redisCpuUs(this.admin)];
    const report = await load();
    return {
      ...report,
      nodeUs: (this.server.cpuUs() - nodeUs) / report.answered,
      redisUs: ((await redisCpuUs(this.admin)) - redisUs) / report.answered,
    };
  }

  async stop(): Promise<void> {
    this.admin.disconnect();
    await this.server.stop();
    await this.redis.stop();
  }
}
