/** Reads: who is online, who watches what, and how many (rules P1, P12, P15). */
import type { Session } from '../session.ts';

export interface UserStatus {
  readonly userId: string;
  readonly online: boolean;
  readonly sessions: number;
  /** Online: now. Never seen, or longer ago than is kept: null (P15). */
  readonly lastSeenAt: number | null;
}

export interface UserSessions {
  readonly userId: string;
  /** The override, else the limit at the newest live session's admission, else the default. */
  readonly max: number;
  /** Live sessions, oldest first, presence-only marks left out. */
  readonly sessions: readonly Session[];
}

/** One thing that is counted (P12). `total` counts presence-only users in `users` and not in `sessions`. */
export type Dimension =
  | { readonly by: 'total' }
  | { readonly by: 'stream' | 'deviceType' | 'country'; readonly key: string }
  | { readonly by: 'state'; readonly country: string; readonly state: string };

export interface Count {
  readonly users: number;
  readonly sessions: number;
}

export interface TopItem extends Count {
  /** Stream id, device type, country, or `country/state`. */
  readonly key: string;
}

/** What tops are made of. */
export type TopBy = 'stream' | 'deviceType' | 'country' | 'state';

/** Results are in the order of the ids or dimensions asked for, duplicates included. Nothing here writes. */
export interface StoreReads {
  status(userIds: readonly string[]): Promise<UserStatus[]>;
  sessions(userIds: readonly string[]): Promise<UserSessions[]>;
  counts(dimensions: readonly Dimension[]): Promise<Count[]>;
  /** Most sessions first, then by key; at most `limit`. */
  top(by: TopBy, limit: number): Promise<TopItem[]>;
}
