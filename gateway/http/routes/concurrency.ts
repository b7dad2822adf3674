/** How many sessions a user has, whether one more would be admitted, and who rules over it. */
import { Type } from 'typebox';
import { MAX_LIMIT, type UserSessions } from '../../../presence-core/index.ts';
import { conflictOf } from '../../problem.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { Id, IdList, LONG_LIST_BYTES, LongIdList, UserParams } from '../fields.ts';
import { NO_CONTENT, ok, type Route, route, type Tag } from '../route.ts';
import { admissionTermsOf, type RouteContext } from './context.ts';
import { Conflict } from './refusal.ts';
import { notifyDisplaced } from './session-log.ts';

const Held = Type.Object({
  sessionId: Type.String(),
  streamId: Type.Optional(Type.String()),
  deviceType: Type.Optional(Type.String()),
  country: Type.Optional(Type.String()),
  startedAt: Type.Integer(),
  expiresAt: Type.Integer(),
  via: Type.Enum(['socket', 'heartbeat', 'guard', 'presence']),
});
const Usage = Type.Object({ userId: Type.String(), current: Type.Integer(), max: Type.Integer() });
const Usages = Type.Object({ users: Type.Array(Usage) });
const UsageDetail = Type.Object({ ...Usage.properties, sessions: Type.Array(Held) });

const AdmissionReply = Type.Object({
  admitted: Type.Boolean(),
  current: Type.Integer(),
  max: Type.Integer(),
  conflicts: Type.Array(Conflict, { description: 'who stands in the way, or would have to go' }),
  nextFreeAt: Type.Optional(Type.Integer()),
});

/** What an open would be answered now; nothing is held for it. */
function foresee(
  sessions: UserSessions['sessions'],
  max: number,
  onLimit: 'reject' | 'evict-oldest',
): Type.Static<typeof AdmissionReply> {
  const current = sessions.length;
  if (current < max) return { admitted: true, current, max, conflicts: [] };
  const evicts = onLimit === 'evict-oldest';
  const inTheWay = evicts ? sessions.slice(0, current - max + 1) : sessions;
  const conflicts = inTheWay.map(conflictOf);
  if (evicts) return { admitted: true, current, max, conflicts };
  return { admitted: false, current, max, conflicts, nextFreeAt: Math.min(...sessions.map((s) => s.expiresAt)) };
}

const tag: Tag = {
  name: 'Concurrency',
  description: 'How many sessions a user has, whether one more would be admitted, and who rules over it.',
};

