/** Players without a WebSocket: heartbeats keep a session alive; without one in time it ends. */
import { Type } from 'typebox';
import { isOutage, PRESENCE_ONLY } from '../../../presence-core/index.ts';
import type { Identity } from '../../auth/identity.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { count, Degraded, id, instant, SESSION_ATTRIBUTES } from '../fields.ts';
import { invalidRequest, Problem } from '../problem.ts';
import { type HttpReply, NO_CONTENT, ok, type Route, route, type Tag } from '../route.ts';
import { admissionTermsOf, admitsUnchecked, beatTerms, type RouteContext, restoringTerms } from './context.ts';
import { EXAMPLE_REFUSAL, limitProblem } from './refusal.ts';
import { logAdmittedUnchecked, logOpened, notifyDisplaced } from './session-log.ts';

/** A session lasts for three intervals: two heartbeats in a row may be lost. */
const BEATS_PER_TTL = 3;
/** Longest that a player may say it beats by, and how long its session then lasts. */
export const HEARTBEAT_INTERVAL_MAX_MS = 60_000;
export const HEARTBEAT_LEASE_MAX_MS = BEATS_PER_TTL * HEARTBEAT_INTERVAL_MAX_MS;

const Beat = Type.Object({
  userId: id('User id'),
  sessionId: Type.Optional(id('Session id that the player chose; default: deviceId')),
  ...SESSION_ATTRIBUTES,
  fresh: Type.Optional(
    Type.Boolean({
      description:
        'true: starts the session anew, also one that ended a moment ago, or that a socket holds, as a hello does',
    }),
  ),
  intervalMs: Type.Optional(
    Type.Integer({
      minimum: 1_000,
      maximum: HEARTBEAT_INTERVAL_MAX_MS,
      description:
        'Interval of the heartbeats in ms, if longer than heartbeatIntervalMs; the session then lasts for three intervals',
    }),
  ),
});
type Beat = Type.Static<typeof Beat>;

const BeatReply = Type.Object({
  status: Type.Literal('ok', { description: 'Always ok' }),
  current: Type.Optional(count('Live sessions of the user, this one included; absent while degraded')),
  max: Type.Optional(count('Limit: how many sessions the user may have at once; absent while degraded')),
  expiresAt: Type.Optional(instant('End of the session unless another heartbeat arrives', 'absent while degraded')),
  heartbeatIntervalMs: count('Send the next heartbeat after this time, in ms'),
  degraded: Degraded,
});
type BeatReply = Type.Static<typeof BeatReply>;

const Leave = Type.Object({
  userId: id('User id'),
  sessionId: Type.Optional(id('Session id, as in the heartbeats; default: deviceId')),
  deviceId: Type.Optional(id('Device id, as in the heartbeats')),
});
const ENDED = 'The session was ended: send fresh: true to start it anew, if a slot is free.';
const LEFT = 'The session has just ended by DELETE /heartbeat: send fresh: true to start it again.';

/** The session of a heartbeat: sessionId, else deviceId; without both and without a stream, the user's presence mark. */
function sessionOf({ sessionId, deviceId, streamId }: Beat): string {
  const session = sessionId ?? deviceId;
  if (session !== undefined) return session;
  if (streamId === undefined) return PRESENCE_ONLY;
  throw invalidRequest([{ path: 'sessionId', message: 'or deviceId is required with streamId' }]);
}

async function beat(
  context: RouteContext,
  body: Beat,
  identity: Identity,
  requestId: string,
): Promise<HttpReply<BeatReply>> {
  const { config, store } = context;
  const { userId, streamId, deviceId, deviceType, country, state, intervalMs } = body;
  const sessionId = sessionOf(body);
  const isMark = sessionId === PRESENCE_ONLY;
  // A presence mark takes no slot.
  const restoring = isMark ? () => ({}) : restoringTerms(context);
  const result = await store.sessions.open({
    userId,
    sessionId,
    attributes: isMark ? {} : { streamId, deviceId, deviceType, country, state },
    owner: isMark ? 'presence' : 'heartbeat',
    leaseMs: Math.max(config.heartbeatTtlMs, BEATS_PER_TTL * (intervalMs ?? 0)),
    ...admissionTermsOf(userId, identity, config),
    ...(body.fresh === true ? { intent: 'fresh' } : beatTerms(context)),
  });
  logOpened(context, requestId, { userId, sessionId }, result, deviceType);
  switch (result.outcome) {
    case 'opened':
    case 'renewed':
    case 'held': {
      const { current, max, expiresAt } = result;
      const heartbeatIntervalMs = intervalMs ?? config.heartbeatIntervalMs;
      context.returns.answered(heartbeatIntervalMs);
      return ok({ status: 'ok', current, max, expiresAt, heartbeatIntervalMs, ...restoring() });
    }
    case 'refused':
      throw limitProblem(result, 400);
    case 'ended': {
      const { reason, retryAfterMs } = result;
      throw new Problem('session_ended', reason === 'left' ? LEFT : ENDED, { members: { reason, retryAfterMs } });
    }
    case 'fenced':
    case 'moved':
    case 'gone':
      throw new Error(`unexpected outcome of a heartbeat: ${result.outcome}`);
  }
}

