/** Settings of authentication and rate limits, and how they hang together. */

import { type Item, integer, isLoopback, list, type Setting, type TypedSetting, text } from '../config/setting.ts';
import { isAddressRange } from '../limits/client-address.ts';
import { hasKeyTwice, isApiKeyEntry } from './api-keys.ts';
import type { AuthOptions } from './authenticator.ts';
import { readPublicKey } from './public-key.ts';

const MAX_RATE = 1_000_000;
const MIN_SECRET_BYTES = 32;
const MAX_CLOCK_TOLERANCE_S = 300;

/** The value is the PEM itself, read once, at start. */
const publicKey: TypedSetting<string> = {
  kind: '<text>',
  fallback: '',
  about: 'key that signs tokens: PEM with \\n for line ends, or its file',
  secret: true,
  parse(written) {
    const pem = readPublicKey(written);
    const must =
      'be a public key, or a readable file of one: RSA of at least 2048 bits, P-256, P-384, P-521 or Ed25519';
    return pem === undefined ? { must } : { value: pem };
  },
};

const apiKey: Item = { kind: 'name:scope:sha256hex', isValid: isApiKeyEntry };
const addressRange: Item = { kind: 'address or CIDR', isValid: isAddressRange };

const perSecond = (what: string) => integer(0, 0, MAX_RATE, `${what} a second; 0: no limit`);
const burst = (what: string) => integer(0, 0, MAX_RATE, `${what} at once; 0: as many as a second's`);

export const AUTH_SETTINGS = {
  jwtSecret: text('', 'HS256 secret of tokens, at least 32 bytes', { secret: true }),
  jwtPublicKey: publicKey,
  jwksUrl: text('', 'key set of tokens: https://, or http:// on loopback', { secret: true }),
  jwtIssuer: text('', 'demanded as iss of tokens'),
  jwtAudience: text('', 'demanded as aud of tokens'),
  jwtClockToleranceS: integer(0, 0, MAX_CLOCK_TOLERANCE_S, 'seconds by which clocks may differ'),
  apiKeys: { ...list(apiKey, 'keys of machines; scope is player, read or admin'), secret: true },
} as const satisfies Record<string, Setting>;

export const RATE_SETTINGS = {
  trustedProxies: list(addressRange, 'whose X-Forwarded-For is believed'),
  rateMessagesPerSecond: perSecond('messages of one socket'),
  rateMessagesBurst: burst('messages of one socket'),
  rateConnectsPerSecond: perSecond('WebSocket upgrades from one address'),
  rateConnectsBurst: burst('WebSocket upgrades from one address'),
  rateRequestsPerSecond: perSecond('HTTP requests of one user, else address'),
  rateRequestsBurst: burst('HTTP requests of one user, else address'),
} as const satisfies Record<string, Setting>;

interface Rates {
  readonly rateMessagesPerSecond: number;
  readonly rateMessagesBurst: number;
  readonly rateConnectsPerSecond: number;
  readonly rateConnectsBurst: number;
  readonly rateRequestsPerSecond: number;
  readonly rateRequestsBurst: number;
}

function isSafeUrl(written: string): boolean {
  if (!URL.canParse(written)) return false;
  const { protocol, hostname } = new URL(written);
  // Who can change the key set on its way can sign any token.
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname.replace(/^\[|\]$/g, '')));
}

/** What does not fit together, without quoting any of it. */
export function authFaults(config: AuthOptions & Rates): string[] {
  const { auth, jwtSecret, jwtPublicKey, jwksUrl, apiKeys } = config;
  const faults: string[] = [];
  const expect = (holds: boolean, fault: string): void => {
    if (!holds) faults.push(fault);
  };
  const sources = [jwtSecret, jwtPublicKey, jwksUrl].filter((source) => source !== '').length;
  const named = 'JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL';
  if (auth === 'jwt') expect(sources === 1, `AUTH=jwt needs exactly one of ${named} (${sources} are set)`);
  // Who sets a key means to authenticate: to serve everyone instead would go unnoticed.
  else expect(sources === 0 && apiKeys.length === 0, `${named} and API_KEYS need AUTH=jwt`);
  expect(
    jwtSecret === '' || (Buffer.byteLength(jwtSecret) >= MIN_SECRET_BYTES && !jwtSecret.includes('-----BEGIN')),
    `JWT_SECRET must be a secret of at least ${MIN_SECRET_BYTES} bytes`,
  );
  expect(jwksUrl === '' || isSafeUrl(jwksUrl), 'JWKS_URL must be https://, or http:// on loopback');
  expect(!hasKeyTwice(apiKeys), 'API_KEYS must not name a key twice');
  for (const what of ['Messages', 'Connects', 'Requests'] as const) {
    const pair = `RATE_${what.toUpperCase()}`;
    const alone = config[`rate${what}Burst`] > 0 && config[`rate${what}PerSecond`] === 0;
    expect(!alone, `${pair}_BURST needs ${pair}_PER_SECOND`);
  }
  return faults;
}
