/** What the transport contract is run with: a transport that remembers what happened, and both kinds of client. */
import { afterEach, expect } from '@jest/globals';
import { WebSocket } from 'ws';
import type {
  CreateTransport,
  Transport,
  TransportHandlers,
  TransportOptions,
  TransportSocket,
  UpgradeRequest,
} from '../../../gateway/transport/transport.ts';
import { RawWebSocket, until, upgradeHead } from '../../support/raw-websocket.ts';

/** Close codes of one fault, as the peer sees it and as `handlers.close` says it. */
export interface FaultCodes {
  readonly peer: number;
  readonly handler: number;
}

export interface TransportTraits {
  /** A time in which the transport can cut a peer that answers no close frame. */
  readonly closeTimeoutMs: number;
  readonly invalidUtf8: FaultCodes;
  readonly protocolError: FaultCodes;
  /** A message of many times the limit; a little over it is 1009 everywhere. */
  readonly farTooBig: FaultCodes;
  /** Too many frames of one message. */
  readonly fragmentFlood: FaultCodes;
  /** Whether frames are read that a client sends in the segment of its upgrade, before that was answered. */
  readonly readsEarlyFrames: boolean;
  /** Whether a client frame without a mask is a protocol error, or only garbled. */
  readonly noticesMissingMask: boolean;
}

/** What the handlers were told, in order. */
interface Seen {
  readonly requests: UpgradeRequest[];
  readonly refused: number[];
  readonly opened: TransportSocket[];
  readonly messages: Array<string | undefined>;
  readonly pings: TransportSocket[];
  readonly pongs: TransportSocket[];
  readonly closes: Array<{ socket: TransportSocket; code: number }>;
}

export interface TransportRig extends Seen {
  readonly transport: Transport;
  readonly port: number;
  /** The socket that opened first. */
  readonly socket: TransportSocket;
}

export const LIMIT = 16_384;
export const BUFFER = 262_144;

/** @param cleanUp when what was started is ended: of slow tests, which outlive the others, at the end of the file. */
export function transportRig(
  create: CreateTransport,
  traits: Pick<TransportTraits, 'closeTimeoutMs'>,
  cleanUp: typeof afterEach = afterEach,
) {
  const transports: Transport[] = [];
  const clients: Array<{ destroy(): void }> = [];

  cleanUp(async () => {
    for (const client of clients.splice(0)) client.destroy();
    for (const transport of transports.splice(0)) await transport.close();
  });

  async function start(
    changes: Partial<TransportOptions> = {},
    handlers: Partial<TransportHandlers> = {},
    port = 0,
  ): Promise<TransportRig> {
    const seen: Seen = { requests: [], refused: [], opened: [], messages: [], pings: [], pongs: [], closes: [] };
    const transport = create(
      {
        path: '/ws',
        subprotocol: 'presence.v1.json',
        maxMessageBytes: LIMIT,
        maxBufferedBytes: BUFFER,
        maxSockets: 100,
        closeTimeoutMs: traits.closeTimeoutMs,
        ...changes,
      },
      {
        upgrade(request) {
          seen.requests.push(request);
          return handlers.upgrade?.(request) ?? 'accept';
        },
        refused(status) {
          seen.refused.push(status);
        },
        open(socket, request) {
          seen.opened.push(socket);
          handlers.open?.(socket, request);
        },
        message(socket, text) {
          seen.messages.push(text);
          handlers.message?.(socket, text);
        },
        ping(socket) {
          seen.pings.push(socket);
          handlers.ping?.(socket);
        },
        pong(socket) {
          seen.pongs.push(socket);
          handlers.pong?.(socket);
        },
        close(socket, code) {
          seen.closes.push({ socket, code });
          handlers.close?.(socket, code);
        },
      },
    );
    transports.push(transport);
    const bound = await transport.listen('127.0.0.1', port);
    return {
      ...seen,
      transport,
      port: bound,
      get socket() {
        return seen.opened[0]!;
      },
    };
  }

  async function raw(port: number, head = upgradeHead('/ws')): Promise<RawWebSocket> {
    const client = await RawWebSocket.open(port, head);
    clients.push(client);
    return client;
  }

  /** A well-behaved client and what it saw. */
  async function peer(port: number, protocols: string[] = []) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, protocols);
    const seen = { socket, texts: [] as string[], close: undefined as { code: number; reason: string } | undefined };
    socket.on('message', (data) => seen.texts.push(String(data)));
    socket.on('close', (code, reason) => {
      seen.close = { code, reason: reason.toString() };
    });
    socket.on('error', () => socket.terminate());
    clients.push({ destroy: () => socket.terminate() });
    await until(() => socket.readyState !== WebSocket.CONNECTING, 'the upgrade');
    return seen;
  }

  async function bothSee(rig: TransportRig, client: RawWebSocket, codes: FaultCodes): Promise<void> {
    await until(() => client.closeCode !== undefined, 'the peer sees the end');
    client.destroy();
    await until(() => rig.closes.length > 0, 'handlers.close');
    expect({ peer: client.closeCode, handler: rig.closes[0]?.code }).toEqual(codes);
    expect(rig.closes).toHaveLength(1);
  }

  /** Sends until the transport refuses. */
  async function fill(socket: TransportSocket, text: string): Promise<number> {
    let accepted = 0;
    while (socket.send(text)) {
      accepted += 1;
      if (accepted % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    return accepted;
  }

  return { start, raw, peer, bothSee, fill };
}
