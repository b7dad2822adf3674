/** Verifies tokens with jose, only with the algorithms of the configured key, and reads their claims. */
import { createPublicKey } from 'node:crypto';
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, type JWTVerifyOptions, jwtVerify } from 'jose';
import { ID_RULE, MAX_LIMIT } from '../../presence-core/index.ts';
import type { Authentication, AuthOptions } from './authenticator.ts';
import { claimAt, limitOf, scopesOf, userIdOf } from './claims.ts';
import type { Identity } from './identity.ts';
import { fetchSparingly } from './jwks-fetch.ts';
import { ASYMMETRIC, algorithmsOf } from './public-key.ts';

/** Less than the hello timeout, so that a player gets the reason before its socket is closed. */
const JWKS_TIMEOUT_MS = 3_000;
const JWKS_COOLDOWN_MS = 10_000;

/** Details by the error code of jose. Any other error means that tokens cannot be checked now. */
const FAULTS: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: 'The token has expired: get a new one.',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'The token is not signed by a known key.',
  ERR_JWKS_NO_MATCHING_KEY: 'The token is not signed by a known key.',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS: 'Several keys match: the token must name its key (kid).',
  ERR_JOSE_ALG_NOT_ALLOWED: 'The signature algorithm (alg) of the token is not accepted.',
  ERR_JOSE_NOT_SUPPORTED: 'The signature algorithm (alg) of the token is not accepted.',
  ERR_JWS_INVALID: 'The token is not a valid JWT.',
  ERR_JWT_INVALID: 'The token is not a valid JWT.',
};

type Verify = (token: string, options: JWTVerifyOptions) => Promise<{ payload: JWTPayload }>;

/** Verifies by the configured key and its algorithms: never by both HMAC and asymmetric ones. */
function keySource(options: AuthOptions): Verify {
  if (options.jwtSecret !== '') {
    const secret = new TextEncoder().encode(options.jwtSecret);
    return (token, checks) => jwtVerify(token, secret, { ...checks, algorithms: ['HS256'] });
  }
  if (options.jwtPublicKey !== '') {
    const key = createPublicKey(options.jwtPublicKey);
    const algorithms = [...algorithmsOf(key)];
    return (token, checks) => jwtVerify(token, key, { ...checks, algorithms });
  }
  const { jwksCooldownMs = JWKS_COOLDOWN_MS, warn } = options;
  const keys = createRemoteJWKSet(new URL(options.jwksUrl), {
    timeoutDuration: JWKS_TIMEOUT_MS,
    cooldownDuration: jwksCooldownMs,
    [customFetch]: fetchSparingly(jwksCooldownMs, warn),
  });
  // Told by `warn`.
  if (warn) keys.reload().catch(() => undefined);
  return (token, checks) => jwtVerify(token, keys, { ...checks, algorithms: ASYMMETRIC });
}

export function createJwtVerifier(options: AuthOptions): (token: string) => Promise<Authentication> {
  const { jwtIssuer, jwtAudience, jwtClockToleranceS } = options;
  const verify = keySource(options);
  const checks: JWTVerifyOptions = {
    requiredClaims: ['exp'],
    clockTolerance: jwtClockToleranceS,
    ...(jwtIssuer !== '' && { issuer: jwtIssuer }),
    ...(jwtAudience !== '' && { audience: jwtAudience }),
  };
  return async (token) => {
    try {
      const { payload } = await verify(token, checks);
      const identity = identityOf(payload, options);
      return typeof identity === 'string' ? { outcome: 'unknown', detail: identity } : { outcome: 'known', identity };
    } catch (error) {
      return failureOf(error);
    }
  };
}

function failureOf(error: unknown): Authentication {
  if (error instanceof errors.JWTClaimValidationFailed) {
    return { outcome: 'unknown', detail: missing(error.claim) };
  }
  const detail = error instanceof errors.JOSEError ? FAULTS[error.code] : undefined;
  if (detail !== undefined) return { outcome: 'unknown', detail };
  return { outcome: 'unavailable', detail: 'The token cannot be checked now: try again.' };
}

/** @returns the identity, or what is wrong with the claims. */
function identityOf(claims: JWTPayload, options: AuthOptions): Identity | string {
  const { jwtUserClaim, jwtScopeClaim, jwtLimitClaim, jwtClockToleranceS } = options;
  const { on_limit: onLimit, friends: named = [] } = claims;
  const user = claimAt(claims, jwtUserClaim);
  if (user === undefined) return missing(jwtUserClaim);
  const userId = userIdOf(user);
  if (userId === undefined) return `The claim ${jwtUserClaim} must be a user id: ${ID_RULE}.`;
  const scopes = scopesOf(claimAt(claims, jwtScopeClaim) ?? '');
  if (scopes === undefined) return `The claim ${jwtScopeClaim} must be a text of words or an array of them.`;
  const max = claimAt(claims, jwtLimitClaim) ?? undefined;
  const limit = limitOf(max);
  if (max !== undefined && limit === undefined) {
    return `The claim ${jwtLimitClaim} must be an integer from 1 to ${MAX_LIMIT}.`;
  }
  if (onLimit !== undefined && onLimit !== 'reject' && onLimit !== 'evict-oldest') {
    return 'The claim on_limit must be reject or evict-oldest.';
  }
  const friends = Array.isArray(named) ? named.map(userIdOf) : [undefined];
  if (!friends.every((friend) => friend !== undefined)) return 'The claim friends must be an array of user ids.';
  return {
    userId,
    scopes,
    ...(friends.length > 0 && { friends: new Set(friends) }),
    ...(limit !== undefined && { limit }),
    ...(onLimit !== undefined && { onLimit }),
    expiresAt: Math.min(Math.floor((Number(claims.exp) + jwtClockToleranceS) * 1_000), Number.MAX_SAFE_INTEGER),
  };
}

function missing(claim: string): string {
  return `The claim ${claim} of the token is missing or not accepted.`;
}
