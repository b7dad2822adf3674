/** For admins: sets the session limits of users, and ends sessions. */
import { Type } from 'typebox';
import { MAX_LIMIT } from '../../../presence-core/index.ts';
import { id, UserParams } from '../fields.ts';
import { NO_CONTENT, ok, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';
import { notifyDisplaced } from './session-log.ts';

const LimitBody = Type.Object({
  max: Type.Integer({ minimum: 1, maximum: MAX_LIMIT, description: 'How many sessions the user may have at once' }),
});
const Why = Type.Object({
  reason: Type.Optional(
    Type.String({ minLength: 1, maxLength: 200, description: 'Why, in words: kept in the log line of the act' }),
  ),
});
const Override = Type.Object({
  max: Type.Union([Type.Integer(), Type.Null()], {
    description: 'How many sessions the user may have at once; null if the user has no limit of its own',
  }),
});
const SessionParams = Type.Object({ userId: id('User id'), sessionId: id('Session id') });

const NOBODY = 'no session to kick';

const tag: Tag = {
  name: 'Administration',
  description: 'Set the session limits of users, and end sessions.',
};

export function administrationRoutes(context: RouteContext): Route[] {
  const { store, log } = context;
  return [
    route({
      method: 'GET',
      path: '/limits/:userId',
      tag,
      summary: 'Get the session limit that was set for a user',
      examples: [
        { title: 'A limit of one', params: { userId: 'cat' }, response: { max: 1 } },
        { title: 'None', params: { userId: 'ann' }, response: { max: null } },
      ],
      scope: 'read',
      schema: { params: UserParams, response: Override },
      handler: async ({ params: { userId } }) => ok({ max: await store.limits.override(userId) }),
    }),
    route({
      method: 'PUT',
      path: '/limits/:userId',
      tag,
      summary: 'Set the session limit of a user',
      description:
        'Overrides MAX_STREAMS for this user. If the user has more live sessions, they continue, and new ones are refused.',
      examples: [{ title: 'A limit of five', params: { userId: 'ann' }, body: { max: 5 } }],
      scope: 'admin',
      schema: { params: UserParams, query: Why, body: LimitBody },
      async handler({ params: { userId }, query: { reason }, body: { max }, requestId }) {
        await store.limits.setOverride(userId, max);
        log.info({ correlationId: requestId, userId, max, reason }, 'limit set');
        return NO_CONTENT;
      },
    }),
    route({
      method: 'DELETE',
      path: '/limits/:userId',
      tag,
      summary: 'Remove the session limit of a user',
      description: 'MAX_STREAMS applies to this user again. A user without a limit of its own is no error.',
      examples: [{ title: 'Back to the default', params: { userId: 'cat' } }],
      scope: 'admin',
      schema: { params: UserParams, query: Why },
      async handler({ params: { userId }, query: { reason }, requestId }) {
        await store.limits.setOverride(userId, null);
        log.info({ correlationId: requestId, userId, reason }, 'limit removed');
        return NO_CONTENT;
      },
    }),
    route({
      method: 'DELETE',
      path: '/sessions/:userId',
      tag,
      summary: 'End all sessions of a user',
      description:
        'Their WebSockets are sent evicted with reason kicked and closed with code 4011, and so is a later hello that resumes one of the sessions. Later heartbeats of these sessions are the problem session_ended (410), refreshes of guards not_found (404). A user without sessions is no error.',
      examples: [{ title: 'All sessions of ann', params: { userId: 'ann' } }],
      scope: 'admin',
      schema: { params: UserParams, query: Why },
      async handler({ params: { userId }, query: { reason }, requestId }) {
        const displaced = await store.sessions.kick(userId);
        log.info(
          { correlationId: requestId, userId, ended: displaced.length, reason },
          displaced.length > 0 ? 'kicked' : NOBODY,
        );
        notifyDisplaced(context, requestId, displaced);
        return NO_CONTENT;
      },
    }),
    route({
      method: 'DELETE',
      path: '/sessions/:userId/:sessionId',
      tag,
      summary: 'End one session of a user',
      description:
        'Its WebSocket is sent evicted with reason kicked and closed with code 4011, and so is a later hello that resumes the session. A later heartbeat of it is the problem session_ended (410), a refresh of a guard not_found (404). A session that is not live is no error.',
      examples: [{ title: 'Session tv-1 of ann', params: { userId: 'ann', sessionId: 'tv-1' } }],
      scope: 'admin',
      schema: { params: SessionParams, query: Why },
      async handler({ params: { userId, sessionId }, query: { reason }, requestId }) {
        const result = await store.sessions.close({ userId, sessionId, reason: 'kicked' });
        const { outcome } = result;
        log.info(
          { correlationId: requestId, userId, sessionId, outcome, reason },
          outcome === 'closed' ? 'kicked' : NOBODY,
        );
        if (result.outcome === 'closed') notifyDisplaced(context, requestId, [result.displaced]);
        return NO_CONTENT;
      },
    }),
  ];
}
