/** Checks the credentials, the request rate and the scope of a request. The user it names: see user-access.ts. */
import type { Authenticator, Credentials } from '../auth/authenticator.ts';
import { ANYONE, type Identity, may } from '../auth/identity.ts';
import { addressKey, type ClientAddress } from '../limits/client-address.ts';
import type { ClientRate } from '../limits/rate-limit.ts';
import type { IncomingRequest } from './exchange.ts';
import { Problem } from './problem.ts';
import { isRead, type Route } from './route.ts';

export interface AuthorizeOptions {
  readonly authenticator: Authenticator;
  readonly clientAddress: ClientAddress;
  /** Undefined: no limit. */
  readonly requestRate: ClientRate | undefined;
  /** Of an API key, whose service asks for many users. Undefined: no limit. */
  readonly keyRate?: ClientRate | undefined;
}

/**
 * Reads the request before it first yields. Routes of scope `none` (health checks, docs) need no credentials and have no
 * rate limit.
 * @returns the identity of the caller.
 * @throws Problem `unauthenticated`, `forbidden`, `rate_limited`, or `store_unavailable` when tokens cannot be checked.
 */
export type Authorize = (incoming: IncomingRequest, route: Route) => Promise<Identity>;

const BEARER = /^Bearer +([\w.~+/=-]+) *$/i;
/** RFC 6750. */
const CHALLENGE = 'Bearer realm="presence"';
const RETRY_AFTER_S = '1';

export function unauthenticated(detail: string, isInvalid = false): Problem {
  const challenge = isInvalid ? `${CHALLENGE}, error="invalid_token"` : CHALLENGE;
  return new Problem('unauthenticated', detail, { headers: { 'www-authenticate': challenge } });
}

function credentialsOf(incoming: IncomingRequest): Credentials {
  const authorization = incoming.header('authorization');
  const apiKey = incoming.header('x-api-key');
  // An authorization header that is not `Bearer …` counts as an invalid token.
  if (authorization !== undefined) return { token: BEARER.exec(authorization)?.[1] ?? '' };
  return apiKey === undefined ? {} : { apiKey };
}

function checkRate(waitMs: number): void {
  if (waitMs === 0) return;
  const headers = { 'retry-after': String(Math.ceil(waitMs / 1_000)) };
  throw new Problem('rate_limited', 'Too many requests: wait for the seconds in retry-after.', { headers });
}

function checkScope(identity: Identity, route: Route): void {
  const { scope } = route;
  if (scope === 'none' || may(identity, scope) || (isRead(route) && may(identity, 'read'))) return;
  throw new Problem('forbidden', `Scope presence:${scope} is required.`);
}

export function createAuthorize({ authenticator, clientAddress, requestRate, keyRate }: AuthorizeOptions): Authorize {
  const addressOf = (incoming: IncomingRequest): string =>
    addressKey(clientAddress(incoming.remoteAddress, incoming.header('x-forwarded-for')));
  return async (incoming, route) => {
    if (route.scope === 'none') return ANYONE;
    const address = requestRate ? addressOf(incoming) : '';
    if (!authenticator.required) {
      checkRate(requestRate?.take(address) ?? 0);
      return ANYONE;
    }
    // An address that used up its rate on bad credentials gets no more of them checked.
    checkRate(requestRate?.waitMs(address) ?? 0);
    const credentials = credentialsOf(incoming);
    const authentication = await authenticator.authenticate(credentials);
    if (authentication.outcome !== 'known') {
      checkRate(requestRate?.take(address) ?? 0);
      const { outcome, detail } = authentication;
      if (outcome === 'unknown') throw unauthenticated(detail, Object.keys(credentials).length > 0);
      throw new Problem('store_unavailable', detail, { headers: { 'retry-after': RETRY_AFTER_S } });
    }
    const { identity } = authentication;
    if (identity.machine !== undefined) checkRate(keyRate?.take(identity.machine) ?? 0);
    // The name of a user's bucket begins with a space, which no address does.
    else checkRate(requestRate?.take(` ${identity.userId ?? ''}`) ?? 0);
    checkScope(identity, route);
    return identity;
  };
}
