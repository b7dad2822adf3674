/** Viewer statistics: distinct users and sessions per stream, device type and place. */
import { Type } from 'typebox';
import type { Dimension } from '../../../presence-core/index.ts';
import { createReads } from '../../replica/reads.ts';
import { Counted, Id, Label, UserParams } from '../fields.ts';
import { type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';
import { replicaReply } from './replica-reply.ts';

const BY = ['stream', 'deviceType', 'country', 'state'] as const;
const DEFAULT_TOP = 20;
const MAX_TOP = 1_000;

const UserCount = Type.Object({ sessions: Type.Integer(), streams: Type.Integer(), devices: Type.Integer() });
const TopQuery = Type.Object({
  by: Type.Enum([...BY]),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_TOP, default: DEFAULT_TOP })),
});
const Top = Type.Object({
  by: Type.Enum([...BY]),
  items: Type.Array(Type.Object({ key: Type.String(), ...Counted.properties })),
});

const tag: Tag = {
  name: 'Statistics',
  description: 'Distinct users and sessions per stream, device type and place.',
};

export function statsRoutes({ store, replica }: RouteContext): Route[] {
  const reads = createReads(store.reads, replica);
  const count = async (dimension: Dimension) => replicaReply(await reads.count(dimension), (counted) => counted);
  return [
    route({
      method: 'GET',
      path: '/stats/viewercount',
      tag,
      summary: 'Viewers in total',
      examples: [{ title: 'Three users with four sessions', response: { users: 3, sessions: 4 } }],
      fromReplica: true,
      scope: 'read',
      schema: { response: Counted },
      handler: () => count({ by: 'total' }),
    }),
    route({
      method: 'GET',
      path: '/stats/viewercount/streams/:streamId',
      tag,
      summary: 'Viewers of a stream',
      examples: [{ title: 'Of espn', params: { streamId: 'espn' }, response: { users: 2, sessions: 2 } }],
      fromReplica: true,
      scope: 'read',
      schema: { params: Type.Object({ streamId: Id }), response: Counted },
      handler: ({ params }) => count({ by: 'stream', key: params.streamId }),
    }),
    route({
      method: 'GET',
      path: '/stats/viewercount/devices/:deviceType',
      tag,
      summary: 'Viewers on a device type',
      examples: [{ title: 'On Android', params: { deviceType: 'android' }, response: { users: 1, sessions: 2 } }],
      fromReplica: true,
      scope: 'read',
      schema: { params: Type.Object({ deviceType: Label }), response: Counted },
      handler: ({ params }) => count({ by: 'deviceType', key: params.deviceType }),
    }),
    route({
      method: 'GET',
      path: '/stats/viewercount/location',
      tag,
      summary: 'Viewers in a country, or in one of its states',
      examples: [
        { title: 'In a state', query: { country: 'US', state: 'CA' }, response: { users: 1, sessions: 2 } },
        { title: 'In a country', query: { country: 'US' }, response: { users: 3, sessions: 4 } },
      ],
      fromReplica: true,
      scope: 'read',
      schema: { query: Type.Object({ country: Label, state: Type.Optional(Label) }), response: Counted },
      handler: ({ query: { country, state } }) =>
        count(state === undefined ? { by: 'country', key: country } : { by: 'state', country, state }),
    }),
    route({
      method: 'GET',
      path: '/stats/viewercount/users/:userId',
      tag,
      summary: 'Sessions, streams and device types of a user',
      examples: [
        {
          title: 'Two streams on one type',
          params: { userId: 'ann' },
          response: { sessions: 2, streams: 2, devices: 1 },
        },
      ],
      fromReplica: true,
      scope: 'player',
      schema: { params: UserParams, response: UserCount },
      handler: async ({ params }) => replicaReply(await reads.viewing(params.userId), (viewing) => viewing),
    }),
    route({
      method: 'GET',
      path: '/stats/top',
      tag,
      summary: 'What is watched most',
      description: 'Descending.',
      examples: [
        {
          title: 'By stream',
          query: { by: 'stream', limit: 2 },
          response: {
            by: 'stream',
            items: [
              { key: 'espn', users: 2, sessions: 2 },
              { key: 'abc', users: 1, sessions: 1 },
            ],
          },
        },
        {
          title: 'By state',
          query: { by: 'state', limit: 1 },
          response: { by: 'state', items: [{ key: 'US/CA', users: 1, sessions: 2 }] },
        },
      ],
      fromReplica: true,
      scope: 'read',
      schema: { query: TopQuery, response: Top },
      handler: async ({ query: { by, limit = DEFAULT_TOP } }) =>
        replicaReply(await reads.top(by, limit), (items) => ({ by, items })),
    }),
  ];
}
