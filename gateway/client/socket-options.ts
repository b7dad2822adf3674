/** What a connection needs to know, and its time bounds. */
import { merged } from './merged.ts';
import type { WebSocketConstructor } from './web-socket.ts';

/** Asked before every hello and when the token is about to end. */
export type TokenProvider = () => string | Promise<string>;

export interface SocketOptions {
  /** Of the gateway, with its path: `wss://presence.example.com/ws`. */
  readonly url: string | URL;
  /** A fixed one cannot be renewed: when it ends, the connection does. */
  readonly token?: string | TokenProvider;
  /** Where there is none in `globalThis` (Node 20): that of the package `ws`. */
  readonly WebSocket?: WebSocketConstructor;
  /** `connect` gives up after it; `Infinity` never does. Default 60,000. */
  readonly connectTimeoutMs?: number;
  /** From the token to the welcome, each attempt. Default 10,000. */
  readonly helloTimeoutMs?: number;
  /** A request without an answer for so long: the connection is taken for dead and opened anew. Default 10,000. */
  readonly replyTimeoutMs?: number;
  /** A `ping` without an answer for so long: the same. Default 5,000. */
  readonly pongTimeoutMs?: number;
  /** First step of the backoff. Default 500. */
  readonly backoffBaseMs?: number;
  /** Greatest step of the backoff. Default 30,000. */
  readonly backoffCapMs?: number;
  /** A connection that held for so long sets the backoff back. Default 10,000. */
  readonly stableAfterMs?: number;
}

const DEFAULTS = {
  connectTimeoutMs: 60_000,
  helloTimeoutMs: 10_000,
  replyTimeoutMs: 10_000,
  pongTimeoutMs: 5_000,
  backoffBaseMs: 500,
  backoffCapMs: 30_000,
  stableAfterMs: 10_000,
};

export type SocketTimers = typeof DEFAULTS;

export function timersOf(options: SocketOptions): SocketTimers {
  return merged<Partial<SocketTimers>>(DEFAULTS, options) as SocketTimers;
}
