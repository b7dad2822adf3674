/** What the servers of the peers share: where they listen, their Redis, the limit, and the line that says they are ready. */
import { Redis } from 'ioredis';

export const HOST = '127.0.0.1';
/** Screens a user may have. */
export const LIMIT = 3;

/** One line of options that batches the commands of a turn: cheaper than what tutorials show, and as easy. */
export function connectRedis() {
  return new Redis(process.env.REDIS_URL, { enableAutoPipelining: true });
}

/** @param port both of the players and of those who ask. */
export function tellReady(port) {
  process.on('SIGTERM', () => process.exit(0));
  process.stdout.write(`${JSON.stringify({ msg: 'ready', wsPort: port, httpPort: port })}\n`);
}

/** The answer to `GET /status/users?ids=a,b`, from how many sessions each id has. */
export function statusText(ids, counts) {
  return JSON.stringify({
    users: ids.map((userId, i) => ({ userId, online: Number(counts[i]) > 0, sessions: Number(counts[i]) })),
  });
}

/** @param url with its query. */
export function idsOf(url) {
  return new URLSearchParams(url.slice(url.indexOf('?') + 1)).get('ids')?.split(',') ?? [];
}
