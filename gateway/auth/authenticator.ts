/** Types of authentication. The implementation: create-authenticator.ts. */
import type { Identity } from './identity.ts';
import type { Warn } from './jwks-fetch.ts';

export interface Credentials {
  readonly token?: string;
  readonly apiKey?: string;
}

/**
 * `unknown`: the credentials are missing or not valid. `unavailable`: they cannot be checked now, as the keys that sign
 * tokens cannot be fetched. `detail` says why, as one sentence that quotes no credential.
 */
export type Authentication =
  | { readonly outcome: 'known'; readonly identity: Identity }
  | { readonly outcome: 'unknown' | 'unavailable'; readonly detail: string };

export interface Authenticator {
  /** False while authentication is off: every caller is then `ANYONE`. */
  readonly required: boolean;
  /** Never rejects. */
  authenticate(credentials: Credentials): Promise<Authentication>;
}

/** The settings of authentication; `Config` has them. An unset text is the empty string. */
export interface AuthOptions {
  readonly auth: 'off' | 'jwt';
  readonly jwtSecret: string;
  /** PEM. */
  readonly jwtPublicKey: string;
  readonly jwksUrl: string;
  readonly jwtIssuer: string;
  readonly jwtAudience: string;
  readonly jwtClockToleranceS: number;
  /** Where in a token its user, scope and limit are: see `claimAt`. */
  readonly jwtUserClaim: string;
  readonly jwtScopeClaim: string;
  readonly jwtLimitClaim: string;
  readonly apiKeys: readonly string[];
  /** Shortest time between two fetches of the key set. */
  readonly jwksCooldownMs?: number;
  /** Told why the key set cannot be fetched; with it that is tried at once, not with the first token. */
  readonly warn?: Warn;
}
