/** API keys of services, configured by their SHA-256 only: `name:scope:sha256hex`. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type Identity, SCOPES, type Scope } from './identity.ts';

const ENTRY = /^([\w.-]{1,64}):(?:presence:)?(player|read|admin):([0-9a-f]{64})$/i;

export function isApiKeyEntry(entry: string): boolean {
  return ENTRY.test(entry);
}

/** With two entries for one key its scope would not be clear. */
export function hasKeyTwice(entries: readonly string[]): boolean {
  const hashes = entries.map((entry) => entry.slice(entry.lastIndexOf(':') + 1).toLowerCase());
  return new Set(hashes).size < hashes.length;
}

/** A service has no user of its own: with scope `player` it acts for the user that the request names. */
export function createApiKeys(entries: readonly string[]): (key: string) => Identity | undefined {
  const known = entries.map((entry) => {
    const [, machine, scope, hash] = ENTRY.exec(entry) as unknown as [string, string, string, string];
    const identity: Identity = { machine, scopes: SCOPES[scope.toLowerCase() as Scope] };
    return { hash: Buffer.from(hash, 'hex'), identity };
  });
  return (key) => {
    const given = createHash('sha256').update(key).digest();
    let found: Identity | undefined;
    // No early exit: the time must not reveal which key matched.
    for (const { hash, identity } of known) if (timingSafeEqual(hash, given)) found = identity;
    return found;
  };
}
