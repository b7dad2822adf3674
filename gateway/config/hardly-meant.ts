/** What is valid and yet hardly meant: the start warns of it, and so does `--check`. */
import { type Config, SETTING_NAMES, SETTINGS, variableOf } from './settings.ts';

/** So much shorter than its default, a time was probably written in seconds. */
const FAR_SHORTER = 100;
const SECOND_MS = 1_000;
/** A range of all addresses. */
const ALL = /\/0+$/;

function shortTimes(config: Config): string[] {
  return SETTING_NAMES.flatMap((name) => {
    const { fallback } = SETTINGS[name];
    const value = config[name];
    if (!name.endsWith('Ms') || typeof fallback !== 'number' || typeof value !== 'number') return [];
    if (value === 0 || value >= SECOND_MS || value > fallback / FAR_SHORTER) return [];
    return [
      `${variableOf(name)}=${value} is in milliseconds: if seconds are meant, set it to ${value * SECOND_MS} (default ${fallback})`,
    ];
  });
}

/** @returns a message for each. */
export function hardlyMeant(config: Config): string[] {
  const messages = shortTimes(config);
  const ranges = config.trustedProxies.filter((range) => ALL.test(range));
  if (ranges.length > 0) {
    messages.push(
      `TRUSTED_PROXIES=${ranges.join(',')} trusts everyone: any client can then name another address in X-Forwarded-For ` +
        'and so evade the rates of an address; name only the addresses of your proxies',
    );
  }
  return messages;
}
