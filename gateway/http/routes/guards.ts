/** Guards: sessions with timers of their own, for players that know no session id. */
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { EXAMPLE_AT } from '../docs/example.ts';
import { Id, Label } from '../fields.ts';
import { invalidRequest, Problem } from '../problem.ts';
import { NO_CONTENT, ok, type Route, route, type Tag } from '../route.ts';
import { admissionTermsOf, admitsUnchecked, type RouteContext } from './context.ts';
import { limitProblem } from './refusal.ts';
import { logAdmittedUnchecked, logOpened } from './session-log.ts';

const UserHeader = Type.Object({ 'x-user-id': Type.Optional(Id) });
type UserHeader = Type.Static<typeof UserHeader>;

const GuardParams = Type.Object({
  id: Type.String({ pattern: '^[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$', description: 'a UUID' }),
});

const GuardBody = Type.Object({
  streamId: Type.Optional(Id),
  deviceId: Type.Optional(Id),
  deviceType: Type.Optional(Label),
  country: Type.Optional(Label),
  state: Type.Optional(Label),
});

const GuardReply = Type.Object({
  guardId: Type.String(),
  refreshAt: Type.Integer({ description: 'when PATCH is due' }),
  expiresAt: Type.Integer({ description: 'when the slot is free without it' }),
  degraded: Type.Optional(Type.Literal(true, { description: 'the store is away; let in unchecked' })),
});

/** In examples. */
const GUARD = '0b9d7c52-5d0e-4c5e-9d8a-3c1f6b7a2e10';

function userOf(headers: UserHeader, auth: 'off' | 'jwt'): string {
  const userId = headers['x-user-id'];
  if (userId !== undefined) return userId;
  // Players have theirs by their token; a machine must name one.
  if (auth !== 'off') throw new Problem('unauthenticated', 'x-user-id is required with an API key.');
  throw invalidRequest([{ path: 'x-user-id', message: 'is required' }], { errorCode: 'MISSING_HEADER' });
}

function noSuchGuard(): Problem {
  const members = { errorCode: 'GUARD_DOES_NOT_EXIST' };
  return new Problem('not_found', 'There is no such guard of this user.', { members });
}

const tag: Tag = {
  name: 'Guards',
  description: 'Slots with timers of their own, for players that know no session id.',
};

export function guardRoutes(context: RouteContext): Route[] {
  const { config, store, log } = context;
  const leaseMs = config.guardTtlMs;
  const timesOf = (expiresAt: number) => ({ refreshAt: expiresAt - leaseMs + config.guardRefreshMs, expiresAt });

  return [
    route({
      method: 'POST',
      path: '/guards',
      tag,
      summary: 'Takes a slot under an id that the server makes',
      problems: [{ code: 'concurrency_limit', status: 403 }],
      examples: [
        {
          title: 'A guard',
          headers: { 'x-user-id': 'bob' },
          body: { streamId: 'tnt', deviceType: 'apple' },
          response: { guardId: GUARD, refreshAt: EXAMPLE_AT + 60_000, expiresAt: EXAMPLE_AT + 90_000 },
        },
        {
          title: 'No slot is free',
          headers: { 'x-user-id': 'cat' },
          body: {},
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
              errorCode: 'REACHED_MAX_GUARDS_COUNT',
            },
          },
        },
      ],
      scope: 'player',
      schema: { headers: UserHeader, body: GuardBody, response: GuardReply },
      async handler({ headers, body, identity, requestId }) {
        const userId = userOf(headers, config.auth);
        const guardId = randomUUID();
        const { streamId, deviceId, deviceType, country, state } = body;
        try {
          const result = await store.sessions.open({
            userId,
            sessionId: guardId,
            attributes: { streamId, deviceId, deviceType, country, state },
            owner: 'guard',
            leaseMs,
            ...admissionTermsOf(userId, identity, config),
            intent: 'fresh',
          });
          logOpened(context, requestId, { userId, sessionId: guardId }, result, deviceType);
          if (result.outcome === 'refused') throw limitProblem(result, 403, { errorCode: 'REACHED_MAX_GUARDS_COUNT' });
          if (!('expiresAt' in result)) throw new Error(`a new guard cannot be ${result.outcome}`);
          return ok({ guardId, ...timesOf(result.expiresAt) });
        } catch (error) {
          if (!admitsUnchecked(error, context)) throw error;
          logAdmittedUnchecked(context, requestId, userId);
          // The store's clock cannot be asked; the client keeps its schedule by ours.
          return ok({ guardId, ...timesOf(Date.now() + leaseMs), degraded: true });
        }
      },
    }),
    route({
      method: 'PATCH',
      path: '/guards/:id',
      tag,
      summary: 'Keeps the slot of a guard',
      examples: [
        { title: 'A refresh', headers: { 'x-user-id': 'ann' }, params: { id: GUARD } },
        {
          title: 'The guard is gone',
          headers: { 'x-user-id': 'ann' },
          params: { id: '00000000-0000-4000-8000-000000000000' },
          problem: {
            code: 'not_found',
            detail: 'There is no such guard of this user.',
            members: { errorCode: 'GUARD_DOES_NOT_EXIST' },
          },
        },
      ],
      scope: 'player',
      schema: { headers: UserHeader, params: GuardParams },
      async handler({ headers, params, requestId }) {
        const userId = userOf(headers, config.auth);
        try {
          const [result] = await store.sessions.renew([{ userId, sessionId: params.id, owner: 'guard', leaseMs }]);
          log.debug(
            { correlationId: requestId, userId, guardId: params.id, outcome: result?.outcome },
            'guard refresh',
          );
          if (result?.outcome !== 'renewed') throw noSuchGuard();
        } catch (error) {
          if (!admitsUnchecked(error, context)) throw error;
        }
        return NO_CONTENT;
      },
    }),
    route({
      method: 'DELETE',
      path: '/guards/:id',
      tag,
      summary: 'Frees the slot of a guard',
      examples: [{ title: 'Playback has ended', headers: { 'x-user-id': 'ann' }, params: { id: GUARD } }],
      scope: 'player',
      schema: { headers: UserHeader, params: GuardParams },
      async handler({ headers, params, requestId }) {
        const userId = userOf(headers, config.auth);
        const { outcome } = await store.sessions.close({
          userId,
          sessionId: params.id,
          owner: 'guard',
          reason: 'left',
        });
        log.debug({ correlationId: requestId, userId, guardId: params.id, outcome }, 'guard deleted');
        if (outcome !== 'closed') throw noSuchGuard();
        return NO_CONTENT;
      },
    }),
  ];
}
