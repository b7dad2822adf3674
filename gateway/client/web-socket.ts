/** The part of a WebSocket that is needed: of a browser, of Node ≥ 22, or of the package `ws`. */

import { root } from './root.ts';

// As a method, so that a handler of a richer event type fits.
type Handler<Event> = { handle(event: Event): void }['handle'] | null;

export interface WebSocketLike {
  onopen: Handler<never>;
  onmessage: Handler<{ data: unknown }>;
  onclose: Handler<{ code: number; reason: string }>;
  onerror: Handler<{ message?: string }>;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export type WebSocketConstructor = new (url: string, protocols?: string) => WebSocketLike;

/** @throws TypeError where there is none, as in Node 20: give one as an option. */
export function webSocketOf(given: WebSocketConstructor | undefined): WebSocketConstructor {
  const found = given || (root as { WebSocket?: WebSocketConstructor }).WebSocket;
  if (!found) throw new TypeError('pass the option WebSocket');
  return found;
}
