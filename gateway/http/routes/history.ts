/** Last week: ended sessions, and how many watched. */
import { Type } from 'typebox';
import { HistoryError, MAX_PAGE, MAX_POINTS } from '../../history/index.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { Id } from '../fields.ts';
import { invalidRequest, Problem } from '../problem.ts';
import { ok, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const MAX_STEP_MS = 31 * DAY_MS;
const DEFAULT_LIMIT = 50;
/** What the query reader takes for an integer. */
const MAX_INSTANT = 999_999_999_999_999;

const Instant = Type.Integer({ minimum: 0, maximum: MAX_INSTANT });

const SessionsQuery = Type.Object({
  userId: Type.Optional(Id),
  streamId: Type.Optional(Id),
  from: Type.Optional(Instant),
  to: Type.Optional(Instant),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: DEFAULT_LIMIT })),
  cursor: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
});

const SessionsReply = Type.Object({
  sessions: Type.Array(
    Type.Object({
      userId: Type.String(),
      sessionId: Type.String(),
      streamId: Type.Optional(Type.String()),
      deviceType: Type.Optional(Type.String()),
      country: Type.Optional(Type.String()),
      state: Type.Optional(Type.String()),
      startedAt: Type.Integer(),
      endedAt: Type.Integer(),
      watchedMs: Type.Integer(),
      reason: Type.Enum(['left', 'timeout', 'node_lost', 'evicted', 'replaced', 'kicked', 'switched']),
      via: Type.Enum(['socket', 'heartbeat', 'guard']),
    }),
  ),
  cursor: Type.Optional(Type.String()),
});

const ConcurrencyQuery = Type.Object({
  from: Type.Optional(Instant),
  to: Type.Optional(Instant),
  stepMs: Type.Optional(
    Type.Integer({ minimum: MINUTE_MS, maximum: MAX_STEP_MS, multipleOf: MINUTE_MS, default: MINUTE_MS }),
  ),
});

const ConcurrencyReply = Type.Object({
  points: Type.Array(
    Type.Object({
      at: Type.Integer(),
      users: Type.Integer(),
      sessions: Type.Integer(),
      peakSessions: Type.Integer(),
    }),
  ),
});

const tag: Tag = { name: 'History', description: 'What was, from the database.' };
const problems = [{ code: 'not_found' }, { code: 'store_unavailable' }] as const;

export function historyRoutes({ history }: RouteContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/history/sessions',
      tag,
      summary: 'Ended sessions of a user or of a stream, newest first',
      description:
        'A switch of stream ends one row and starts the next. Rows with from <= endedAt < to; on the last page there is no cursor.',
      problems,
      examples: [
        {
          title: 'Of a user',
          query: { userId: 'ann', limit: 1 },
          response: {
            sessions: [
              {
                userId: 'ann',
                sessionId: 'tv-0',
                streamId: 'espn',
                deviceType: 'android',
                country: 'US',
                state: 'CA',
                startedAt: EXAMPLE_AT - 2 * HOUR_MS,
                endedAt: EXAMPLE_AT - HOUR_MS,
                watchedMs: HOUR_MS,
                reason: 'left',
                via: 'socket',
              },
            ],
          },
        },
      ],
      scope: 'player',
      schema: { query: SessionsQuery, response: SessionsReply },
      async handler({ query }) {
        const { limit = DEFAULT_LIMIT, ...rest } = query;
        if (rest.userId === undefined && rest.streamId === undefined) {
          throw invalidRequest([{ path: 'userId', message: 'is required, or streamId' }]);
        }
        checkRange(rest.from, rest.to);
        const { sessions, cursor } = await kept(history)
          .sessions({ ...rest, limit })
          .catch(refuseCursor);
        // The start of the whole session and the number of the segment are for the key alone.
        const rows = sessions.map(({ sessionStartedAt, segment, ...row }) => row);
        return ok({ sessions: rows, ...(cursor !== undefined && { cursor }) });
      },
    }),
    route({
      method: 'GET',
      path: '/history/concurrency',
      tag,
      summary: 'How many watched over time',
      description: `The last day by minutes unless told otherwise; at most ${MAX_POINTS} points. Users and sessions are averages of a step, peakSessions is its greatest. Steps that nobody sampled are left out.`,
      problems,
      examples: [
        {
          title: 'Two hours by the hour',
          query: { from: EXAMPLE_AT - 2 * HOUR_MS, to: EXAMPLE_AT, stepMs: HOUR_MS },
          response: { points: [{ at: EXAMPLE_AT - 2 * HOUR_MS, users: 3, sessions: 4, peakSessions: 5 }] },
        },
      ],
      scope: 'read',
      schema: { query: ConcurrencyQuery, response: ConcurrencyReply },
      async handler({ query }) {
        const { to = Date.now(), stepMs = MINUTE_MS } = query;
        // Whole steps, so that the same minutes fall together whenever it is asked.
        const firstStep = Math.min(Math.ceil((to - DAY_MS) / stepMs), Math.ceil(to / stepMs) - 1);
        const { from = Math.max(0, firstStep * stepMs) } = query;
        checkRange(from, to);
        if (Math.ceil((to - from) / stepMs) > MAX_POINTS) {
          throw invalidRequest([{ path: 'stepMs', message: `must be greater: at most ${MAX_POINTS} points` }]);
        }
        return ok({ points: await kept(history).concurrency({ from, to, stepMs }) });
      },
    }),
  ];
}

/** @throws Problem `not_found` */
function kept<T>(history: T | undefined): T {
  if (history === undefined) throw new Problem('not_found', 'No history is kept here.');
  return history;
}

function refuseCursor(error: unknown): never {
  if (error instanceof HistoryError && error.code === 'invalid_cursor') {
    throw invalidRequest([{ path: 'cursor', message: 'must be of an earlier page of the same query' }]);
  }
  throw error;
}

/** @throws Problem `invalid_request` */
function checkRange(from: number | undefined, to: number | undefined): void {
  if (from !== undefined && to !== undefined && from >= to) {
    throw invalidRequest([{ path: 'to', message: 'must be later than from' }]);
  }
}
