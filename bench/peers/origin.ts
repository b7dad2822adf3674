/** What the peers share: the keys, the time to live, the connection, and the line that says they are ready. */
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { Redis } from 'ioredis';

export const TTL_MS = Number(process.env.HEARTBEAT_TTL_MS ?? 30_000);
export const MAX_STREAMS = 3;
export const USER_KEY = 'sessions:';

export const Id = { type: 'string', pattern: '^[A-Za-z0-9_.:@-]{1,128}$' } as const;

export function connectRedis(): Redis {
  return new Redis(process.env.REDIS_URL as string);
}

export async function serve(app: FastifyInstance): Promise<void> {
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  process.on('SIGTERM', () => process.exit(0));
  process.stdout.write(`${JSON.stringify({ msg: 'ready', httpPort: port })}\n`);
}
