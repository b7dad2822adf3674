/** Identity and scopes of a caller. */

/** `player` acts on its own user, `read` reads all users, `admin` may do everything. In a token: `presence:player` …; `friends` reads its own user and
 * those that the token names. */
export const SCOPES = { player: 1, read: 2, admin: 4, friends: 8 } as const;

export type Scope = keyof typeof SCOPES;

/** One object per socket while authentication is on: scopes are bits to save memory. */
export interface Identity {
  /** Undefined: has no user and may name any (authentication is off, or the caller has an API key). */
  readonly userId?: string;
  /** Name of the API key, if the caller has one instead of a token. */
  readonly machine?: string;
  /** Bits of `SCOPES`. */
  readonly scopes: number;
  /** `max_streams` (P6). */
  readonly limit?: number;
  readonly onLimit?: 'reject' | 'evict-oldest';
  /** With scope `friends`: whom it may read beside itself. */
  readonly friends?: ReadonlySet<string>;
  /** Expiry of the token, epoch ms. */
  readonly expiresAt?: number;
}

/** Every caller while authentication is off. */
export const ANYONE: Identity = Object.freeze({ scopes: SCOPES.player | SCOPES.read | SCOPES.admin });

export function may({ scopes }: Identity, scope: Scope): boolean {
  return (scopes & (SCOPES[scope] | SCOPES.admin)) !== 0;
}

/** Whether a caller may read these users. */
export function mayFollow(identity: Identity, userIds: readonly string[]): boolean {
  if (may(identity, 'read')) return true;
  const { userId, friends } = identity;
  const isKnown = (id: string): boolean => id === userId || friends?.has(id) === true;
  return may(identity, 'friends') && userIds.length > 0 && userIds.every(isKnown);
}
