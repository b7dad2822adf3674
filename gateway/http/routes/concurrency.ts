/** How many sessions users have, and whether one more would be admitted. */
import { Type } from 'typebox';
import type { UserSessions } from '../../../presence-core/index.ts';
import { conflictOf } from '../../problem.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { count, IdList, id, instant, LONG_LIST_BYTES, LongIdList, SESSION_VIEW, text, UserParams } from '../fields.ts';
import { ok, type Route, route, type Tag } from '../route.ts';
import { admissionTermsOf, type RouteContext } from './context.ts';
import { Conflict } from './refusal.ts';

const { sessionId, streamId, deviceId, deviceType, country, state, meta, startedAt, detached } = SESSION_VIEW;
const LiveSession = Type.Object({
  sessionId,
  streamId,
  deviceId,
  deviceType,
  country,
  state,
  meta,
  startedAt,
  detached,
  expiresAt: instant('End of the session unless it is renewed'),
  via: Type.Enum(['socket', 'heartbeat', 'guard', 'presence'], { description: 'What keeps the session alive' }),
});
const current = count('Live sessions that count towards the limit');
const max = count('Limit: how many sessions the user may have at once');
const Usage = Type.Object({ userId: text('User id'), current, max });
const Usages = Type.Object({
  users: Type.Array(Usage, { description: 'One item per requested id, in the same order' }),
});
const UsageDetail = Type.Object({
  ...Usage.properties,
  sessions: Type.Array(LiveSession, { description: 'Live sessions, oldest first' }),
});

const AdmissionReply = Type.Object({
  admitted: Type.Boolean({ description: 'Whether one more session would be admitted' }),
  current,
  max,
  conflicts: Type.Array(Conflict, {
    description:
      'Sessions that use up the limit, oldest first; with ON_LIMIT=evict-oldest those that would be ended to admit one more',
  }),
  nextFreeAt: Type.Optional(instant('Only if not admitted: earliest end of one of these sessions')),
});

/** What the store would reply to an open now. Reserves nothing. */
function predictAdmission(
  sessions: UserSessions['sessions'],
  max: number,
  onLimit: 'reject' | 'evict-oldest',
): Type.Static<typeof AdmissionReply> {
  const current = sessions.length;
  if (current < max) return { admitted: true, current, max, conflicts: [] };
  const evicts = onLimit === 'evict-oldest';
  const conflicting = evicts ? sessions.slice(0, current - max + 1) : sessions;
  const conflicts = conflicting.map(conflictOf);
  if (evicts) return { admitted: true, current, max, conflicts };
  return { admitted: false, current, max, conflicts, nextFreeAt: Math.min(...sessions.map((s) => s.expiresAt)) };
}

export const tag: Tag = {
  name: 'Concurrency',
  description: 'How many sessions a user has and may have, and whether one more would be admitted.',
};

export function concurrencyRoutes({ config, store }: RouteContext): Route[] {
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
      summary: 'List the live sessions of a user',
      examples: [
        {
          title: 'One of three allowed sessions',
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
        const live = sessions.map((session) => {
          const { country, state, expiresAt, via } = session;
          return { ...conflictOf(session), country, state, expiresAt, via };
        });
        return ok({ userId, current: sessions.length, max, sessions: live });
      },
    }),
    route({
      method: 'GET',
      path: '/concurrency/users',
      tag,
      summary: 'Count the sessions of up to 1,000 users',
      description: 'Returns one item per id, in the order of the request; repeated ids are repeated.',
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
      summary: 'Count the sessions of up to 10,000 users',
      description: 'Returns one item per id, in the order of the request; repeated ids are repeated.',
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
      summary: 'Check whether one more session would be admitted',
      description:
        'Reserves nothing: another player may be admitted in between. Use it to warn a user before playback.',
      examples: [
        {
          title: 'Admitted',
          body: { userId: 'ann' },
          response: { admitted: true, current: 2, max: 3, conflicts: [] },
        },
        {
          title: 'Not admitted',
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
      schema: {
        body: Type.Object({
          userId: id('User id'),
          streamId: Type.Optional(id('Not used: the limit is the same for every stream')),
        }),
        response: AdmissionReply,
      },
      async handler({ body: { userId }, identity }) {
        const { onLimit, limit } = admissionTermsOf(userId, identity, config);
        const { sessions, max } = await detail(userId);
        return ok(predictAdmission(sessions, limit ?? max, onLimit));
      },
    }),
  ];
}
