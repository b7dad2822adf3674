/** Claims of a token by the names that a deployment gives them. Pure. */
import { isId, MAX_LIMIT } from '../../presence-core/index.ts';
import { SCOPES, type Scope } from './identity.ts';

const PREFIX = 'presence:';

/**
 * A claim, by its name or by a path of names with dots between. A name may itself have dots: of several readings the one
 * with the longest names counts. Undefined when it is not there.
 */
export function claimAt(claims: unknown, path: string): unknown {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined;
  const fields = claims as Record<string, unknown>;
  if (Object.hasOwn(fields, path)) return fields[path];
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const found = Object.hasOwn(fields, path.slice(0, dot))
      ? claimAt(fields[path.slice(0, dot)], path.slice(dot + 1))
      : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Also of a number, as some issuers have them. Undefined for what is no id. */
export function userIdOf(claim: unknown): string | undefined {
  if (isId(claim)) return claim;
  return Number.isSafeInteger(claim) ? String(claim) : undefined;
}

/**
 * Bits of `SCOPES`, of a text of words or an array of them; scopes of other applications are ignored.
 * @returns undefined for what is neither.
 */
export function scopesOf(claim: unknown): number | undefined {
  const words = typeof claim === 'string' ? claim.split(' ') : claim;
  if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) return undefined;
  let scopes = 0;
  for (const word of words) {
    const name = word.startsWith(PREFIX) ? word.slice(PREFIX.length) : '';
    if (Object.hasOwn(SCOPES, name)) scopes |= SCOPES[name as Scope];
  }
  return scopes;
}

/** Of a number, or of its digits, as some issuers have only texts. Undefined for what is no limit. */
export function limitOf(claim: unknown): number | undefined {
  const limit = typeof claim === 'string' && /^\d{1,3}$/.test(claim) ? Number(claim) : claim;
  return Number.isInteger(limit) && Number(limit) >= 1 && Number(limit) <= MAX_LIMIT ? Number(limit) : undefined;
}
