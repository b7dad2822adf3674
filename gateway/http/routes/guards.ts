/** Guards: sessions whose id the server makes, with their own lifetime (GUARD_TTL_MS). */
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { isOutage, isOverload } from '../../../presence-core/index.ts';
import type { Identity } from '../../auth/identity.ts';
import { unauthenticated } from '../authorize.ts';
import { EXAMPLE_AT } from '../docs/example.ts';
import { Degraded, id, instant, SESSION_ATTRIBUTES, text, UUID_PATTERN } from '../fields.ts';
import { invalidRequest, Problem } from '../problem.ts';
import { NO_CONTENT, ok, type Route, route, type Tag } from '../route.ts';
import { admissionTermsOf, admitsUnchecked, beatTerms, type RouteContext, restoringTerms } from './context.ts';
import { EXAMPLE_REFUSAL, limitProblem } from './refusal.ts';
import { logAdmittedUnchecked, logOpened } from './session-log.ts';

const UserHeader = Type.Object({ 'x-user-id': Type.Optional(id('User id, percent-encoded')) });
type UserHeader = Type.Static<typeof UserHeader>;

const GuardParams = Type.Object({
  id: Type.String({ pattern: UUID_PATTERN, description: 'guardId of POST /guards: a UUID' }),
});

const GuardBody = Type.Object(SESSION_ATTRIBUTES);

const GuardReply = Type.Object({
  guardId: text('Id of the guard, a UUID; also the session id'),
  refreshAt: instant('When to send PATCH /guards/{id}'),
  expiresAt: instant('End of the session unless it is refreshed'),
  degraded: Degraded,
});

const UnknownRefresh = Type.Object({
  degraded: Type.Literal(true, {
    description: 'The store did not answer, or forgot: whether the guard was there and was refreshed is unknown',
  }),
  refreshAt: instant('When to send PATCH /guards/{id} again'),
});
/** Into how many steps the time between `refreshAt` and `expiresAt` is divided for refreshes without an answer. */
const REPEATS = 3;

/** Guard id in the examples. */
const GUARD = '0b9d7c52-5d0e-4c5e-9d8a-3c1f6b7a2e10';

function userOf(headers: UserHeader, auth: 'off' | 'jwt'): string {
  const userId = headers['x-user-id'];
  if (userId !== undefined) return userId;
  // A player's user comes from its token; an API key has none.
  if (auth !== 'off') throw unauthenticated('The header x-user-id is required with an API key.');
  throw invalidRequest([{ path: 'x-user-id', message: 'is required' }], { errorCode: 'MISSING_HEADER' });
}

const NO_GUARD = 'This user has no such guard: it may have expired. Create a new one.';

function noSuchGuard(): Problem {
  const members = { errorCode: 'GUARD_DOES_NOT_EXIST' };
  return new Problem('not_found', NO_GUARD, { members });
}

const tag: Tag = {
  name: 'Guards',
  description:
    'A guard is a session whose id the server makes. Create it at the start of playback, refresh it at refreshAt (it ends after GUARD_TTL_MS), delete it at the end.',
};