const tag: Tag = {
  name: 'Heartbeats',
  description:
    'For players without a WebSocket: each heartbeat keeps the session alive. Without one for HEARTBEAT_TTL_MS, the session ends.',
};

export function heartbeatRoutes(context: RouteContext): Route[] {
  const { store, log } = context;
  return [
    route({
      method: 'POST',
      path: '/heartbeat',
      tag,
      summary: 'Send a heartbeat: starts a session or keeps it alive',
      description:
        'The first heartbeat starts the session, if the limit allows it. Another streamId in a live session is a switch of the stream. Without sessionId, deviceId identifies the session. A heartbeat with neither streamId, sessionId nor deviceId only marks the user as online: it does not count towards the limit. For 10 s after DELETE /heartbeat, heartbeats of that session are answered 410 with reason left, so that a late one does not start it again; a device that really starts again under the same id sends fresh: true. So does one that was evicted, replaced or kicked (410 with that reason): then it needs a free slot like any other. After retryAfterMs a heartbeat without it starts the session anew, too.',
      problems: [{ code: 'concurrency_limit', status: 400 }, { code: 'session_ended' }],
      examples: [
        {
          title: 'The first heartbeat',
          body: { userId: 'bob', sessionId: 'phone-1', streamId: 'tnt', deviceType: 'android', country: 'US' },
          response: { status: 'ok', current: 2, max: 3, expiresAt: EXAMPLE_AT + 30_000, heartbeatIntervalMs: 10_000 },
        },
        {
          title: 'The limit is reached',
          body: { userId: 'cat', sessionId: 'phone-2', streamId: 'tnt' },
          problem: {
            code: 'concurrency_limit',
            detail: EXAMPLE_REFUSAL,
            members: {
              current: 1,
              max: 1,
              conflicts: [
                { sessionId: 'tv-2', streamId: 'espn', deviceType: 'apple', startedAt: EXAMPLE_AT - 300_000 },
              ],
              nextFreeAt: EXAMPLE_AT + 28_000,
            },
          },
        },
        {
          title: 'The device starts again',
          body: { userId: 'bob', sessionId: 'phone-1', streamId: 'espn', fresh: true },
          response: { status: 'ok', current: 2, max: 3, expiresAt: EXAMPLE_AT + 30_000, heartbeatIntervalMs: 10_000 },
        },
        {
          title: 'The session was ended',
          body: { userId: 'eve', sessionId: 'tv-3', streamId: 'tnt' },
          problem: { code: 'session_ended', detail: ENDED, members: { reason: 'kicked', retryAfterMs: 300_000 } },
        },
      ],
      scope: 'player',
      schema: { body: Beat, response: BeatReply },
      async handler({ body, identity, requestId }) {
        try {
          return await beat(context, body, identity, requestId);
        } catch (error) {
          const heartbeatIntervalMs = body.intervalMs ?? context.config.heartbeatIntervalMs;
          // It may hold a session, and comes back whatever it was answered.
          if (isOutage(error)) context.returns.answered(heartbeatIntervalMs);
          if (!admitsUnchecked(error, context)) throw error;
          logAdmittedUnchecked(context, requestId, body.userId);
          return ok({ status: 'ok', heartbeatIntervalMs, degraded: true });
        }
      },
    }),
    route({
      method: 'DELETE',
      path: '/heartbeat',
      tag,
      summary: 'End a session at once',
      description:
        'Name the session as in its heartbeats, by sessionId or deviceId, in a body, or without one in the query. A session that is not live is no error. For 10 s only a heartbeat with fresh: true starts it again.',
      examples: [{ title: 'The player was closed', body: { userId: 'ann', sessionId: 'tv-1' } }],
      scope: 'player',
      schema: { body: Leave },
      bodyFromQuery: true,
      async handler({ body: { userId, sessionId, deviceId }, requestId }) {
        const left = sessionId ?? deviceId;
        if (left === undefined) throw invalidRequest([{ path: 'sessionId', message: 'or deviceId is required' }]);
        const result = await store.sessions.close({ userId, sessionId: left, reason: 'left' });
        log.debug({ correlationId: requestId, userId, sessionId: left, outcome: result.outcome }, 'left');
        if (result.outcome === 'closed') notifyDisplaced(context, requestId, [result.displaced]);
        return NO_CONTENT;
      },
    }),
  ];
}
