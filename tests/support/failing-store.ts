import { MemoryStore, type PresenceStore, StoreError } from '../../presence-core/index.ts';

export interface FailingStore {
  readonly store: PresenceStore;
  /**
   * What every call does from now on. `away` cannot be reached, `full` takes no more, `late` answers as Redis would,
   * `silent` never, `broken` has a bug.
   */
  mode: 'work' | 'late' | 'away' | 'full' | 'silent' | 'broken';
  /** So far. */
  calls: number;
}

const LATE_MS = 5;

/** A memory store between which and its caller the test can cut the wire. */
export function failingStore(inner: MemoryStore = new MemoryStore()): FailingStore {
  const act = (call: () => unknown): unknown => {
    switch (failing.mode) {
      case 'work':
        return call();
      case 'late':
        return new Promise((resolve) => setTimeout(resolve, LATE_MS)).then(call);
      case 'away':
        return Promise.reject(new StoreError('store_unavailable', 'connect ECONNREFUSED 10.0.0.9:6379'));
      case 'full':
        return Promise.reject(new StoreError('overloaded', 'too many commands in flight'));
      case 'silent':
        return new Promise(() => undefined);
      case 'broken':
        return Promise.reject(new TypeError('a secret inner detail'));
    }
  };
  const failing: FailingStore = {
    mode: 'work',
    calls: 0,
    store: cut(inner),
  };
  return failing;

  /** The store, or one of its facets: each method goes through `act`. */
  function cut<T extends object>(whole: T): T {
    return new Proxy(whole, {
      get(_, name) {
        const member: unknown = Reflect.get(whole, name, whole);
        if (typeof member === 'object' && member !== null) return cut(member);
        if (typeof member !== 'function') return member;
        if (name === 'stop') return () => inner.stop();
        return (...args: unknown[]) => {
          failing.calls++;
          return act(() => member.apply(whole, args));
        };
      },
    });
  }
}
