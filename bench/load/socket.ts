/** One WebSocket to the gateway: JSON frames, and one word for whatever keeps it from opening. */
import { WebSocket } from 'ws';
import { SUBPROTOCOL } from '../../gateway/protocol/messages.ts';
import type { LoadOptions } from './options.ts';

/** A frame of the server, of which only `type` is sure. */
export type Frame = Readonly<Record<string, unknown>> & { readonly type: string };

export interface SocketEvents {
  opened(): void;
  received(frame: Frame): void;
  /** Once, also when it never opened: then `failure` says why, such as `connect_ECONNREFUSED` or `upgrade_503`. */
  closed(code: number, failure: string | undefined): void;
}

export interface GatewaySocket {
  send(message: object): void;
  close(code: number): void;
  /** As when the network is lost: no close frame. Nothing is told afterwards. */
  drop(): void;
}

type SocketOptions = Pick<LoadOptions, 'url' | 'isInsecure' | 'timeoutMs'>;

export function openSocket(
  options: SocketOptions,
  localAddress: string | undefined,
  events: SocketEvents,
): GatewaySocket {
  let failure: string | undefined;
  let isDropped = false;
  const socket = new WebSocket(options.url, SUBPROTOCOL, {
    perMessageDeflate: false,
    skipUTF8Validation: true,
    handshakeTimeout: options.timeoutMs,
    rejectUnauthorized: !options.isInsecure,
    ...(localAddress === undefined ? {} : { localAddress }),
  });
  socket.on('open', () => {
    if (!isDropped) events.opened();
  });
  socket.on('message', (data) => {
    if (!isDropped) events.received(JSON.parse(data.toString()) as Frame);
  });
  socket.on('error', (error) => {
    failure ??= failureOf(error);
  });
  socket.on('close', (code) => {
    if (!isDropped) events.closed(code, failure);
  });
  return {
    send: (message) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
    },
    close: (code) => {
      isDropped = true;
      socket.close(code);
    },
    drop: () => {
      isDropped = true;
      socket.terminate();
    },
  };
}

function failureOf(error: Error & { code?: string }): string {
  const status = /Unexpected server response: (\d+)/.exec(error.message)?.[1];
  if (status !== undefined) return `upgrade_${status}`;
  if (/timed out/.test(error.message)) return 'connect_timeout';
  return `connect_${error.code ?? 'failed'}`;
}
