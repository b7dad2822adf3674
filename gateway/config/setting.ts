/** The kinds of settings a configuration is made of: how a text becomes a value, and what is told when it cannot. */

type Parsed = { readonly value: unknown } | { readonly must: string };

export interface Setting {
  /** Shown by `--help` after the flag. `flag` takes no value and has no variable. */
  readonly kind: string;
  readonly fallback: unknown;
  readonly about: string;
  /** Never printed, neither in faults nor in the log. */
  readonly secret?: boolean;
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

interface TextRule {
  readonly secret?: boolean;
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
    parse: (written) => (rule.pattern?.test(written) === false ? { must: rule.must ?? '' } : { value: written }),
  };
}

export function choice<const T extends string>(allowed: readonly T[], fallback: NoInfer<T>, about: string) {
  return {
    kind: allowed.join('|'),
    fallback: fallback as T,
    about,
    parse: (written: string): Parsed =>
      (allowed as readonly string[]).includes(written) ? { value: written } : { must: `be ${allowed.join(' or ')}` },
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
      return known ? { value: items } : { must: `be a list of ${allowed.join(', ')}` };
    },
  } satisfies TypedSetting<readonly T[]>;
}

export interface Item {
  readonly kind: string;
  isValid(item: string): boolean;
}

export function list(item: Item, about: string): TypedSetting<readonly string[]> {
  return {
    kind: `<${item.kind},…>`,
    fallback: [],
    about,
    parse(written) {
      const items = itemsOf(written);
      return items.every(item.isValid) ? { value: items } : { must: `be a list of ${item.kind}s` };
    },
  };
}

export function flag(about: string): TypedSetting<boolean> {
  return { kind: 'flag', fallback: false, about, parse: () => ({ value: true }) };
}

/** Scheme, host and port as browsers send them, or `*`. */
export const origin: Item = {
  kind: 'origin',
  isValid: (written) => written === '*' || (URL.canParse(written) && new URL(written).origin === written),
};

/** Whether only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
