/**
 * Stands before admissions while the store may not know all who hold a slot (P10): until it is known whether the store
 * forgot, and while nodes open their sessions again. What they open again passes.
 */
import { StoreError, type StoreSessions } from '../../presence-core/index.ts';
import type { StoreMemory } from './restoring.ts';

/**
 * The acts on sessions, of which `open` rejects with `store_unavailable` while an admission would not be safe. By policy
 * `open` it admits heartbeats and guards all the same, as their holders open them again by themselves.
 */
export function guardAdmissions(
  sessions: StoreSessions,
  memory: () => Pick<StoreMemory, 'isSuspect' | 'isAwaited' | 'isReturning' | 'check'>,
  outagePolicy: 'open' | 'closed',
): StoreSessions {
  return {
    async open(request) {
      // What a node opens again for a socket that held it was admitted before.
      if (request.intent !== 'restore' && request.socketWas !== 'held') {
        const state = memory();
        if (state.isSuspect) await state.check();
        if (state.isSuspect) throw new StoreError('store_unavailable', 'Whether the store lost data is not known yet');
        const waits = typeof request.owner === 'object' || outagePolicy === 'closed';
        if (state.isAwaited && waits) {
          throw new StoreError('store_unavailable', 'The store lost data, and nodes are opening their sessions again');
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
    renew: (requests) => sessions.renew(requests),
    update: (request) => sessions.update(request),
    detach: (requests, graceMs) => sessions.detach(requests, graceMs),
    close: (request) => sessions.close(request),
    kick: (userId) => sessions.kick(userId),
  };
}
