/** Reads of presence: by the replica while it serves, else by the store. */
import type { Count, Dimension, PresenceStore, TopItem, UserSessions, UserStatus } from '../../presence-core/index.ts';
import type { Replica } from './replica.ts';
import { type Facet, type Viewing, viewingOf } from './view.ts';

export interface Answer<T> {
  readonly value: T;
  /** How old it may be, in ms. Absent when it is the store's own. */
  readonly ageMs?: number;
}

/**
 * Each rejects with `StoreError` when the store was needed and does not answer. A replica's answer may besides show a
 * session that expired since the last sweep; the store's does so in counts only (P1).
 */
export interface PresenceReads {
  /** In the order and with the duplicates asked for. */
  status(userIds: readonly string[]): Promise<Answer<UserStatus[]>>;
  viewing(userId: string): Promise<Answer<Viewing>>;
  count(dimension: Dimension): Promise<Answer<Count>>;
  /** Most sessions first, then by key; at most `limit`. */
  top(by: Facet, limit: number): Promise<Answer<TopItem[]>>;
}

type Store = Pick<PresenceStore, 'status' | 'sessions' | 'counts' | 'top'>;

/** @param replica undefined where there is none. */
export function createReads(store: Store, replica: Replica | undefined): PresenceReads {
  return {
    async status(userIds) {
      const known = replica?.status(userIds);
      if (!known) return { value: await store.status(userIds) };
      const { value, ageMs } = known;
      const unknown = userIds.filter((_, i) => value[i] === undefined);
      if (unknown.length === 0) return { value: value as UserStatus[], ageMs };
      const asked = (await store.status(unknown)).values();
      return { value: value.map((status) => status ?? (asked.next().value as UserStatus)), ageMs };
    },
    async viewing(userId) {
      const known = replica?.viewing(userId);
      if (known) return known;
      const [user] = (await store.sessions([userId])) as [UserSessions];
      return { value: viewingOf(user.sessions) };
    },
    async count(dimension) {
      const known = replica?.count(dimension);
      if (known) return known;
      const [value] = (await store.counts([dimension])) as [Count];
      return { value };
    },
    async top(by, limit) {
      return replica?.top(by, limit) ?? { value: await store.top(by, limit) };
    },
  };
}
