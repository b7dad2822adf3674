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

interface Wait {
  readonly endsAt: number;
  readonly reject: (reason: StoreError) => void;
}

/** All waits are of one length, so that the oldest ends first and one timer serves them. */
function createBound(boundMs: number): <R>(act: Promise<R>) => Promise<R> {
  const waits = new Set<Wait>();
  let timer: NodeJS.Timeout | undefined;
  const endLate = (): void => {
    timer = undefined;
    const now = performance.now();
    for (const wait of waits) {
      if (wait.endsAt > now) {
        timer = setTimeout(endLate, wait.endsAt - now).unref();
        return;
      }
      waits.delete(wait);
      wait.reject(new StoreError('store_unavailable', `no answer in ${boundMs} ms`));
    }
  };
  return (act) =>
    new Promise((resolve, reject) => {
      const wait = { endsAt: performance.now() + boundMs, reject };
      waits.add(wait);
      if (timer === undefined) timer = setTimeout(endLate, boundMs).unref();
      act.then(
        (result) => {
          waits.delete(wait);
          resolve(result);
        },
        (error) => {
          waits.delete(wait);
          reject(error);
        },
      );
    });
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
  const within = createBound(boundMs);
  const bound =
    <A extends unknown[], R>(act: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      within(act.apply(store, args));
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
