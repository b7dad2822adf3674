/** Viewer statistics: distinct users and sessions per stream, device type and place. */
import { Type } from 'typebox';
import type { Dimension } from '../../../presence-core/index.ts';
import { createReads } from '../../replica/reads.ts';
import { Counted, count, id, label, text, UserParams } from '../fields.ts';
import { type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';
import { replicaReply } from './replica-reply.ts';

const BY = ['stream', 'deviceType', 'country', 'state'] as const;
const DEFAULT_TOP = 20;
const MAX_TOP = 1_000;

const ViewingReply = Type.Object({
  sessions: count('Live sessions'),
  streams: count('Distinct streams that these sessions watch'),
  devices: count('Distinct device types of these sessions'),
});
const TopQuery = Type.Object({
  by: Type.Enum([...BY], { description: 'What to count by' }),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_TOP, default: DEFAULT_TOP, description: 'Number of items' }),
  ),
});
const Top = Type.Object({
  by: Type.Enum([...BY], { description: 'As in the request' }),
  items: Type.Array(
    Type.Object({
      key: text('Stream id, device type or country; for a state: country/state, such as US/CA'),
      ...Counted.properties,
    }),
    { description: 'Most sessions first' },
  ),
});

const Location = Type.Object({
  country: label('Country'),
  state: Type.Optional(label('State of that country; default: the whole country')),
});

const tag: Tag = {
  name: 'Statistics',
  description: 'Live viewer counts in total, and per stream, device type, country and state.',
};

export function statsRoutes({ store, replica }: RouteContext): Route[] {
  const reads = createReads(store.reads, replica);
  const countOf = async (dimension: Dimension) => replicaReply(await reads.count(dimension), (counted) => counted);
  return [
    route({
      method: 'GET',
      path: '/stats/viewercount',
      tag,
      summary: 'Count all viewers',
      examples: [{ title: 'Three users with four sessions', response: { users: 3, sessions: 4 } }],
      fromReplica: true,
      scope: 'read',
      schema: { response: Counted },
      handler: () => countOf({ by: 'total' }),
    }),
    route({
      method: 'GET',
      path: '/stats/viewercount/streams/:streamId',
      tag,
      summary: 'Count the viewers of a stream',
      examples: [{ title: 'Stream espn', params: { streamId: 'espn' }, response: { users: 2, sessions: 2 } }],
      fromReplica: true,
      scope: 'read',
      schema: { params: Type.Object({ streamId: id('Stream id') }), response: Counted },
      handler: ({ params }) => countOf({ by: 'stream', key: params.streamId }),
    }),
    route({
      method: 'GET',
      path: '/stats/viewercount/devices/:deviceType',
      tag,
      summary: 'Count the viewers on a device type',
      examples: [{ title: 'Android', params: { deviceType: 'android' }, response: { users: 1, sessions: 2 } }],
      fromReplica: true,
      scope: 'read',
      schema: { params: Type.Object({ deviceType: label('Device type') }), response: Counted },
      handler: ({ params }) => countOf({ by: 'deviceType', key: params.deviceType }),
    }),
    route({
      method: 'GET',
      path: '/stats/viewercount/location',
      tag,
      summary: 'Count the viewers in a country or in one of its states',
      examples: [
        { title: 'A state', query: { country: 'US', state: 'CA' }, response: { users: 1, sessions: 2 } },
        { title: 'A country', query: { country: 'US' }, response: { users: 3, sessions: 4 } },
      ],
      fromReplica: true,
      scope: 'read',
      schema: { query: Location, response: Counted },
      handler: ({ query: { country, state } }) =>
        countOf(state === undefined ? { by: 'country', key: country } : { by: 'state', country, state }),
    }),
    route({
      method: 'GET',
      path: '/stats/viewercount/users/:userId',
      tag,
      summary: 'Count the sessions, streams and device types of a user',
      examples: [
        {
          title: 'Two streams on one device type',
          params: { userId: 'ann' },
          response: { sessions: 2, streams: 2, devices: 1 },
        },
      ],
      fromReplica: true,
      scope: 'player',
      schema: { params: UserParams, response: ViewingReply },
      handler: async ({ params }) => replicaReply(await reads.viewing(params.userId), (viewing) => viewing),
    }),
    route({
      method: 'GET',
      path: '/stats/top',
      tag,
      summary: 'List the top streams, device types, countries or states',
      description: 'Sorted by sessions, most first.',
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
