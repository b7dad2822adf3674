/** Who calls a route: credentials, rate, scope; and that a player acts on its own user only. */
import type { Authenticator, Credentials } from '../auth/authenticator.ts';
import { ANYONE, type Identity, may } from '../auth/identity.ts';
import { addressKey, type ClientAddress } from '../limits/client-address.ts';
import type { ClientRate } from '../limits/rate-limit.ts';
import type { IncomingRequest } from './dispatch.ts';
import { Problem } from './problem.ts';
import { isRead, type Route } from './route.ts';

export interface CallerOptions {
  readonly authenticator: Authenticator;
  readonly clientAddress: ClientAddress;
  /** Undefined: no limit. */
  readonly requestRate: ClientRate | undefined;
}

/**
 * Reads the request before it first yields. A route of scope `none` asks nobody, nor counts: it is what probes call.
 * @throws Problem `unauthenticated`, `forbidden`, `rate_limited`, or `store_unavailable` when tokens cannot be checked.
 */
export type Identify = (incoming: IncomingRequest, route: Route) => Promise<Identity>;

const BEARER = /^Bearer +([\w.~+/=-]+) *$/i;
/** RFC 6750. */
const CHALLENGE = 'Bearer realm="presence"';
const RETRY_AFTER_S = '1';

function unauthenticated(detail: string, isInvalid: boolean): Problem {
  const challenge = isInvalid ? `${CHALLENGE}, error="invalid_token"` : CHALLENGE;
  return new Problem('unauthenticated', detail, { headers: { 'www-authenticate': challenge } });
}

function credentialsOf(incoming: IncomingRequest): Credentials {
  const authorization = incoming.header('authorization');
  const apiKey = incoming.header('x-api-key');
  // What is there and cannot be read is a token that does not hold.
  if (authorization !== undefined) return { token: BEARER.exec(authorization)?.[1] ?? '' };
  return apiKey === undefined ? {} : { apiKey };
}

function limited(waitMs: number): void {
  if (waitMs === 0) return;
  const headers = { 'retry-after': String(Math.ceil(waitMs / 1_000)) };
  throw new Problem('rate_limited', 'Too many requests.', { headers });
}

function demandScope(identity: Identity, route: Route): void {
  const { scope } = route;
  if (scope === 'none' || may(identity, scope) || (isRead(route) && may(identity, 'read'))) return;
  throw new Problem('forbidden', `The scope presence:${scope} is required.`);
}

export function createIdentify({ authenticator, clientAddress, requestRate }: CallerOptions): Identify {
  const addressOf = (incoming: IncomingRequest): string =>
    addressKey(clientAddress(incoming.remoteAddress, incoming.header('x-forwarded-for')));
  return async (incoming, route) => {
    if (route.scope === 'none') return ANYONE;
    const address = requestRate ? addressOf(incoming) : '';
    if (!authenticator.required) {
      limited(requestRate?.take(address) ?? 0);
      return ANYONE;
    }
    // An address that wasted its requests on bad credentials has none of them checked any more.
    limited(requestRate?.waitMs(address) ?? 0);
    const credentials = credentialsOf(incoming);
    const authentication = await authenticator.authenticate(credentials);
    if (authentication.outcome !== 'known') {
      limited(requestRate?.take(address) ?? 0);
      const { outcome, detail } = authentication;
      if (outcome === 'unknown') throw unauthenticated(`${detail}.`, Object.keys(credentials).length > 0);
      throw new Problem('store_unavailable', `${detail}.`, { headers: { 'retry-after': RETRY_AFTER_S } });
    }
    const { identity } = authentication;
    // No address holds a space.
    limited(requestRate?.take(`${identity.userId ?? ''} ${identity.machine ?? ''}`) ?? 0);
    demandScope(identity, route);
    return identity;
  };
}
