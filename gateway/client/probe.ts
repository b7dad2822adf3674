/** Why there is no WebSocket: a browser does not say it, but the same address asked by HTTP does (W1). */
import { PresenceError } from './presence-error.ts';
import { root } from './root.ts';

const OPTIONS = { cache: 'no-store', credentials: 'omit' } as const satisfies object;

/** @returns undefined when that tells nothing: nobody answers, or not to this page. */
export async function probe(url: string | URL): Promise<PresenceError | undefined> {
  try {
    const { status } = await root.fetch(String(url).replace(/^ws/i, 'http'), OPTIONS);
    switch (status) {
      case 403:
        return new PresenceError('forbidden', 'HTTP 403: the origin of this page is not in ALLOWED_ORIGINS');
      case 404:
        return new PresenceError('not_found', 'HTTP 404: not the address of a gateway (its path is /ws)');
      case 426:
        return new PresenceError('no_websocket', 'HTTP 426: a proxy before the gateway passes no WebSocket upgrade on');
      default:
        return new PresenceError('disconnected', `HTTP ${status} instead of a WebSocket`);
    }
  } catch {
    return undefined;
  }
}
