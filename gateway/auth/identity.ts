/** Who calls, and what that one may do. */

/** `player` acts on its own user, `read` reads all, `admin` may do everything. In a token: `presence:player` … */
export const SCOPES = { player: 1, read: 2, admin: 4 } as const;

export type Scope = keyof typeof SCOPES;

/** One object per socket while authentication is on, hence the scopes as bits. */
export interface Identity {
  /** Absent: no user of its own, so it may name any (authentication is off, or a machine with a key). */
  readonly userId?: string;
  /** Name of the API key, instead of a user. */
  readonly machine?: string;
  /** Sum of `SCOPES`. */
  readonly scopes: number;
  /** `max_streams` (P6). */
  readonly limit?: number;
  readonly onLimit?: 'reject' | 'evict-oldest';
  /** When the token ends. */
  readonly expiresAt?: number;
}

/** With authentication off. */
export const ANYONE: Identity = Object.freeze({ scopes: SCOPES.player | SCOPES.read | SCOPES.admin });

export function may({ scopes }: Identity, scope: Scope): boolean {
  return (scopes & (SCOPES[scope] | SCOPES.admin)) !== 0;
}

/** Reads a space-separated claim; scopes of other applications are passed over. */
export function scopesOf(claim: string): number {
  let scopes = 0;
  for (const word of claim.split(' ')) {
    const name = word.startsWith('presence:') ? word.slice('presence:'.length) : '';
    if (Object.hasOwn(SCOPES, name)) scopes |= SCOPES[name as Scope];
  }
  return scopes;
}
