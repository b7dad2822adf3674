/** The HTTP server that serves the dispatch, and the limits that every implementation has. */
import { Problem } from '../problem.ts';
import type { BodyMemory } from './body-memory.ts';

/** Implemented by node-server.ts and uws-server.ts. Both pass tests/contract/http/http-server-contract.ts. */
export interface HttpServer {
  /**
   * @param port 0 picks a free one.
   * @returns the bound port.
   * @throws Error that names host and port when the port is in use.
   */
  listen(host: string, port: number): Promise<number>;
  /**
   * Stops accepting, closes idle connections, waits for requests in flight (at most `CLOSE_BOUND_MS`), then closes the
   * rest. A connection whose client has not read its response yet counts as idle; one that has just been accepted has
   * `FIRST_REQUEST_MS` for its first request, which is on its way.
   */
  close(): Promise<void>;
}

export interface HttpServerOptions {
  /** That bodies may use. */
  readonly memory?: BodyMemory;
  /** Open connections; more are cut. */
  readonly maxConnections?: number;
  /** Other processes listen on the same port. */
  readonly sharesPort?: boolean;
}

/** URL (16 KB) and headers (16 KB). */
export const MAX_HEAD_BYTES = 32_768;
/** Longer than the slowest heartbeat (60 s), so that a player that sends heartbeats keeps its connection. */
export const KEEP_ALIVE_MS = 65_000;
/** After `close`, for a connection that nothing came on yet. */
export const FIRST_REQUEST_MS = 250;
/** Handlers reply within the store's time bound (1.5 s). */
export const CLOSE_BOUND_MS = 3_000;
/**
 * Bytes read and dropped beyond the limit of a body, so that the client receives the 413; after that the connection is
 * closed.
 */
export const DISCARD_BYTES = 1_048_576;

/** Details of problems found before there is a route. */
export const NOT_HTTP = 'The request is not valid HTTP.';
export const HEAD_TOO_LARGE = `URL and headers must have at most ${MAX_HEAD_BYTES} bytes.`;
export const BODY_INCOMPLETE = 'The connection closed before the whole body arrived.';

export function bodyTooLarge(maxBytes: number): Problem {
  return new Problem('payload_too_large', `The body must have at most ${maxBytes} bytes.`);
}

/** @param cause undefined with uWebSockets.js, which gives no reason. */
export function cannotListen(host: string, port: number, cause?: NodeJS.ErrnoException): Error {
  const reason = cause?.code === undefined ? '' : ` (${cause.code})`;
  return new Error(`HTTP port ${port} on ${host} is in use or not permitted${reason}: set HTTP_PORT to a free port`, {
    cause,
  });
}
