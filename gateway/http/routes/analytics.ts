/** Counts clicks and impressions per hour. */
import { Type } from 'typebox';
import type { EventKind } from '../../../presence-core/index.ts';
import { readHour } from '../../history/hour-analytics.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { count, id, instant } from '../fields.ts';
import { invalidRequest, Problem } from '../problem.ts';
import { NO_CONTENT, ok, plain, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';

/** How far a timestamp may be from now: for late senders, and for clocks that are ahead. */
const MAX_AGE_MS = 86_400_000;
const MAX_AHEAD_MS = 300_000;
const OUT_OF_RANGE = 'The timestamp must be at most 24 hours old and at most 5 minutes in the future.';

const KINDS = ['click', 'impression'] as const;
/** A query reads integers of up to 15 digits. */
const timestamp = (description: string) => Type.Integer({ minimum: 0, maximum: 999_999_999_999_999, description });
const flag = (kind: string) =>
  Type.Optional(Type.Literal('', { description: `Without a value: same as event=${kind}` }));

const EventQuery = Type.Object({
  timestamp: timestamp('When it happened, epoch ms: at most 24 hours old, at most 5 minutes in the future'),
  user: id('User id'),
  event: Type.Optional(Type.Enum([...KINDS], { description: 'What happened' })),
  click: flag('click'),
  impression: flag('impression'),
});
type EventQuery = Type.Static<typeof EventQuery>;

const HourReply = Type.Object({
  hourAt: instant('Start of the hour (UTC)'),
  uniqueUsers: count('Distinct users with a click or an impression in the hour'),
  clicks: count('Clicks in the hour'),
  impressions: count('Impressions in the hour'),
  approximate: Type.Boolean({ description: 'True if uniqueUsers is an estimate (standard error below 1 %)' }),
});

function kindOf(query: EventQuery): EventKind {
  const named = KINDS.filter((kind) => query.event === kind || query[kind] !== undefined);
  const [kind] = named;
  if (kind === undefined) throw invalidRequest([{ path: 'event', message: 'is required: click or impression' }]);
  if (named.length > 1) throw invalidRequest([{ path: 'event', message: 'must be either click or impression' }]);
  return kind;
}

function checkTimestamp(at: number): void {
  const now = Date.now();
  if (at >= now - MAX_AGE_MS && at <= now + MAX_AHEAD_MS) return;
  throw new Problem('timestamp_out_of_range', OUT_OF_RANGE);
}

/** The same URL has two forms. */
const VARIES = { vary: 'accept' };

const tag: Tag = {
  name: 'Analytics',
  description: 'Clicks, impressions and distinct users per hour.',
};

export function analyticsRoutes({ store, history }: RouteContext): Route[] {
  return [
    route({
      method: 'POST',
      path: '/analytics',
      tag,
      summary: 'Count a click or an impression',
      description:
        'Name the event once: event=click or event=impression, or the parameter click or impression without a value. A request that is sent twice is counted twice.',
      problems: [{ code: 'timestamp_out_of_range' }],
      examples: [
        { title: 'A click', query: { timestamp: EXAMPLE_AT, user: 'ann', event: 'click' } },
        {
          title: 'An impression, as a parameter without a value',
          query: { timestamp: EXAMPLE_AT, user: 'ann', impression: '' },
        },
        {
          title: 'The timestamp is too old',
          query: { timestamp: EXAMPLE_AT - 2 * MAX_AGE_MS, user: 'ann', event: 'click' },
          problem: { code: 'timestamp_out_of_range', detail: OUT_OF_RANGE },
        },
      ],
      scope: 'player',
      schema: { query: EventQuery },
      async handler({ query }) {
        const { user: userId, timestamp: at } = query;
        const kind = kindOf(query);
        checkTimestamp(at);
        await store.analytics.count({ userId, kind, at });
        return NO_CONTENT;
      },
    }),
    route({
      method: 'GET',
      path: '/analytics',
      tag,
      summary: 'Get clicks, impressions and distinct users of an hour',
      problems: [{ code: 'history_unavailable' }],
      description:
        'Returns the hour (UTC) that contains the timestamp: as lines name,value, or as JSON if the accept header names application/json. unique_users in the lines is uniqueUsers in the JSON.',
      textType: 'text/plain',
      examples: [
        {
          title: 'As lines',
          query: { timestamp: EXAMPLE_AT },
          text: 'unique_users,2\nclicks,1\nimpressions,2\n',
        },
        {
          title: 'As JSON',
          query: { timestamp: EXAMPLE_AT },
          headers: { accept: 'application/json' },
          response: { hourAt: EXAMPLE_AT, uniqueUsers: 2, clicks: 1, impressions: 2, approximate: false },
        },
      ],
      scope: 'read',
      schema: {
        query: Type.Object({ timestamp: timestamp('Any instant within the hour, epoch ms') }),
        headers: Type.Object({
          accept: Type.Optional(Type.String({ description: 'application/json for JSON' })),
        }),
        response: HourReply,
      },
      async handler({ query, headers: { accept = '' } }) {
        const hour = await readHour(query.timestamp, store.analytics, history && ((hourAt) => history.hours(hourAt)));
        if (accept.toLowerCase().includes('application/json')) return { ...ok(hour), headers: VARIES };
        const { uniqueUsers, clicks, impressions } = hour;
        const text = plain(`unique_users,${uniqueUsers}\nclicks,${clicks}\nimpressions,${impressions}\n`);
        return { ...text, headers: VARIES };
      },
    }),
  ];
}
