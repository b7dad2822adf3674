/** Who is online. */
import { Type } from 'typebox';
import { createReads } from '../../replica/reads.ts';
import { statusAt } from '../../replica/statuses.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { Counted, IdList, LONG_LIST_BYTES, LongIdList, UserParams } from '../fields.ts';
import { type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';
import { ageHeaders, replicaReply } from './replica-reply.ts';
import { statusesText } from './statuses-text.ts';

const Status = Type.Object({
  userId: Type.String(),
  online: Type.Boolean(),
  sessions: Type.Integer(),
  lastSeenAt: Type.Union([Type.Integer(), Type.Null()], {
    description: 'online: now; null: never seen, or longer ago than is kept',
  }),
});
const JSON_TYPE = 'application/json';
const Statuses = Type.Object({ users: Type.Array(Status) });

const tag: Tag = {
  name: 'Status',
  description: 'Who is online, and who was when.',
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
      summary: 'Whether a user is online',
      description: 'Of a user that is not known too: offline.',
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
      summary: 'Whether up to 1,000 users are online',
      description: 'Order and repetitions as asked.',
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
      summary: 'Whether up to 10,000 users are online',
      description: 'Order and repetitions as asked.',
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
      summary: 'How many are online',
      examples: [{ title: 'Three users with four sessions', response: { users: 3, sessions: 4 } }],
      fromReplica: true,
      scope: 'read',
      schema: { response: Counted },
      async handler() {
        return replicaReply(await reads.count({ by: 'total' }), (count) => count);
      },
    }),
  ];
}
