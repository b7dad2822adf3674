/** Who is online, for a list of users: arrays side by side, as an object for each would cost as much as finding it. */
import type { UserStatus } from '../../presence-core/index.ts';

/** In place of a number of sessions. A user may be online with 0: a mark of presence. */
export const OFFLINE = -1;

export interface Statuses {
  readonly userIds: readonly string[];
  /** `OFFLINE` or how many. */
  readonly sessions: number[];
  /** When those who are online were last seen. */
  readonly now: number;
  /** When each who is offline was, at its index; null: never, or longer ago than is kept. */
  readonly leftAt: (number | null)[];
}

/** @param users as a store has them: who is online was last seen at the same instant. */
export function statusesOf(users: readonly UserStatus[]): Statuses {
  const now = users.find(({ online }) => online)?.lastSeenAt ?? 0;
  return {
    userIds: users.map(({ userId }) => userId),
    sessions: users.map(({ online, sessions }) => (online ? sessions : OFFLINE)),
    now,
    leftAt: users.map(({ lastSeenAt }) => lastSeenAt),
  };
}

export function statusAt({ userIds, sessions, now, leftAt }: Statuses, index: number): UserStatus {
  const userId = userIds[index] as string;
  const held = sessions[index] as number;
  if (held !== OFFLINE) return { userId, online: true, sessions: held, lastSeenAt: now };
  return { userId, online: false, sessions: 0, lastSeenAt: leftAt[index] as number | null };
}
