/** When a client comes back after a close, as the protocol asks (W31). */
import { CLOSE_CODES } from '../../gateway/protocol/close-codes.ts';

const FIRST_MS = 500;
const MAX_MS = 2_000;
/** Of a server that asked to be spared. */
const SPARING_MS = 10_000;
const SPARING: readonly number[] = [CLOSE_CODES.overloaded.code, CLOSE_CODES.rate_limited.code];

export type Reconnect = 'never' | 'now' | 'backoff';

export function reconnectAfter(code: number): Reconnect {
  return Object.values(CLOSE_CODES).find((close) => close.code === code)?.reconnect ?? 'backoff';
}

export function closeName(code: number): string {
  const name = Object.entries(CLOSE_CODES).find(([, close]) => close.code === code)?.[0];
  return name ?? (code === 1006 ? 'connection lost' : 'unknown');
}

/** A close that tells of trouble: not one that asks to go elsewhere, and not one that ends a session on purpose. */
export function isFault(code: number): boolean {
  const ends: readonly number[] = [
    CLOSE_CODES.normal.code,
    CLOSE_CODES.concurrency_limit.code,
    CLOSE_CODES.evicted.code,
    CLOSE_CODES.kicked.code,
    CLOSE_CODES.replaced.code,
  ];
  return reconnectAfter(code) !== 'now' && !ends.includes(code);
}

/** Full jitter. @param attempt 0 for the first. */
export function waitMs(code: number, attempt: number, random: () => number = Math.random): number {
  if (attempt === 0 && reconnectAfter(code) === 'now') return 0;
  return random() * Math.min(SPARING.includes(code) ? SPARING_MS : MAX_MS, FIRST_MS * 2 ** attempt);
}
