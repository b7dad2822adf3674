/** Logs what a request did to sessions, at level debug with the request's id, and notifies the sockets it displaced. */
import type { Displaced, InboxMessage, OpenResult, SessionRef } from '../../../presence-core/index.ts';
import type { RouteContext } from './context.ts';

const MESSAGES: Readonly<Record<OpenResult['outcome'], 'admitted' | 'refused'>> = {
  opened: 'admitted',
  renewed: 'admitted',
  held: 'admitted',
  refused: 'refused',
  ended: 'refused',
  fenced: 'refused',
  moved: 'refused',
  gone: 'refused',
};

/** Logs the result of an open, and notifies the sockets of the sessions it ended. */
export function logOpened(
  context: RouteContext,
  correlationId: string,
  { userId, sessionId }: SessionRef,
  result: OpenResult,
  deviceType: string | undefined,
): void {
  const { outcome } = result;
  context.log.debug({ correlationId, userId, sessionId, outcome }, MESSAGES[outcome]);
  if ('displaced' in result) notifyDisplaced(context, correlationId, result.displaced, { sessionId, deviceType });
}

/** The store is unavailable and the outage policy is `open`: the session was not checked. */
export function logAdmittedUnchecked({ log }: RouteContext, correlationId: string, userId: string): void {
  log.debug({ correlationId, userId, degraded: true }, 'admitted');
}

/** @param by the session that took the place of the displaced ones. */
export function notifyDisplaced(
  { log, store }: RouteContext,
  correlationId: string,
  displaced: readonly Displaced[],
  by?: InboxMessage['by'],
): void {
  for (const { session, reason } of displaced) {
    const { userId, sessionId } = session;
    log.debug({ correlationId, userId, sessionId, reason }, 'cleaned up');
  }
  store.notify(displaced, correlationId, by);
}
