/** The store as the sidecar uses it: its acts and reads, none of which is waited for longer than a bound. */
import { type Displaced, type InboxMessage, type PresenceStore, StoreError } from '../../presence-core/index.ts';

/** The store gives up after 1 s by itself; this holds when it does not. */
export const STORE_BOUND_MS = 1_500;

export type SidecarStore = Pick<
  PresenceStore,
  | 'open'
  | 'renew'
  | 'close'
  | 'kick'
  | 'status'
  | 'sessions'
  | 'counts'
  | 'top'
  | 'countEvent'
  | 'hourRecord'
  | 'setLimitOverride'
  | 'ping'
> & {
  /** Tells the sockets of ended sessions, in the background: renewal is the backstop. */
  notify(displaced: readonly Displaced[], requestId: string, by?: InboxMessage['by']): void;
};

async function within<R>(act: Promise<R>, boundMs: number): Promise<R> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreError('store_unavailable', `no answer in ${boundMs} ms`)), boundMs);
  });
  try {
    return await Promise.race([act, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Bounds every wait; an act that is late rejects with `store_unavailable`, its outcome unknown (P7).
 * @param notifyFailed hears why a notice was not sent.
 */
export function boundStore(
  store: PresenceStore,
  boundMs: number,
  notifyFailed: (error: unknown, requestId: string) => void,
): SidecarStore {
  const bound =
    <A extends unknown[], R>(act: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      within(act.apply(store, args), boundMs);
  return {
    open: bound(store.open),
    renew: bound(store.renew),
    close: bound(store.close),
    kick: bound(store.kick),
    status: bound(store.status),
    sessions: bound(store.sessions),
    counts: bound(store.counts),
    top: bound(store.top),
    countEvent: bound(store.countEvent),
    hourRecord: bound(store.hourRecord),
    setLimitOverride: bound(store.setLimitOverride),
    ping: bound(store.ping),
    notify(displaced, requestId, by) {
      if (displaced.length === 0) return;
      store.notify(displaced, by).catch((error) => notifyFailed(error, requestId));
    },
  };
}
