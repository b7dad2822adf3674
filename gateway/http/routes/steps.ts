/** The steps of a request, told at level debug under its id: admitted, refused, cleaned up. */
import type { Displaced, InboxMessage, OpenResult, SessionRef } from '../../../presence-core/index.ts';
import type { RouteContext } from './context.ts';

const STEP_OF_OUTCOME: Readonly<Record<OpenResult['outcome'], 'admitted' | 'refused'>> = {
  opened: 'admitted',
  renewed: 'admitted',
  held: 'admitted',
  refused: 'refused',
  ended: 'refused',
  fenced: 'refused',
  gone: 'refused',
};

/** Tells what an open came to, and the sockets of the sessions it ended. */
export function logOpened(
  context: RouteContext,
  correlationId: string,
  { userId, sessionId }: SessionRef,
  result: OpenResult,
  deviceType: string | undefined,
): void {
  const { outcome } = result;
  context.log.debug({ correlationId, userId, sessionId, outcome }, STEP_OF_OUTCOME[outcome]);
  if ('displaced' in result) cleanUp(context, correlationId, result.displaced, { sessionId, deviceType });
}

/** The store is away, and the outage policy lets play. */
export function logLetIn({ log }: RouteContext, correlationId: string, userId: string): void {
  log.debug({ correlationId, userId, degraded: true }, 'admitted');
}

/** @param by the session for which they had to go. */
export function cleanUp(
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
