/** Numbers, times and durations as people read them. */

const whole = new Intl.NumberFormat('en');

export const number = (value: number): string => whole.format(Math.round(value));

export const percent = (part: number): string => `${Math.round(part * 100)} %`;

/** A rate a second: small ones with a decimal. */
export const rate = (value: number): string => (value < 10 && value > 0 ? value.toFixed(1) : number(value));

export const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export const zoneName = (zone: string): string => zone.replaceAll('_', ' ');

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options);
  let format = formats.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hourCycle: 'h23', ...options });
    formats.set(key, format);
  }
  return format;
}

const CLOCK = { hour: '2-digit', minute: '2-digit' } as const;

export const clock = (at: number, zone: string): string => formatOf(zone, CLOCK).format(at);
export const clockWithSeconds = (at: number, zone: string): string =>
  formatOf(zone, { ...CLOCK, second: '2-digit' }).format(at);
/** The date only when it is not today's. */
export function moment(at: number, zone: string, now = Date.now()): string {
  const day = formatOf(zone, { day: 'numeric', month: 'short' });
  return day.format(at) === day.format(now) ? clock(at, zone) : `${day.format(at)}, ${clock(at, zone)}`;
}

/** From one moment to another: the date is not said twice. */
export function span(from: number, to: number, zone: string): string {
  const day = formatOf(zone, { day: 'numeric', month: 'short' });
  return `${moment(from, zone)} – ${day.format(from) === day.format(to) ? clock(to, zone) : moment(to, zone)}`;
}

const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** The two greatest units: `3 h 12 min`. */
export function duration(ms: number): string {
  const parts: string[] = [];
  let rest = Math.max(0, ms);
  for (const [unitMs, name] of UNITS) {
    const count = Math.floor(rest / unitMs);
    rest -= count * unitMs;
    if (count > 0) parts.push(`${count} ${name}`);
    if (parts.length === 2) break;
  }
  return parts.join(' ') || '0 s';
}

export const place = ({ country, state }: { country?: string | undefined; state?: string | undefined }): string =>
  [country, state].filter(Boolean).join(' / ') || '–';

/** The name that the player gave its device, else its type. */
export function deviceName(session: {
  meta?: Readonly<Record<string, string>> | undefined;
  deviceType?: string | undefined;
  sessionId: string;
}): string {
  return session.meta?.name ?? session.deviceType ?? session.sessionId;
}
