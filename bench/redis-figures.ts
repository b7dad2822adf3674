/** What Redis says of itself: its CPU time, its commands, its memory. */
import type { Redis } from 'ioredis';

/** CPU time of the server so far, in µs. */
export async function redisCpuUs(admin: Redis): Promise<number> {
  const text = await admin.info('cpu');
  const seconds = (name: string): number => Number(new RegExp(`${name}:([\\d.]+)`).exec(text)?.[1]);
  return (seconds('used_cpu_user') + seconds('used_cpu_sys')) * 1e6;
}

/** Commands that the server carried out so far, those within functions among them. */
export async function redisCommands(admin: Redis): Promise<number> {
  const text = await admin.info('commandstats');
  return [...text.matchAll(/^cmdstat_[^:]+:calls=(\d+)/gm)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

/** Bytes that the server's data takes. */
export async function redisBytes(admin: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
}
