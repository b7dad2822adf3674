/** A request and its response as plain data: what an HTTP server hands to the dispatch, and gets back. */
import type { Headers } from './cors.ts';

/** Address, `header` and `readBody` may be used only before `dispatch` first yields: uWebSockets.js forbids it later. */
export interface IncomingRequest {
  /** In upper case. */
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  /** IP address of the peer. */
  readonly remoteAddress: string;
  header(name: string): string | undefined;
  /**
   * The whole body.
   * @throws Problem `payload_too_large` beyond `maxBytes`; `overloaded` when the bodies of all requests hold too much
   */
  readBody(maxBytes: number): Promise<Buffer>;
  /** Lets go of what has arrived of the body, and of what still comes: the request is refused, or answered. */
  dropBody(): void;
}

export interface OutgoingResponse {
  readonly status: number;
  readonly headers: Headers;
  /** Empty for none. The server leaves it out of a response to HEAD, and adds `content-length`. */
  readonly body: string | Uint8Array;
}

/** Never rejects. */
export type Dispatch = (incoming: IncomingRequest) => Promise<OutgoingResponse>;

/** Whether a response has neither a body nor `content-length` (RFC 9110, 8.6). */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304;
}
