/**
 * Presence as tutorials build it: a heartbeat writes "now" into one sorted set of users, and who has a younger entry than
 * the time to live is online. The limit is a sorted set for each user, looked at before it is written: two trips, with a
 * race between them. Changes go to all servers by PUBLISH.
 */
import { connectRedis, LIMIT } from './serving.mjs';

const TTL_MS = Number(process.env.HEARTBEAT_TTL_MS ?? 30_000);
const CHANGES = 'changes';

const redis = connectRedis();
const sessionsOf = (userId) => `sessions:${userId}`;

/** @returns false when the user has all its screens. */
export async function join({ userId, sessionId }) {
  const key = sessionsOf(userId);
  const now = Date.now();
  const [, count] = await Promise.all([redis.zremrangebyscore(key, '-inf', now - TTL_MS), redis.zcard(key)]);
  if (count >= LIMIT) return false;
  await beat({ userId, sessionId });
  return true;
}

export async function beat({ userId, sessionId }) {
  const key = sessionsOf(userId);
  const now = Date.now();
  await Promise.all([redis.zadd('online', now, userId), redis.zadd(key, now, sessionId), redis.pexpire(key, TTL_MS)]);
}

export async function leave({ userId, sessionId }) {
  const key = sessionsOf(userId);
  const [, left] = await Promise.all([redis.zrem(key, sessionId), redis.zcard(key)]);
  if (left === 0) await redis.zrem('online', userId);
}

export async function change({ userId, sessionId }, streamId) {
  await Promise.all([
    redis.hset('watching', sessionId, streamId),
    redis.publish(CHANGES, JSON.stringify({ kind: 'update', userId, sessionId, streamId })),
  ]);
}

/** @returns for each id 1 when the user is online, else 0. */
export async function status(ids) {
  const from = Date.now() - TTL_MS;
  return (await redis.zmscore('online', ...ids)).map((at) => (Number(at ?? 0) > from ? 1 : 0));
}

export async function onChange(tell) {
  const subscriber = redis.duplicate();
  await subscriber.subscribe(CHANGES);
  subscriber.on('message', (_channel, text) => tell(text));
}
