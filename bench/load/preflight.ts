/** Whether there is anything to load at the URLs: said in words before anybody comes. */
import { HttpCaller } from './http-caller.ts';
import type { LoadOptions } from './options.ts';
import { openSocket } from './socket.ts';

const HINTS: Readonly<Record<string, string>> = {
  connect_ECONNREFUSED: 'nothing listens there',
  connect_ENOTFOUND: 'there is no such host',
  connect_timeout: 'no answer',
  upgrade_403: 'the origin or host is not allowed',
  upgrade_404: 'the path is another one; it is usually /ws',
  upgrade_503: 'it is draining or full',
  upgrade_200: 'it is no WebSocket; --url is that of the gateway',
};

/** @returns why not, in words. */
export async function preflight(options: LoadOptions): Promise<string | undefined> {
  const failure = await new Promise<string | undefined>((resolve) => {
    const socket = openSocket(options, options.localAddresses[0], {
      opened: () => {
        socket.close(1_000);
        resolve(undefined);
      },
      received: () => {},
      closed: (code, reason) => resolve(reason ?? `closed with ${code}`),
    });
  });
  if (failure !== undefined) return `no WebSocket at ${options.url}: ${described(failure)}`;
  if (options.http === undefined) return undefined;
  const http = new HttpCaller(options.http, options);
  try {
    const { status } = await http.call('GET', '/healthz', undefined, {});
    return status === 200 ? undefined : `no sidecar at ${options.http}: /healthz answers ${status}`;
  } catch (error) {
    return `no sidecar at ${options.http}: ${described((error as Error).message)}`;
  } finally {
    http.close();
  }
}

function described(failure: string): string {
  const hint = HINTS[failure.replace(/^http_/, 'connect_')];
  return hint ? `${hint} (${failure})` : failure;
}
