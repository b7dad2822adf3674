/**
 * Stands before acts on sessions while the store may not know all who hold a slot (P10): until it is known whether the
 * store forgot, and while nodes open their sessions again. What they open again passes. Nor is it believed at once that
 * there is nothing to refresh or to kick: what was forgotten a moment ago would come back.
 */
import { pause, StoreError, type StoreSessions } from '../../presence-core/index.ts';
import type { StoreMemory } from './restoring.ts';

type Memory = Pick<StoreMemory, 'isSuspect' | 'isAwaited' | 'isReturning' | 'check' | 'isUpheld' | 'restored'>;

/** So long a kick waits for sessions that nodes open again; after it the caller's time still suffices for the store's. */
const KICK_WAIT_MS = 400;

const AWAITED = 'The store lost data, and nodes are opening their sessions again';

/**
 * The acts on sessions, of which `open` rejects with `store_unavailable` while an admission would not be safe, and kicks and
 * refreshes of guards do while their session may come back. By policy `open` it admits heartbeats and guards all the same,
 * as their holders open them again by themselves.
 */
export function guardAdmissions(
  sessions: StoreSessions,
  memory: () => Memory,
  outagePolicy: 'open' | 'closed',
): StoreSessions {
  /** Before it is said that nothing is there. */
  async function believe(): Promise<void> {
    if (!(await memory().isUpheld())) throw new StoreError('store_unavailable', 'The store has lost data just now');
  }

  /** What nodes open again later would not be ended. */
  async function mayKick(): Promise<void> {
    const state = memory();
    if (state.isSuspect) await state.check();
    if (state.isAwaited) await Promise.race([state.restored(), pause(KICK_WAIT_MS)]);
    if (state.isSuspect || state.isAwaited) throw new StoreError('store_unavailable', AWAITED);
  }

  return {
    async open(request) {
      // What a node opens again for a socket that held it was admitted before.
      if (request.intent !== 'restore' && request.socketWas !== 'held') {
        const state = memory();
        if (state.isSuspect) await state.check();
        if (state.isSuspect) throw new StoreError('store_unavailable', 'Whether the store lost data is not known yet');
        const waits = typeof request.owner === 'object' || outagePolicy === 'closed';
        if (state.isAwaited && waits) {
          throw new StoreError('store_unavailable', AWAITED);
        }
        // Who is due again comes by a beat. Others would take the slots of those that have not come yet.
        if (state.isReturning && outagePolicy === 'closed' && request.intent === 'fresh') {
          throw new StoreError(
            'store_unavailable',
            'The store lost data, and holders without a socket are yet to return',
          );
        }
      }
      return sessions.open(request);
    },
    async renew(requests) {
      const results = await sessions.renew(requests);
      // What sockets hold is opened again, whatever this says.
      const isGone = results.some(({ outcome }, i) => outcome === 'gone' && requests[i]?.owner === 'guard');
      if (isGone) await believe();
      return results;
    },
    update: (request) => sessions.update(request),
    detach: (requests, graceMs) => sessions.detach(requests, graceMs),
    async close(request) {
      if (request.reason === 'kicked') await mayKick();
      const result = await sessions.close(request);
      if (request.reason === 'kicked' && result.outcome === 'gone') await believe();
      return result;
    },
    async kick(userId) {
      await mayKick();
      const displaced = await sessions.kick(userId);
      if (displaced.length === 0) await believe();
      return displaced;
    },
  };
}
