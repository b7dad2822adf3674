/** What an administrator of one Redis does, past all proxies. */
import { Redis } from 'ioredis';
import type { Rig } from '../rig/rig.ts';

export async function admin<T>(rig: Rig, act: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(rig.store.redis.port, { maxRetriesPerRequest: null });
  client.on('error', () => {});
  try {
    return await act(client);
  } finally {
    client.disconnect();
  }
}
