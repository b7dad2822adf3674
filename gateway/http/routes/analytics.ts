/** Clicks and impressions by the hour. */
import { Type } from 'typebox';
import type { EventKind } from '../../../presence-core/index.ts';
import { readHour } from '../../history/hour-analytics.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { Id } from '../fields.ts';
import { invalidRequest, Problem } from '../problem.ts';
import { NO_CONTENT, ok, plain, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';

/** How far a timestamp may be from now: late senders, and clocks that are ahead. */
const MAX_AGE_MS = 86_400_000;
const MAX_AHEAD_MS = 300_000;

const KINDS = ['click', 'impression'] as const;
/** The query reads up to 15 digits. */
const Timestamp = Type.Integer({ minimum: 0, maximum: 999_999_999_999_999, description: 'epoch milliseconds' });
const Bare = Type.Optional(Type.Literal('', { description: 'there, without a value' }));

const EventQuery = Type.Object({
  timestamp: Timestamp,
  user: Id,
  event: Type.Optional(Type.Enum([...KINDS])),
  click: Bare,
  impression: Bare,
});
type EventQuery = Type.Static<typeof EventQuery>;

const HourReply = Type.Object({
  hourAt: Type.Integer(),
  uniqueUsers: Type.Integer(),
  clicks: Type.Integer(),
  impressions: Type.Integer(),
  approximate: Type.Boolean({ description: 'whether uniqueUsers is an estimate' }),
});

function kindOf(query: EventQuery): EventKind {
  const named = KINDS.filter((kind) => query.event === kind || query[kind] !== undefined);
  const [kind] = named;
  if (kind === undefined) throw invalidRequest([{ path: 'event', message: 'is required' }]);
  if (named.length > 1) throw invalidRequest([{ path: 'event', message: 'must be one, click or impression' }]);
  return kind;
}

function checkTimestamp(at: number): void {
  const now = Date.now();
  if (at >= now - MAX_AGE_MS && at <= now + MAX_AHEAD_MS) return;
  throw new Problem('timestamp_out_of_range', 'At most 24 hours old and 5 minutes ahead.');
}

const tag: Tag = {
  name: 'Analytics',
  description: 'Clicks and impressions by the hour.',
};

export function analyticsRoutes({ store, history }: RouteContext): Route[] {
  return [
    route({
      method: 'POST',
      path: '/analytics',
      tag,
      summary: 'Counts a click or an impression',
      description: 'The event is named once: by event, or bare as click or impression.',
      problems: [{ code: 'timestamp_out_of_range' }],
      examples: [
        { title: 'A click', query: { timestamp: EXAMPLE_AT, user: 'ann', event: 'click' } },
        { title: 'An impression, bare', query: { timestamp: EXAMPLE_AT, user: 'ann', impression: '' } },
        {
          title: 'Too late',
          query: { timestamp: EXAMPLE_AT - 2 * MAX_AGE_MS, user: 'ann', event: 'click' },
          problem: { code: 'timestamp_out_of_range', detail: 'At most 24 hours old and 5 minutes ahead.' },
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
      summary: 'Clicks, impressions and distinct users of an hour (UTC)',
      description: 'Lines unless accept names application/json.',
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
        query: Type.Object({ timestamp: Timestamp }),
        headers: Type.Object({ accept: Type.Optional(Type.String()) }),
        response: HourReply,
      },
      async handler({ query, headers: { accept = '' } }) {
        const hour = await readHour(query.timestamp, store.analytics, history && ((hourAt) => history.hours(hourAt)));
        if (accept.toLowerCase().includes('application/json')) return ok(hour);
        const { uniqueUsers, clicks, impressions } = hour;
        return plain(`unique_users,${uniqueUsers}\nclicks,${clicks}\nimpressions,${impressions}\n`);
      },
    }),
  ];
}
