/** The kinds of settings: how a text becomes a value, and what a wrong one is answered. */

import { readFileSync } from 'node:fs';
import { alternatives } from '../alternatives.ts';
import { isApiKeyEntry } from '../auth/api-keys.ts';
import { readPublicKey } from '../auth/public-key.ts';
import { isAddressRange } from '../limits/client-address.ts';

type Parsed = { readonly value: unknown } | { readonly must: string };

export interface Setting {
  /** Shown by `--help` after the flag. `flag` takes no value and has no variable. */
  readonly kind: string;
  readonly fallback: unknown;
  readonly about: string;
  /** Never printed, neither in an error nor in the log. Such a setting may also be named by a file: `NAME_FILE`. */
  readonly secret?: boolean;
  /** The text is the path of a file whose content is the value. */
  readonly isFile?: boolean;
  /** What the log shows of a secret value; by default nothing. */
  readonly show?: (value: string) => string;
  parse(written: string): Parsed;
}

export type Value<S extends Setting> = S['fallback'];

export interface TypedSetting<T> extends Setting {
  readonly fallback: T;
}

export function integer(fallback: number, min: number, max: number, about: string): TypedSetting<number> {
  return {
    kind: '<integer>',
    fallback,
    about,
    parse(written) {
      const value = /^\d{1,15}$/.test(written) ? Number(written) : Number.NaN;
      return value >= min && value <= max ? { value } : { must: `be an integer between ${min} and ${max}` };
    },
  };
}

/** Also takes the word `auto`. */
export function auto<T>(setting: TypedSetting<T>): TypedSetting<T | 'auto'> {
  return {
    ...setting,
    kind: `${setting.kind}|auto`,
    parse(written) {
      if (written === 'auto') return { value: written };
      const parsed = setting.parse(written);
      return 'must' in parsed ? { must: `${parsed.must}, or auto` } : parsed;
    },
  };
}

/** No value unless it is set. */
export function optional<T>(setting: TypedSetting<T>): TypedSetting<T | undefined> {
  return { ...setting, fallback: undefined };
}

interface TextRule {
  readonly secret?: boolean;
  readonly show?: (value: string) => string;
  readonly pattern?: RegExp;
  /** Completes "must …" when the pattern does not match. */
  readonly must?: string;
}

export function text(fallback: string, about: string, rule: TextRule = {}): TypedSetting<string> {
  return {
    kind: '<text>',
    fallback,
    about,
    secret: rule.secret ?? false,
    ...(rule.show && { show: rule.show }),
    parse(written) {
      // Of a secret it may be a part.
      if (!rule.secret && written !== written.trim()) return { must: 'not begin or end with white space' };
      return rule.pattern?.test(written) === false ? { must: rule.must ?? '' } : { value: written };
    },
  };
}

export function choice<const T extends string>(allowed: readonly T[], fallback: NoInfer<T>, about: string) {
  return {
    kind: allowed.join('|'),
    fallback: fallback as T,
    about,
    parse: (written: string): Parsed =>
      (allowed as readonly string[]).includes(written) ? { value: written } : { must: `be ${alternatives(allowed)}` },
  } satisfies TypedSetting<T>;
}

const itemsOf = (written: string): string[] => [...new Set(written.split(',').map((item) => item.trim()))];

export function choices<const T extends string>(allowed: readonly T[], fallback: readonly NoInfer<T>[], about: string) {
  return {
    kind: `<${allowed.join(',')}>`,
    fallback: fallback as readonly T[],
    about,
    parse(written: string): Parsed {
      const items = itemsOf(written);
      const known = items.every((item) => (allowed as readonly string[]).includes(item));
      return known ? { value: items } : { must: `be one or more of ${allowed.join(', ')}, separated by commas` };
    },
  } satisfies TypedSetting<readonly T[]>;
}

export interface Item {
  readonly kind: string;
  /** Completes "must be a comma-separated list of …". */
  readonly plural: string;
  isValid(item: string): boolean;
}

export function list(item: Item, about: string, rule: { secret?: boolean } = {}): TypedSetting<readonly string[]> {
  return {
    kind: `<${item.kind},…>`,
    fallback: [],
    about,
    secret: rule.secret ?? false,
    parse(written) {
      const items = itemsOf(written);
      return items.every(item.isValid) ? { value: items } : { must: `be a comma-separated list of ${item.plural}` };
    },
  };
}

export function flag(about: string): TypedSetting<boolean> {
  return { kind: 'flag', fallback: false, about, parse: () => ({ value: true }) };
}

/** The value is the PEM itself, read once, at start. */
export function publicKey(about: string): TypedSetting<string> {
  return {
    kind: '<text>',
    fallback: '',
    about,
    secret: true,
    parse(written) {
      const pem = readPublicKey(written);
      const must =
        'be a public key in PEM, or a readable file of one: RSA of at least 2048 bits, P-256, P-384, P-521 or Ed25519';
      return pem === undefined ? { must } : { value: pem };
    },
  };
}

/** The value is the content of a file in PEM, read once, at start. */
export function pemFile(about: string): TypedSetting<string> {
  return {
    kind: '<file>',
    fallback: '',
    about,
    secret: true,
    isFile: true,
    parse(written) {
      const pem = readText(written);
      return pem?.includes('-----BEGIN ') ? { value: pem } : { must: 'be a readable file in PEM' };
    },
  };
}

/** @returns undefined when there is no such file, or it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Scheme, host and port as browsers send them, or `*`: a `*` within would match nothing. */
export const origin: Item = {
  kind: 'origin',
  plural: 'origins such as https://example.com (no path, no final slash), or *',
  isValid: (written) =>
    written === '*' || (URL.canParse(written) && new URL(written).origin === written && !written.includes('*')),
};

/** As browsers send it, without a port. */
export const hostName: Item = {
  kind: 'host',
  plural: 'host names such as presence.example, without ports, or *',
  isValid: (written) => written === '*' || /^[\w.-]+$/.test(written) || /^[\da-fA-F:]+$/.test(written),
};

export const apiKey: Item = {
  kind: 'name:scope:sha256hex',
  plural: 'API keys, each as name:scope:sha256hex with scope player, read or admin',
  isValid: isApiKeyEntry,
};

export const addressRange: Item = {
  kind: 'address or CIDR',
  plural: 'IP addresses or CIDR ranges, such as 10.0.0.0/8',
  isValid: isAddressRange,
};
