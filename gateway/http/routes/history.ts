/** History from the database: ended sessions, and how many watched over time. */
import { Type } from 'typebox';
import { HistoryError, MAX_PAGE, MAX_POINTS } from '../../history/index.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { count, id, instant, SESSION_VIEW, text } from '../fields.ts';
import { invalidRequest, Problem } from '../problem.ts';
import { ok, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const MAX_STEP_MS = 31 * DAY_MS;
const DEFAULT_LIMIT = 50;
/** A query reads integers of up to 15 digits. */
const MAX_INSTANT = 999_999_999_999_999;

const bound = (description: string) => Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_INSTANT, description }));

const SessionsQuery = Type.Object({
  userId: Type.Optional(id('User id; required unless streamId is given')),
  streamId: Type.Optional(id('Stream id; required unless userId is given')),
  from: bound('Only rows that ended at or after this instant, epoch ms'),
  to: bound('Only rows that ended before this instant, epoch ms'),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_PAGE, default: DEFAULT_LIMIT, description: 'Rows per page' }),
  ),
  cursor: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 1_024,
      description: 'The cursor of the previous page, with an otherwise unchanged query',
    }),
  ),
});

const SessionsReply = Type.Object({
  sessions: Type.Array(
    Type.Object({
      userId: text('User id'),
      ...SESSION_VIEW,
      startedAt: instant('Start of this row: start of the session, or the switch to this stream'),
      endedAt: instant('End of this row: end of the session, or the switch to another stream'),
      watchedMs: count('Time watched in ms: endedAt - startedAt'),
      reason: Type.Enum(['left', 'timeout', 'node_lost', 'evicted', 'replaced', 'kicked', 'switched'], {
        description:
          'Why it ended. left: by the player; timeout: nothing received in time; node_lost: its gateway was lost; evicted: by the limit; replaced: by its user; kicked: by an admin; switched: to another stream',
      }),
      via: Type.Enum(['socket', 'heartbeat', 'guard'], { description: 'What kept the session alive' }),
    }),
    { description: 'Ended sessions, newest first' },
  ),
  cursor: Type.Optional(text('For the next page; absent on the last page')),
});

const ConcurrencyQuery = Type.Object({
  from: bound('Start of the period, epoch ms; default: one day before to'),
  to: bound('End of the period, epoch ms; default: now'),
  stepMs: Type.Optional(
    Type.Integer({
      minimum: MINUTE_MS,
      maximum: MAX_STEP_MS,
      multipleOf: MINUTE_MS,
      default: MINUTE_MS,
      description: 'Length of a step in ms, whole minutes',
    }),
  ),
});

const ConcurrencyReply = Type.Object({
  points: Type.Array(
    Type.Object({
      at: instant('Start of the step'),
      users: count('Distinct users, average of the step'),
      sessions: count('Live sessions, average of the step'),
      peakSessions: count('Live sessions, maximum of the step'),
    }),
    { description: 'One point per step, oldest first; steps without a sample are left out' },
  ),
});

const tag: Tag = { name: 'History', description: 'Past sessions and viewer counts, from the database.' };
const problems = [{ code: 'not_found' }, { code: 'history_unavailable' }] as const;

export function historyRoutes({ history }: RouteContext): Route[] {
  return [
    route({
      method: 'GET',
      path: '/history/sessions',
      tag,
      summary: 'List ended sessions of a user or a stream, newest first',
      description:
        'A session that switched its stream has one row per stream. If the store lost data and a session went on after its end, its row moves to the later end. To read the next page, send the same query with the cursor of this one.',
      problems,
      examples: [
        {
          title: 'Sessions of a user',
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
          throw invalidRequest([{ path: 'userId', message: 'or streamId is required' }]);
        }
        checkRange(rest.from, rest.to);
        const { sessions, cursor } = await requireHistory(history)
          .sessions({ ...rest, limit })
          .catch(refuseCursor);
        // Start of the whole session and number of the segment are only part of the key.
        const rows = sessions.map(({ sessionStartedAt, segment, ...row }) => row);
        return ok({ sessions: rows, ...(cursor !== undefined && { cursor }) });
      },
    }),
    route({
      method: 'GET',
      path: '/history/concurrency',
      tag,
      summary: 'Get viewer counts over time',
      description: `Default: the last day, one point per minute. At most ${MAX_POINTS.toLocaleString('en')} points: use a greater stepMs for a longer period.`,
      problems,
      examples: [
        {
          title: 'Two hours, one point per hour',
          query: { from: EXAMPLE_AT - 2 * HOUR_MS, to: EXAMPLE_AT, stepMs: HOUR_MS },
          response: { points: [{ at: EXAMPLE_AT - 2 * HOUR_MS, users: 3, sessions: 4, peakSessions: 5 }] },
        },
      ],
      scope: 'read',
      schema: { query: ConcurrencyQuery, response: ConcurrencyReply },
      async handler({ query }) {
        const { to = Date.now(), stepMs = MINUTE_MS } = query;
        // Aligned to whole steps, so that a repeated request groups the same minutes.
        const firstStep = Math.min(Math.ceil((to - DAY_MS) / stepMs), Math.ceil(to / stepMs) - 1);
        const { from = Math.max(0, firstStep * stepMs) } = query;
        checkRange(from, to);
        if (Math.ceil((to - from) / stepMs) > MAX_POINTS) {
          throw invalidRequest([
            { path: 'stepMs', message: `must be greater: the period has more than ${MAX_POINTS} points` },
          ]);
        }
        return ok({ points: await requireHistory(history).concurrency({ from, to, stepMs }) });
      },
    }),
  ];
}

/** @throws Problem `not_found` */
function requireHistory<T>(history: T | undefined): T {
  if (history === undefined) throw new Problem('not_found', 'This server keeps no history: set DATABASE_URL.');
  return history;
}

function refuseCursor(error: unknown): never {
  if (error instanceof HistoryError && error.code === 'invalid_cursor') {
    throw invalidRequest([{ path: 'cursor', message: 'must be the cursor of a previous page of the same query' }]);
  }
  throw error;
}

/** @throws Problem `invalid_request` */
function checkRange(from: number | undefined, to: number | undefined): void {
  if (from !== undefined && to !== undefined && from >= to) {
    throw invalidRequest([{ path: 'to', message: 'must be later than from' }]);
  }
}
