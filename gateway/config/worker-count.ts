import { availableParallelism } from 'node:os';
import type { Config } from './settings.ts';

/** How many processes serve; 1: this one, without a parent. */
export function workerCount({ workers, redisUrl }: Pick<Config, 'workers' | 'redisUrl'>): number {
  if (workers !== 'auto') return workers;
  return redisUrl === '' ? 1 : availableParallelism();
}
