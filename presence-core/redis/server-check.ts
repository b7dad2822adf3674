/** What a Redis must and should be like. */
import type { Redis } from 'ioredis';
import { StoreError } from '../errors.ts';
import type { RedisClient } from './connection.ts';
import type { Warn } from './failures.ts';

/** Rows are longer than the 64 bytes up to which Redis packs a hash as installed. */
const LISTPACK_VALUE_MIN = 256;

/**
 * Refuses a server that is too old, and warns of settings that cost data or memory.
 * @throws StoreError `store_misconfigured`
 */
export async function checkServer(client: RedisClient, warn: Warn): Promise<void> {
  const version = /redis_version:(\d+)/.exec(await client.info('server'))?.[1];
  if (Number(version) < 7) throw new StoreError('store_misconfigured', 'Redis 7.0 or newer is needed');
  const config = async (name: string): Promise<string | undefined> => {
    // Managed services forbid CONFIG; then nothing can be said.
    const reply = await (client as Redis).config('GET', name).catch(() => []);
    return (reply as string[])[1];
  };
  const policy = await config('maxmemory-policy');
  if (policy && policy !== 'noeviction') {
    warn('Redis may delete presence when memory is short: set maxmemory-policy noeviction', { policy });
  }
  const value = await config('hash-max-listpack-value');
  if (value && Number(value) < LISTPACK_VALUE_MIN) {
    warn(`Redis uses more memory a session than it must: set hash-max-listpack-value ${LISTPACK_VALUE_MIN}`, { value });
  }
}
