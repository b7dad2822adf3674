/** Where this server is, as who reads the documentation sees it: the pages are made once, and filled in for each reader. */

/** Stand in the pages for the addresses of the sidecar and of the gateway's socket. No URL has such a host (RFC 6761). */
export const ORIGIN = 'http://sidecar.invalid';
export const SOCKET = 'ws://gateway.invalid/ws';

export interface Ports {
  readonly httpPort: number;
  /** Undefined: this process serves no sockets. */
  readonly wsPort: number | undefined;
}

const DEFAULT_WS_PORT = 8080;
/** A name or an address, with a port. What else a header may hold is not repeated. */
const HOST = /^((?:[\w.-]{1,253})|(?:\[[\da-f:.]{2,45}\]))(?::\d{1,5})?$/i;

/** @param host header of the request; HTTP/1.0 has none. */
export function fillIn(page: string, host: string | undefined, { httpPort, wsPort = DEFAULT_WS_PORT }: Ports): string {
  const seen = host !== undefined && HOST.test(host) ? host : `localhost:${httpPort}`;
  const name = HOST.exec(seen)?.[1] ?? 'localhost';
  return page.replaceAll(ORIGIN, `http://${seen}`).replaceAll(SOCKET, `ws://${name}:${wsPort}/ws`);
}
