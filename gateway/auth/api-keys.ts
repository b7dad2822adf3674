/** Keys of machines, known by their SHA-256 only: `name:scope:sha256hex`. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { type Identity, SCOPES, type Scope } from './identity.ts';

const ENTRY = /^([\w.-]{1,64}):(?:presence:)?(player|read|admin):([0-9a-f]{64})$/i;

export function isApiKeyEntry(entry: string): boolean {
  return ENTRY.test(entry);
}

/** Two entries for one key would leave open which scope it has. */
export function hasKeyTwice(entries: readonly string[]): boolean {
  const hashes = entries.map((entry) => entry.slice(entry.lastIndexOf(':') + 1).toLowerCase());
  return new Set(hashes).size < hashes.length;
}

/** A machine has no user of its own: with scope `player` it acts for the user it names. */
export function createApiKeys(entries: readonly string[]): (key: string) => Identity | undefined {
  const known = entries.map((entry) => {
    const [, machine, scope, hash] = ENTRY.exec(entry) as unknown as [string, string, string, string];
    const identity: Identity = { machine, scopes: SCOPES[scope.toLowerCase() as Scope] };
    return { hash: Buffer.from(hash, 'hex'), identity };
  });
  return (key) => {
    const given = createHash('sha256').update(key).digest();
    let found: Identity | undefined;
    // Through to the end: how long it takes must not tell which key came close.
    for (const { hash, identity } of known) if (timingSafeEqual(hash, given)) found = identity;
    return found;
  };
}
