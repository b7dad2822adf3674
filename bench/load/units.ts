/** Sizes, durations and rates as people write them. Each throws an Error that quotes what it cannot read. */
const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, k: 1_000, M: 1_000_000 };
const RATE_UNITS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 1 / 60 };

/** `500ms`, `30s`, `1.5m`, `1h`, or `0`. @returns ms. */
export function durationMs(text: string): number {
  if (text === '0') return 0;
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  if (digits === undefined) throw new Error(`'${text}' is not a duration such as 500ms, 30s or 2m`);
  return Number(digits) * (DURATION_UNITS[unit] as number);
}

/** `5000`, `10k` or `1M`. */
export function size(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)([kM]?)$/.exec(text) ?? [];
  const value = Number(digits) * (SIZE_UNITS[unit] as number);
  if (!Number.isSafeInteger(value)) throw new Error(`'${text}' is not a whole number such as 500, 10k or 1M`);
  return value;
}

/** `50`, `50/s` or `600/m`. @returns a second. */
export function perSecond(text: string): number {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(?:\/(s|m))?$/.exec(text) ?? [];
  if (digits === undefined) throw new Error(`'${text}' is not a rate such as 50/s or 600/m`);
  return Number(digits) * (RATE_UNITS[unit] as number);
}

export const number = (value: number): string =>
  Math.abs(value) >= 1_000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)));

export function duration(ms: number): string {
  if (ms < 1_000) return `${number(ms)} ms`;
  return ms < 120_000 ? `${number(ms / 1_000)} s` : `${number(ms / 60_000)} min`;
}
