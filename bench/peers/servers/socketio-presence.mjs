/**
 * Presence on socket.io as people write it: a set of socket ids for each user in Redis, written when a socket connects
 * and when it disconnects; the limit is looked at before the write. Rooms go through the Redis adapter.
 */
import { createAdapter } from '@socket.io/redis-adapter';
import { Server } from 'socket.io';
import { connectRedis, LIMIT } from './serving.mjs';

const WATCHERS = 'watchers';

const redis = connectRedis();
const sessionsOf = (userId) => `sessions:${userId}`;

/** @returns for each id how many sockets the user has. */
export function status(ids) {
  return Promise.all(ids.map((userId) => redis.scard(sessionsOf(userId))));
}

/** @returns a server that is attached to nothing yet. */
export function makeServer() {
  const io = new Server({
    transports: ['websocket'],
    serveClient: false,
    perMessageDeflate: false,
    adapter: createAdapter(connectRedis(), connectRedis()),
  });
  io.use(async (socket, next) => {
    const { userId, isWatcher } = socket.handshake.auth;
    if (isWatcher) return next();
    if ((await redis.scard(sessionsOf(userId))) >= LIMIT) return next(new Error('too many screens'));
    await redis.sadd(sessionsOf(userId), socket.id);
    next();
  });
  io.on('connection', (socket) => {
    const { userId, sessionId, isWatcher } = socket.handshake.auth;
    if (isWatcher) {
      void socket.join(WATCHERS);
      return;
    }
    socket.on('update', ({ streamId }) => {
      void redis.hset('watching', sessionId, streamId);
      io.to(WATCHERS).emit('change', { kind: 'update', userId, sessionId, streamId });
    });
    socket.on('disconnect', () => void redis.srem(sessionsOf(userId), socket.id));
  });
  return io;
}
