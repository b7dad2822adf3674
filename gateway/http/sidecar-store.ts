/** The store as the HTTP API uses it: every call has a time bound. */
import {
  createTimeBound,
  type Displaced,
  type InboxMessage,
  type PresenceStore,
  type StoreAnalytics,
  StoreError,
  type StoreLimits,
  type StoreReads,
  type StoreSessions,
} from '../../presence-core/index.ts';

/** The store's own time bound is 1 s; this one holds if that fails. */
export const STORE_BOUND_MS = 1_500;

export interface SidecarStore {
  readonly sessions: StoreSessions;
  readonly reads: StoreReads;
  readonly limits: StoreLimits;
  readonly analytics: StoreAnalytics;
  ping(): Promise<void>;
  /** Notifies the sockets of ended sessions, in the background. If that fails, they close at their next renewal. */
  notify(displaced: readonly Displaced[], requestId: string, by?: InboxMessage['by']): void;
}

/**
 * Bounds every wait. A late call rejects with `store_unavailable`, its outcome unknown (P7).
 * @param notifyFailed called when sockets could not be notified.
 */
export function boundStore(
  store: PresenceStore,
  boundMs: number,
  notifyFailed: (error: unknown, requestId: string) => void,
): SidecarStore {
  const within = createTimeBound(boundMs, () => new StoreError('store_unavailable', `no answer in ${boundMs} ms`));
  const { sessions, reads, limits, analytics } = store;
  return {
    sessions: {
      open: (request) => within(sessions.open(request)),
      renew: (requests) => within(sessions.renew(requests)),
      update: (request) => within(sessions.update(request)),
      detach: (requests, graceMs) => within(sessions.detach(requests, graceMs)),
      close: (request) => within(sessions.close(request)),
      kick: (userId) => within(sessions.kick(userId)),
    },
    reads: {
      status: (userIds) => within(reads.status(userIds)),
      sessions: (userIds) => within(reads.sessions(userIds)),
      counts: (dimensions) => within(reads.counts(dimensions)),
      top: (by, limit) => within(reads.top(by, limit)),
    },
    limits: {
      override: (userId) => within(limits.override(userId)),
      setOverride: (userId, max) => within(limits.setOverride(userId, max)),
    },
    analytics: {
      count: (event) => within(analytics.count(event)),
      hours: () => within(analytics.hours()),
      hour: (at) => within(analytics.hour(at)),
    },
    ping: () => within(store.ping()),
    notify(displaced, requestId, by) {
      if (displaced.length === 0) return;
      store.inbox.notify(displaced, by).catch((error) => notifyFailed(error, requestId));
    },
  };
}
