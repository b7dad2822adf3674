/** Why there is no WebSocket: a browser does not say it, but the same address asked by HTTP does (W1). */
import { PresenceError, type PresenceErrorCode } from './presence-error.ts';
import { root } from './root.ts';

/** `no_websocket`: the address is right, but a proxy before the gateway passes no upgrade on. */
const CODES: Readonly<Record<number, PresenceErrorCode>> = { 403: 'forbidden', 404: 'not_found', 426: 'no_websocket' };

/** @returns undefined when that tells nothing: nobody answers, or not to this page. */
export async function probe(url: string): Promise<PresenceError | undefined> {
  try {
    const { status } = await root.fetch(url.replace(/^ws/, 'http'));
    return new PresenceError(CODES[status] || 'disconnected', `HTTP ${status}`);
  } catch {
    return undefined;
  }
}
