/** Players without a socket: a beat holds the slot until it is missed. */
import { Type } from 'typebox';
import { PRESENCE_ONLY } from '../../../presence-core/index.ts';
import type { Identity } from '../../auth/identity.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { Id, Label } from '../fields.ts';
import { invalidRequest, Problem } from '../problem.ts';
import { type HttpReply, NO_CONTENT, ok, type Route, route, type Tag } from '../route.ts';
import { admissionTermsOf, admitsUnchecked, type RouteContext } from './context.ts';
import { limitProblem } from './refusal.ts';
import { logAdmittedUnchecked, logOpened, notifyDisplaced } from './session-log.ts';

/** A beat that declares a slower interval may be missed twice. */
const BEATS_PER_TTL = 3;

const Beat = Type.Object({
  userId: Id,
  sessionId: Type.Optional(Id),
  streamId: Type.Optional(Id),
  deviceId: Type.Optional(Id),
  deviceType: Type.Optional(Label),
  country: Type.Optional(Label),
  state: Type.Optional(Label),
  intervalMs: Type.Optional(
    Type.Integer({
      minimum: 1_000,
      maximum: 60_000,
      description: 'of a slower beat; the slot is kept for three of them',
    }),
  ),
});
type Beat = Type.Static<typeof Beat>;

const BeatReply = Type.Object({
  status: Type.Literal('ok'),
  current: Type.Optional(Type.Integer({ description: 'left out while degraded, as are max and expiresAt' })),
  max: Type.Optional(Type.Integer()),
  expiresAt: Type.Optional(Type.Integer()),
  heartbeatIntervalMs: Type.Integer({ description: 'when the next beat is due' }),
  degraded: Type.Optional(Type.Literal(true, { description: 'the store is away; let in unchecked' })),
});
type BeatReply = Type.Static<typeof BeatReply>;

const Leave = Type.Object({ userId: Id, sessionId: Type.Optional(Id), deviceId: Type.Optional(Id) });

/** The session a beat is for; the device when it names none; the user's presence mark when it names nothing. */
function sessionOf({ sessionId, deviceId, streamId }: Beat): string {
  const session = sessionId ?? deviceId;
  if (session !== undefined) return session;
  if (streamId === undefined) return PRESENCE_ONLY;
  throw invalidRequest([{ path: 'sessionId', message: 'is required with streamId, unless deviceId is given' }]);
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
  const result = await store.sessions.open({
    userId,
    sessionId,
    attributes: isMark ? {} : { streamId, deviceId, deviceType, country, state },
    owner: isMark ? 'presence' : 'heartbeat',
    leaseMs: Math.max(config.heartbeatTtlMs, BEATS_PER_TTL * (intervalMs ?? 0)),
    ...admissionTermsOf(userId, identity, config),
    intent: 'beat',
  });
  logOpened(context, requestId, { userId, sessionId }, result, deviceType);
  switch (result.outcome) {
    case 'opened':
    case 'renewed':
    case 'held': {
      const { current, max, expiresAt } = result;
      const heartbeatIntervalMs = intervalMs ?? config.heartbeatIntervalMs;
      return ok({ status: 'ok', current, max, expiresAt, heartbeatIntervalMs });
    }
    case 'refused':
      throw limitProblem(result, 400);
    case 'ended':
      throw new Problem('session_ended', 'A fresh hello starts anew.', { members: { reason: result.reason } });
    case 'fenced':
    case 'gone':
      throw new Error(`a beat has no node and does not return: ${result.outcome}`);
  }
}

const tag: Tag = {
  name: 'Heartbeats',
  description: 'Players without a socket: a beat holds the slot until it is missed.',
};

export function heartbeatRoutes(context: RouteContext): Route[] {
  const { store, log } = context;
  return [
    route({
      method: 'POST',
      path: '/heartbeat',
      tag,
      summary: 'Says that a player plays on; takes a slot with the first beat',
      description:
        'Another stream in a known session is a switch. sessionId may be left out when deviceId is given, which is then the session. A beat that names neither stream, session nor device marks the user online and takes no slot.',
      problems: [{ code: 'concurrency_limit', status: 400 }, { code: 'session_ended' }],
      examples: [
        {
          title: 'A first beat',
          body: { userId: 'bob', sessionId: 'phone-1', streamId: 'tnt', deviceType: 'android', country: 'US' },
          response: { status: 'ok', current: 2, max: 3, expiresAt: EXAMPLE_AT + 30_000, heartbeatIntervalMs: 10_000 },
        },
        {
          title: 'No slot is free',
          body: { userId: 'cat', sessionId: 'phone-2', streamId: 'tnt' },
          problem: {
            code: 'concurrency_limit',
            detail: '1 of 1 sessions are live.',
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
          title: 'The session was ended',
          body: { userId: 'eve', sessionId: 'tv-3', streamId: 'tnt' },
          problem: { code: 'session_ended', detail: 'A fresh hello starts anew.', members: { reason: 'kicked' } },
        },
      ],
      scope: 'player',
      schema: { body: Beat, response: BeatReply },
      async handler({ body, identity, requestId }) {
        try {
          return await beat(context, body, identity, requestId);
        } catch (error) {
          if (!admitsUnchecked(error, context)) throw error;
          logAdmittedUnchecked(context, requestId, body.userId);
          const heartbeatIntervalMs = body.intervalMs ?? context.config.heartbeatIntervalMs;
          return ok({ status: 'ok', heartbeatIntervalMs, degraded: true });
        }
      },
    }),
    route({
      method: 'DELETE',
      path: '/heartbeat',
      tag,
      summary: 'Leaves at once',
      description: 'Names the session as the beats did, by sessionId or deviceId. One that is not live is no error.',
      examples: [{ title: 'The player was closed', body: { userId: 'ann', sessionId: 'tv-1' } }],
      scope: 'player',
      schema: { body: Leave },
      async handler({ body: { userId, sessionId, deviceId }, requestId }) {
        const left = sessionId ?? deviceId;
        if (left === undefined) throw invalidRequest([{ path: 'sessionId', message: 'is required' }]);
        const result = await store.sessions.close({ userId, sessionId: left, reason: 'left' });
        log.debug({ correlationId: requestId, userId, sessionId: left, outcome: result.outcome }, 'left');
        if (result.outcome === 'closed') notifyDisplaced(context, requestId, [result.displaced]);
        return NO_CONTENT;
      },
    }),
  ];
}
