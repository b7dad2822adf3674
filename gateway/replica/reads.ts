/** Reads of presence: by the replica while it serves, else by the store. */
import type { Count, Dimension, StoreReads, TopBy, TopItem, UserSessions } from '../../presence-core/index.ts';
import type { Replica } from './replica.ts';
import { OFFLINE, type Statuses, statusesOf } from './statuses.ts';
import { type KnownStatuses, type Viewing, viewingOf } from './view.ts';

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
  status(userIds: readonly string[]): Promise<Answer<Statuses>>;
  viewing(userId: string): Promise<Answer<Viewing>>;
  count(dimension: Dimension): Promise<Answer<Count>>;
  /** Most sessions first, then by key; at most `limit`. */
  top(by: TopBy, limit: number): Promise<Answer<TopItem[]>>;
}

/** @param replica undefined where there is none. */
export function createReads(store: StoreReads, replica: Replica | undefined): PresenceReads {
  return {
    async status(userIds) {
      const known = replica?.status(userIds);
      if (!known) return { value: statusesOf(await store.status(userIds)) };
      if (known.value.unknown.length > 0) await ask(store, known.value);
      return known;
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

/** Asks about the unknown. */
async function ask(store: StoreReads, { userIds, sessions, leftAt, unknown }: KnownStatuses): Promise<void> {
  const statuses = await store.status(unknown.map((i) => userIds[i] as string));
  for (const [n, { online, sessions: held, lastSeenAt }] of statuses.entries()) {
    const i = unknown[n] as number;
    sessions[i] = online ? held : OFFLINE;
    leftAt[i] = lastSeenAt;
  }
}
