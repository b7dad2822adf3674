/**
 * The origin's heartbeat limiter as a Fastify service: drop what expired, look at the user's sorted set, then add or
 * refuse. Two trips to Redis, with a race between them that lets parallel opens overshoot the limit.
 */
import { fastify } from 'fastify';
import { connectRedis, Id, MAX_STREAMS, serve, TTL_MS, USER_KEY } from './origin.ts';

interface Beat {
  readonly userId: string;
  readonly streamId: string;
  readonly sessionId: string;
}

const redis = connectRedis();
const app = fastify();

const schema = {
  body: {
    type: 'object',
    required: ['userId', 'streamId', 'sessionId'],
    properties: { userId: Id, streamId: Id, sessionId: Id },
  },
  response: {
    200: {
      type: 'object',
      properties: { status: { type: 'string' }, current: { type: 'integer' }, max: { type: 'integer' } },
    },
  },
};

app.post<{ Body: Beat }>('/heartbeat', { schema }, async ({ body: { userId, sessionId } }, reply) => {
  const key = USER_KEY + userId;
  const now = Date.now();
  const found = await redis.pipeline().zremrangebyscore(key, '-inf', now).zscore(key, sessionId).zcard(key).exec();
  const isKnown = typeof found?.[1]?.[1] === 'string';
  const live = Number(found?.[2]?.[1]);
  if (!isKnown && live >= MAX_STREAMS) {
    return reply.code(400).send({ error: 'too many streams', current: live, max: MAX_STREAMS });
  }
  await redis
    .pipeline()
    .zadd(key, now + TTL_MS, sessionId)
    .pexpire(key, TTL_MS)
    .exec();
  return { status: 'ok', current: isKnown ? live : live + 1, max: MAX_STREAMS };
});

await serve(app);
