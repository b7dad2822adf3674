/** What some work takes of Redis and of this process. */
import type { Redis } from 'ioredis';
import { redisCommands, redisCpuUs } from '../redis-figures.ts';

export interface Cost {
  readonly redisUs: number;
  /** Of this process. */
  readonly nodeUs: number;
  readonly commands: number;
  readonly elapsedMs: number;
}

export async function costOf(admin: Redis, work: () => Promise<unknown>): Promise<Cost> {
  const [redisUs, commands] = [await redisCpuUs(admin), await redisCommands(admin)];
  const [cpu, begunAt] = [process.cpuUsage(), performance.now()];
  await work();
  const elapsedMs = performance.now() - begunAt;
  const { user, system } = process.cpuUsage(cpu);
  return {
    redisUs: (await redisCpuUs(admin)) - redisUs,
    nodeUs: user + system,
    commands: (await redisCommands(admin)) - commands,
    elapsedMs,
  };
}

/** Of a core, in percent. */
export function corePercent({ redisUs, elapsedMs }: Cost): number {
  return redisUs / elapsedMs / 10;
}
