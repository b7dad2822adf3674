/** uWebSockets.js, an optional dependency: loaded when asked for, and what both of its servers need of it. */
import type { TemplatedApp, us_listen_socket } from 'uWebSockets.js';

export type { HttpRequest, HttpResponse, TemplatedApp, us_listen_socket } from 'uWebSockets.js';

export type Uws = typeof import('uWebSockets.js');

/** The form with host and options is missing in the package's types. */
type ListenWithOptions = (
  host: string,
  port: number,
  options: number,
  done: (socket: us_listen_socket | false) => void,
) => void;

/** No SO_REUSEPORT: with it a port that another process has would go unnoticed. */
const EXCLUSIVE_PORT = 1;
/** SO_REUSEPORT: the kernel spreads connections over all processes that listen so. */
const SHARED_PORT = 0;

/** @returns why not, when the native binary does not load here. */
export async function loadUws(): Promise<Uws | Error> {
  try {
    return (await import('uWebSockets.js')).default;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

/**
 * @param sharesPort with other processes of the same user that do so too.
 * @returns undefined when the port is taken or may not be used.
 */
export function listenOn(
  app: TemplatedApp,
  host: string,
  port: number,
  sharesPort = false,
): Promise<us_listen_socket | undefined> {
  return new Promise((resolve) => {
    const listen = app.listen.bind(app) as unknown as ListenWithOptions;
    listen(host, port, sharesPort ? SHARED_PORT : EXCLUSIVE_PORT, (socket) => resolve(socket || undefined));
  });
}

/** The bytes of an address as node:net would write it, an IPv4 address mapped into IPv6 in dotted form. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  const isMapped = bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 0xff && bytes[11] === 0xff;
  if (isMapped) return bytes.subarray(12).join('.');
  const groups = (Buffer.from(bytes).toString('hex').match(/.{4}/g) ?? []).join(':');
  // URL shortens runs of zeroes as RFC 5952 says.
  return new URL(`http://[${groups}]`).hostname.slice(1, -1);
}