export function guardRoutes(context: RouteContext): Route[] {
  const { config, store, log } = context;
  const leaseMs = config.guardTtlMs;
  const timesOf = (expiresAt: number) => ({ refreshAt: expiresAt - leaseMs + config.guardRefreshMs, expiresAt });
  /** A guard that the store forgot (P10). Nobody knows its attributes any more. */
  const openAgain = async (userId: string, guardId: string, identity: Identity): Promise<number | undefined> => {
    const terms = { ...admissionTermsOf(userId, identity, config), ...beatTerms(context) };
    const result = await store.sessions.open({
      userId,
      sessionId: guardId,
      attributes: {},
      owner: 'guard',
      leaseMs,
      ...terms,
    });
    return 'expiresAt' in result ? result.expiresAt : undefined;
  };

  return [
    route({
      method: 'POST',
      path: '/guards',
      tag,
      summary: 'Create a guard: starts a session under an id that the server makes',
      problems: [{ code: 'concurrency_limit', status: 403 }],
      examples: [
        {
          title: 'A new guard',
          headers: { 'x-user-id': 'bob' },
          body: { streamId: 'tnt', deviceType: 'apple' },
          response: { guardId: GUARD, refreshAt: EXAMPLE_AT + 60_000, expiresAt: EXAMPLE_AT + 90_000 },
        },
        {
          title: 'The limit is reached',
          headers: { 'x-user-id': 'cat' },
          body: {},
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
          const restoring = restoringTerms(context);
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
          context.returns.answered(config.guardRefreshMs);
          return ok({ guardId, ...timesOf(result.expiresAt), ...restoring() });
        } catch (error) {
          if (!admitsUnchecked(error, context)) {
            // It may be open, or may yet be, and nobody knows its id.
            if (!(error instanceof Problem) && !isOverload(error)) context.giveUp({ userId, sessionId: guardId });
            throw error;
          }
          context.returns.answered(config.guardRefreshMs);
          logAdmittedUnchecked(context, requestId, userId);
          // The store's clock is unavailable: these times are of our clock.
          return ok({ guardId, ...timesOf(Date.now() + leaseMs), degraded: true });
        }
      },
    }),
    route({
      method: 'PATCH',
      path: '/guards/:id',
      tag,
      summary: 'Refresh a guard: keeps its session alive',
      description:
        'Status 204 means that the guard was refreshed. If the store does not answer, the outcome is unknown: with OUTAGE_POLICY=closed the response is the problem store_unavailable, with open it is 200 with degraded. Playback may then go on, and refreshAt is soon, before the guard ends. A guard that the store forgot is made again, without its attributes, and the response is 200 with degraded too.',
      bodyIfDegraded: true,
      examples: [
        { title: 'A refresh', headers: { 'x-user-id': 'ann' }, params: { id: GUARD } },
        {
          title: 'The guard has expired',
          headers: { 'x-user-id': 'ann' },
          params: { id: '00000000-0000-4000-8000-000000000000' },
          problem: {
            code: 'not_found',
            detail: NO_GUARD,
            members: { errorCode: 'GUARD_DOES_NOT_EXIST' },
          },
        },
      ],
      scope: 'player',
      schema: { headers: UserHeader, params: GuardParams, response: UnknownRefresh },
      async handler({ headers, params, identity, requestId }) {
        const userId = userOf(headers, config.auth);
        const step = { correlationId: requestId, userId, guardId: params.id };
        try {
          const [result] = await store.sessions.renew([{ userId, sessionId: params.id, owner: 'guard', leaseMs }]);
          log.debug({ ...step, outcome: result?.outcome }, 'guard refresh');
          if (result?.outcome === 'gone' && context.isReturning()) {
            const expiresAt = await openAgain(userId, params.id, identity);
            context.returns.answered(config.guardRefreshMs);
            if (expiresAt !== undefined) return ok({ degraded: true, refreshAt: timesOf(expiresAt).refreshAt });
          }
          if (result?.outcome !== 'renewed') throw noSuchGuard();
          context.returns.answered(config.guardRefreshMs);
          return NO_CONTENT;
        } catch (error) {
          // It may have a guard, and comes back whatever it was answered.
          if (isOutage(error)) context.returns.answered(config.guardRefreshMs);
          if (!admitsUnchecked(error, context)) throw error;
          log.debug({ ...step, degraded: true }, 'guard refresh');
          const inMs = Math.floor((leaseMs - config.guardRefreshMs) / REPEATS);
          return ok({ degraded: true, refreshAt: Date.now() + inMs });
        }
      },
    }),
    route({
      method: 'DELETE',
      path: '/guards/:id',
      tag,
      summary: 'Delete a guard: ends its session',
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
