/** One question for both transports: who is it that shows these credentials? */
import { createApiKeys } from './api-keys.ts';
import { ANYONE, type Identity } from './identity.ts';
import { createJwtVerifier } from './jwt.ts';

export interface Credentials {
  readonly token?: string;
  readonly apiKey?: string;
}

/** `unavailable`: the keys that sign tokens cannot be had just now. `detail` quotes no credential. */
export type Authentication =
  | { readonly outcome: 'known'; readonly identity: Identity }
  | { readonly outcome: 'unknown' | 'unavailable'; readonly detail: string };

export interface Authenticator {
  /** False while authentication is off: then everyone is `ANYONE`, and nobody need be asked. */
  readonly required: boolean;
  /** Never rejects. */
  authenticate(credentials: Credentials): Promise<Authentication>;
}

/** The settings that matter here; `Config` has them. An unset text is the empty string. */
export interface AuthOptions {
  readonly auth: 'off' | 'jwt';
  readonly jwtSecret: string;
  /** PEM. */
  readonly jwtPublicKey: string;
  readonly jwksUrl: string;
  readonly jwtIssuer: string;
  readonly jwtAudience: string;
  readonly jwtClockToleranceS: number;
  readonly apiKeys: readonly string[];
  /** How long key sets are not asked for again, whatever unknown keys tokens name. */
  readonly jwksCooldownMs?: number;
}

const NOBODY: Authentication = { outcome: 'unknown', detail: 'credentials are required' };

export function createAuthenticator(options: AuthOptions): Authenticator {
  if (options.auth === 'off') {
    return { required: false, authenticate: async () => ({ outcome: 'known', identity: ANYONE }) };
  }
  const verify = createJwtVerifier(options);
  const findKey = createApiKeys(options.apiKeys);
  return {
    required: true,
    async authenticate({ token, apiKey }) {
      if (token !== undefined) return verify(token);
      if (apiKey === undefined) return NOBODY;
      const identity = findKey(apiKey);
      return identity ? { outcome: 'known', identity } : { outcome: 'unknown', detail: 'the API key is not known' };
    },
  };
}
