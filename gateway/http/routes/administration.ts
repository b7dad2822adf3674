/** For admins: sets the session limits of users, and ends sessions. */
import { Type } from 'typebox';
import { MAX_LIMIT } from '../../../presence-core/index.ts';
import { id, UserParams } from '../fields.ts';
import { NO_CONTENT, type Route, route, type Tag } from '../route.ts';
import type { RouteContext } from './context.ts';
import { notifyDisplaced } from './session-log.ts';

const LimitBody = Type.Object({
  max: Type.Integer({ minimum: 1, maximum: MAX_LIMIT, description: 'How many sessions the user may have at once' }),
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
      method: 'PUT',
      path: '/limits/:userId',
      tag,
      summary: 'Set the session limit of a user',
      description:
        'Overrides MAX_STREAMS for this user. If the user has more live sessions, they continue, and new ones are refused.',
      examples: [{ title: 'A limit of five', params: { userId: 'ann' }, body: { max: 5 } }],
      scope: 'admin',
      schema: { params: UserParams, body: LimitBody },
      async handler({ params: { userId }, body: { max }, requestId }) {
        await store.limits.setOverride(userId, max);
        log.info({ correlationId: requestId, userId, max }, 'limit set');
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
      schema: { params: UserParams },
      async handler({ params: { userId }, requestId }) {
        await store.limits.setOverride(userId, null);
        log.info({ correlationId: requestId, userId }, 'limit removed');
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
      schema: { params: UserParams },
      async handler({ params: { userId }, requestId }) {
        const displaced = await store.sessions.kick(userId);
        log.info(
          { correlationId: requestId, userId, ended: displaced.length },
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
      schema: { params: SessionParams },
      async handler({ params: { userId, sessionId }, requestId }) {
        const result = await store.sessions.close({ userId, sessionId, reason: 'kicked' });
        const { outcome } = result;
        log.info({ correlationId: requestId, userId, sessionId, outcome }, outcome === 'closed' ? 'kicked' : NOBODY);
        if (result.outcome === 'closed') notifyDisplaced(context, requestId, [result.displaced]);
        return NO_CONTENT;
      },
    }),
  ];
}
