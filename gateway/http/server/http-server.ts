/** What serves the dispatch over HTTP, and the bounds that every such server keeps. */

/** Implemented by node-server.ts and uws-server.ts, which pass one suite: tests/contract/http/http-server-contract.ts. */
export interface HttpServer {
  /**
   * @param port 0 picks a free one.
   * @returns the bound port.
   * @throws Error naming host and port when they are taken.
   */
  listen(host: string, port: number): Promise<number>;
  /**
   * Stops accepting, ends idle connections, lets requests in flight be answered, and cuts what is left. A connection
   * whose client has not read its answer yet counts as idle.
   */
  close(): Promise<void>;
}

/** URL (16 KB) and headers (16 KB). */
export const MAX_HEAD_BYTES = 32_768;
/** Longer than the slowest heartbeat, so that a beating player keeps its connection. */
export const KEEP_ALIVE_MS = 65_000;
/** Handlers answer within the store's bound (1.5 s). */
export const CLOSE_BOUND_MS = 3_000;
/** So much beyond the limit of a body is read and dropped, so that the refusal arrives; then the connection is cut. */
export const DISCARD_BYTES = 1_048_576;

/** What a client is told that broke the protocol rather than a rule of a route. */
export const NOT_HTTP = 'This is not HTTP.';
export const HEAD_TOO_LARGE = 'The headers are too large.';

/** @param cause uWebSockets.js does not tell why. */
export function cannotListen(host: string, port: number, cause?: unknown): Error {
  return new Error(`HTTP port ${port} on ${host} is taken or may not be used`, { cause });
}
