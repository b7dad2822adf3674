/** Which users are online. */
import { Type } from 'typebox';
import { createReads } from '../../replica/reads.ts';
import { statusAt } from '../../replica/statuses.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { Counted, count, IdList, LONG_LIST_BYTES, LongIdList, text, UserParams } from '../fields.ts';
import { type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';
import { ageHeaders, replicaReply } from './replica-reply.ts';
import { statusesText } from './statuses-text.ts';

const Status = Type.Object({
  userId: text('User id'),
  online: Type.Boolean({ description: 'Whether the user has a live session or a presence mark' }),
  sessions: count('Live sessions'),
  lastSeenAt: Type.Union([Type.Integer(), Type.Null()], {
    description:
      'When the user was last online, epoch ms; the current time while online; null if not known (kept for 24 hours)',
  }),
});
const JSON_TYPE = 'application/json';
const Statuses = Type.Object({
  users: Type.Array(Status, { description: 'One item per requested id, in the same order' }),
});

const tag: Tag = {
  name: 'Status',
  description: 'Which users are online, and when they last were.',
};

export function statusRoutes({ store, replica }: RouteContext): Route[] {
  const reads = createReads(store.reads, replica);
  const statuses = async (ids: readonly string[]) => {
    const answer = await reads.status(ids);
    const headers = ageHeaders(answer);
    headers['content-type'] = JSON_TYPE;
    return { status: 200, headers, text: statusesText(answer.value) };
  };
  return [
    route({
      method: 'GET',
      path: '/status/user/:userId',
      tag,
      summary: 'Get the status of a user',
      description: 'A user that is not known is offline.',
      examples: [
        {
          title: 'Online',
          params: { userId: 'ann' },
          response: { userId: 'ann', online: true, sessions: 2, lastSeenAt: EXAMPLE_AT },
        },
      ],
      fromReplica: true,
      scope: 'player',
      schema: { params: UserParams, response: Status },
      async handler({ params }) {
        return replicaReply(await reads.status([params.userId]), (statuses) => statusAt(statuses, 0));
      },
    }),
    route({
      method: 'GET',
      path: '/status/users',
      tag,
      summary: 'Get the status of up to 1,000 users',
      description: 'Returns one item per id, in the order of the request; repeated ids are repeated.',
      examples: [
        {
          title: 'One online, one offline',
          query: { ids: ['ann', 'eve'] },
          response: {
            users: [
              { userId: 'ann', online: true, sessions: 2, lastSeenAt: EXAMPLE_AT },
              { userId: 'eve', online: false, sessions: 0, lastSeenAt: EXAMPLE_AT - 300_000 },
            ],
          },
        },
      ],
      fromReplica: true,
      scope: 'read',
      schema: { query: IdList, response: Statuses },
      handler: ({ query }) => statuses(query.ids),
    }),
    route({
      method: 'POST',
      path: '/status/users',
      tag,
      summary: 'Get the status of up to 10,000 users',
      description: 'Returns one item per id, in the order of the request; repeated ids are repeated.',
      examples: [
        {
          title: 'A user never seen',
          body: { ids: ['nobody'] },
          response: { users: [{ userId: 'nobody', online: false, sessions: 0, lastSeenAt: null }] },
        },
      ],
      fromReplica: true,
      scope: 'read',
      maxBodyBytes: LONG_LIST_BYTES,
      schema: { body: LongIdList, response: Statuses },
      handler: ({ body }) => statuses(body.ids),
    }),
    route({
      method: 'GET',
      path: '/online',
      tag,
      summary: 'Count the users who are online',
      examples: [{ title: 'Three users with four sessions', response: { users: 3, sessions: 4 } }],
      fromReplica: true,
      scope: 'read',
      schema: { response: Counted },
      async handler() {
        return replicaReply(await reads.count({ by: 'total' }), (counted) => counted);
      },
    }),
  ];
}
