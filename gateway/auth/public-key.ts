/** The public key that verifies tokens: reads it from a PEM or a file, and picks its algorithms. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';

const MIN_RSA_BITS = 2_048;
const RSA_PSS = ['PS256', 'PS384', 'PS512'];
const RSA = ['RS256', 'RS384', 'RS512', ...RSA_PSS];
const OF_CURVE: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
};

/** Algorithms of asymmetric keys. HMAC is not among them: a public key is no secret. */
export const ASYMMETRIC = [...RSA, ...Object.values(OF_CURVE).flat(), 'EdDSA', 'Ed25519'];

/** @returns an empty list for a key that is too weak or cannot sign tokens. */
export function algorithmsOf(key: KeyObject): readonly string[] {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return modulusLength >= MIN_RSA_BITS ? RSA : [];
    case 'rsa-pss':
      return modulusLength >= MIN_RSA_BITS ? RSA_PSS : [];
    case 'ec':
      return OF_CURVE[namedCurve] ?? [];
    case 'ed25519':
      return ['EdDSA', 'Ed25519'];
    default:
      return [];
  }
}

/**
 * @param written a PEM, with line ends or `\n`, or the path of a PEM file.
 * @returns the PEM, or undefined when it is not a public key with accepted algorithms.
 */
export function readPublicKey(written: string): string | undefined {
  try {
    const pem = written.includes('-----BEGIN') ? written.replaceAll('\\n', '\n') : readFileSync(written, 'utf8');
    // Node.js would derive the public key from a private one, which must not be here.
    if (pem.includes('PRIVATE KEY')) return undefined;
    return algorithmsOf(createPublicKey(pem)).length > 0 ? pem : undefined;
  } catch {
    return undefined;
  }
}