export function concurrencyRoutes(context: RouteContext): Route[] {
  const { config, store, log } = context;
  const usages = async (ids: readonly string[]) => {
    const users = await store.reads.sessions(ids);
    return ok({ users: users.map(({ userId, sessions, max }) => ({ userId, current: sessions.length, max })) });
  };
  const detail = async (userId: string) => (await store.reads.sessions([userId]))[0] as UserSessions;

  return [
    route({
      method: 'GET',
      path: '/concurrency/user/:userId',
      tag,
      summary: 'The live sessions of a user',
      examples: [
        {
          title: 'One of three slots is taken',
          params: { userId: 'bob' },
          response: {
            userId: 'bob',
            current: 1,
            max: 3,
            sessions: [
              {
                sessionId: 'tablet-1',
                streamId: 'espn',
                deviceType: 'apple',
                country: 'US',
                startedAt: EXAMPLE_AT - 600_000,
                expiresAt: EXAMPLE_AT + 22_000,
                via: 'heartbeat',
              },
            ],
          },
        },
      ],
      scope: 'player',
      schema: { params: UserParams, response: UsageDetail },
      async handler({ params: { userId } }) {
        const { max, sessions } = await detail(userId);
        const held = sessions.map(({ sessionId, streamId, deviceType, country, startedAt, expiresAt, via }) => {
          return { sessionId, streamId, deviceType, country, startedAt, expiresAt, via };
        });
        return ok({ userId, current: sessions.length, max, sessions: held });
      },
    }),
    route({
      method: 'GET',
      path: '/concurrency/users',
      tag,
      summary: 'How many sessions up to 1,000 users have',
      description: 'Order and repetitions as asked.',
      examples: [
        {
          title: 'Two users',
          query: { ids: ['ann', 'cat'] },
          response: {
            users: [
              { userId: 'ann', current: 2, max: 3 },
              { userId: 'cat', current: 1, max: 1 },
            ],
          },
        },
      ],
      scope: 'read',
      schema: { query: IdList, response: Usages },
      handler: ({ query }) => usages(query.ids),
    }),
    route({
      method: 'POST',
      path: '/concurrency/users',
      tag,
      summary: 'How many sessions up to 10,000 users have',
      description: 'Order and repetitions as asked.',
      examples: [
        { title: 'One user', body: { ids: ['ann'] }, response: { users: [{ userId: 'ann', current: 2, max: 3 }] } },
      ],
      scope: 'read',
      maxBodyBytes: LONG_LIST_BYTES,
      schema: { body: LongIdList, response: Usages },
      handler: ({ body }) => usages(body.ids),
    }),
    route({
      method: 'POST',
      path: '/admission',
      tag,
      summary: 'Whether one more session would be admitted now',
      description: 'Nothing is held for it.',
      examples: [
        {
          title: 'It would',
          body: { userId: 'ann' },
          response: { admitted: true, current: 2, max: 3, conflicts: [] },
        },
        {
          title: 'It would not',
          body: { userId: 'cat', streamId: 'tnt' },
          response: {
            admitted: false,
            current: 1,
            max: 1,
            conflicts: [{ sessionId: 'tv-2', streamId: 'espn', deviceType: 'apple', startedAt: EXAMPLE_AT - 300_000 }],
            nextFreeAt: EXAMPLE_AT + 28_000,
          },
        },
      ],
      scope: 'player',
      reads: true,
      schema: { body: Type.Object({ userId: Id, streamId: Type.Optional(Id) }), response: AdmissionReply },
      async handler({ body: { userId }, identity }) {
        const { onLimit, limit } = admissionTermsOf(userId, identity, config);
        const { sessions, max } = await detail(userId);
        return ok(foresee(sessions, limit ?? max, onLimit));
      },
    }),
    route({
      method: 'PUT',
      path: '/limits/:userId',
      tag,
      summary: 'Sets how many sessions a user may have',
      description: 'A limit below the live count ends nobody; it refuses new sessions.',
      examples: [{ title: 'Five', params: { userId: 'ann' }, body: { max: 5 } }],
      scope: 'admin',
      schema: { params: UserParams, body: Type.Object({ max: Type.Integer({ minimum: 1, maximum: MAX_LIMIT }) }) },
      async handler({ params: { userId }, body: { max }, requestId }) {
        await store.limits.setOverride(userId, max);
        log.info({ correlationId: requestId, userId, max }, 'limit set');
        return NO_CONTENT;
      },
    }),
    route({
      method: 'DELETE',
      path: '/limits/:userId',
      tag,
      summary: 'Gives a user the common limit again',
      examples: [{ title: 'As all others', params: { userId: 'cat' } }],
      scope: 'admin',
      schema: { params: UserParams },
      async handler({ params: { userId }, requestId }) {
        await store.limits.setOverride(userId, null);
        log.info({ correlationId: requestId, userId }, 'limit removed');
        return NO_CONTENT;
      },
    }),
    route({
      method: 'DELETE',
      path: '/sessions/:userId',
      tag,
      summary: 'Ends all sessions of a user',
      description: 'Sockets are closed with 4011; beats and resumes are answered session_ended.',
      examples: [{ title: 'Kicked', params: { userId: 'ann' } }],
      scope: 'admin',
      schema: { params: UserParams },
      async handler({ params: { userId }, requestId }) {
        const displaced = await store.sessions.kick(userId);
        log.info({ correlationId: requestId, userId, ended: displaced.length }, 'kicked');
        notifyDisplaced(context, requestId, displaced);
        return NO_CONTENT;
      },
    }),
    route({
      method: 'DELETE',
      path: '/sessions/:userId/:sessionId',
      tag,
      summary: 'Ends one session of a user',
      description: 'As for all of them.',
      examples: [{ title: 'Kicked', params: { userId: 'ann', sessionId: 'tv-1' } }],
      scope: 'admin',
      schema: { params: Type.Object({ userId: Id, sessionId: Id }) },
      async handler({ params: { userId, sessionId }, requestId }) {
        const result = await store.sessions.close({ userId, sessionId, reason: 'kicked' });
        log.info({ correlationId: requestId, userId, sessionId, outcome: result.outcome }, 'kicked');
        if (result.outcome === 'closed') notifyDisplaced(context, requestId, [result.displaced]);
        return NO_CONTENT;
      },
    }),
  ];
}
