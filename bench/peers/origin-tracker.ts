/**
 * The origin's online tracker as a Fastify service: a sorted set of sessions by expiry for each user, a list of users
 * answered by one pipeline.
 */
import { fastify } from 'fastify';
import { connectRedis, Id, serve, TTL_MS, USER_KEY } from './origin.ts';

interface Beat {
  readonly userId: string;
  readonly sessionId: string;
}

const redis = connectRedis();
const app = fastify();

const beatSchema = {
  body: { type: 'object', required: ['userId', 'sessionId'], properties: { userId: Id, sessionId: Id } },
  response: { 200: { type: 'object', properties: { status: { type: 'string' }, expiresAt: { type: 'integer' } } } },
};

app.post<{ Body: Beat }>('/heartbeat', { schema: beatSchema }, async ({ body: { userId, sessionId } }) => {
  const key = USER_KEY + userId;
  const expiresAt = Date.now() + TTL_MS;
  await redis.pipeline().zadd(key, expiresAt, sessionId).pexpire(key, TTL_MS).exec();
  return { status: 'ok', expiresAt };
});

const statusSchema = {
  querystring: {
    type: 'object',
    required: ['ids'],
    properties: { ids: { type: 'string', pattern: '^[A-Za-z0-9_.:@,-]+$' } },
  },
  response: {
    200: {
      type: 'object',
      properties: {
        users: {
          type: 'array',
          items: {
            type: 'object',
            properties: { userId: { type: 'string' }, online: { type: 'boolean' }, sessions: { type: 'integer' } },
          },
        },
      },
    },
  },
};

app.get<{ Querystring: { ids: string } }>('/status/users', { schema: statusSchema }, async ({ query }) => {
  const ids = query.ids.split(',');
  const now = Date.now();
  const pipeline = redis.pipeline();
  for (const userId of ids) pipeline.zcount(USER_KEY + userId, now, '+inf');
  const replies = (await pipeline.exec()) ?? [];
  return {
    users: ids.map((userId, i) => {
      const sessions = Number(replies[i]?.[1]);
      return { userId, online: sessions > 0, sessions };
    }),
  };
});

await serve(app);
