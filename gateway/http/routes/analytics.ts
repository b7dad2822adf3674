/** Clicks and impressions by the hour. */
import { Type } from 'typebox';
import type { EventKind } from '../../../presence-core/index.ts';
import { Id } from '../fields.ts';
import { invalidRequest, Problem } from '../problem.ts';
import { NO_CONTENT, ok, plain, type Route, route } from '../route.ts';
import type { RouteContext } from './context.ts';

/** How far a timestamp may be from now: late senders, and clocks that are ahead. */
const MAX_AGE_MS = 86_400_000;
const MAX_AHEAD_MS = 300_000;

const KINDS = ['click', 'impression'] as const;
const Timestamp = Type.Integer({ minimum: 0 });
/** `&click`: there, without a value. */
const Bare = Type.Optional(Type.Literal(''));

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
  /** Of `uniqueUsers`. */
  approximate: Type.Boolean(),
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

export function analyticsRoutes({ store }: RouteContext): Route[] {
  return [
    route({
      method: 'POST',
      path: '/analytics',
      scope: 'player',
      schema: { query: EventQuery },
      async handler({ query }) {
        const { user: userId, timestamp: at } = query;
        const kind = kindOf(query);
        checkTimestamp(at);
        await store.countEvent({ userId, kind, at });
        return NO_CONTENT;
      },
    }),
    route({
      method: 'GET',
      path: '/analytics',
      scope: 'read',
      schema: {
        query: Type.Object({ timestamp: Timestamp }),
        headers: Type.Object({ accept: Type.Optional(Type.String()) }),
        response: HourReply,
      },
      async handler({ query, headers: { accept = '' } }) {
        const hour = await store.analytics(query.timestamp);
        if (accept.toLowerCase().includes('application/json')) return ok(hour);
        const { uniqueUsers, clicks, impressions } = hour;
        return plain(`unique_users,${uniqueUsers}\nclicks,${clicks}\nimpressions,${impressions}\n`);
      },
    }),
  ];
}
