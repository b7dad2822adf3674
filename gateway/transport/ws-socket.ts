/**
 * One connection of the `ws` transport.
 *
 * `ws` bounds what it reads and leaves what it writes to us: `send` watches `bufferedAmount`. Text is turned into bytes
 * before it is queued, because node counts a queued string by its length and not by its bytes.
 */
import { WebSocket } from 'ws';
import { bytesOf, closeReason, fits, nextConnectionNumber } from './handshake.ts';
import type { Traffic, TransportHandlers, TransportOptions, TransportSocket } from './transport.ts';

const CUT = 1006;
const PROTOCOL_ERROR = 1002;
/** Frames of a peer that was sent a close, before it is read no further. Honest ones have few on their way. */
const MAX_LATE_FRAMES = 128;
/** `ws` reports its own reason to close as an error and then says 1006; this is the code that it sent to the peer. */
const CLOSE_CODE_OF_ERROR: Readonly<Record<string, number>> = {
  WS_ERR_UNSUPPORTED_MESSAGE_LENGTH: 1009,
  WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH: 1009,
  WS_ERR_INVALID_UTF8: 1007,
  WS_ERR_TOO_MANY_BUFFERED_PARTS: 1008,
};

/** What a socket needs of the transport that accepted it. */
export interface WsHost {
  readonly options: TransportOptions;
  readonly handlers: TransportHandlers;
  readonly traffic: Traffic;
  forget(socket: WsSocket, code: number): void;
}

/** Carries our socket, so that the listeners below are shared by all connections. */
export class PeerWebSocket extends WebSocket {
  peer: WsSocket | undefined;
}

export class WsSocket implements TransportSocket {
  readonly id = nextConnectionNumber();
  readonly remoteAddress: string;
  /** Not 0 once the end is decided; from then on nothing is delivered and nothing sent. */
  closeCode = 0;
  readonly transport: WsHost;
  #lateFrames = 0;
  readonly #native: PeerWebSocket;

  constructor(transport: WsHost, native: PeerWebSocket, remoteAddress: string) {
    this.transport = transport;
    this.#native = native;
    this.remoteAddress = remoteAddress;
  }

  get bufferedBytes(): number {
    return this.#native.readyState === WebSocket.CLOSED ? 0 : this.#native.bufferedAmount;
  }

  send(text: string): boolean {
    if (!this.#isOpen() || !fits(text, this.#native.bufferedAmount, this.transport.options.maxBufferedBytes)) {
      return false;
    }
    const bytes = bytesOf(text);
    this.#native.send(bytes, { binary: false });
    const { traffic } = this.transport;
    traffic.messagesSent += 1;
    traffic.bytesSent += bytes.length;
    return true;
  }

  ping(): void {
    if (this.#isOpen() && fits('', this.#native.bufferedAmount, this.transport.options.maxBufferedBytes)) {
      this.#native.ping();
    }
  }

  close(code: number, reason: string): void {
    if (!this.#isOpen()) return;
    this.closeCode = code;
    this.#native.close(code, closeReason(reason));
  }

  terminate(): void {
    if (this.#native.readyState === WebSocket.CLOSED) return;
    this.closeCode = CUT;
    this.#native.terminate();
  }

  /**
   * @returns whether what was received is to be delivered. Nothing is once the end is decided; who then goes on sending
   * would be parsed at the cost of others until its time to answer the close is over.
   */
  delivers(): boolean {
    if (this.closeCode === 0) return true;
    this.#lateFrames += 1;
    if (this.#lateFrames === MAX_LATE_FRAMES) this.#native.pause();
    return false;
  }

  #isOpen(): boolean {
    return this.closeCode === 0 && this.#native.readyState === WebSocket.OPEN;
  }
}

function onMessage(this: WebSocket, data: Buffer, isBinary: boolean): void {
  const { peer } = this as PeerWebSocket;
  if (!peer?.delivers()) return;
  const { traffic, handlers } = peer.transport;
  traffic.messagesReceived += 1;
  traffic.bytesReceived += data.length;
  handlers.message(peer, isBinary ? undefined : data.toString());
}

function onPing(this: WebSocket): void {
  const { peer } = this as PeerWebSocket;
  if (peer?.delivers()) peer.transport.handlers.ping(peer);
}

function onPong(this: WebSocket): void {
  const { peer } = this as PeerWebSocket;
  if (peer?.delivers()) peer.transport.handlers.pong(peer);
}

function onError(this: WebSocket, error: NodeJS.ErrnoException): void {
  const { peer } = this as PeerWebSocket;
  if (peer?.closeCode === 0) peer.closeCode = CLOSE_CODE_OF_ERROR[error.code ?? ''] ?? PROTOCOL_ERROR;
}

function onClose(this: WebSocket, code: number): void {
  const { peer } = this as PeerWebSocket;
  peer?.transport.forget(peer, code);
}

/** Takes over an accepted connection. */
export function adopt(transport: WsHost, native: PeerWebSocket, remoteAddress: string): WsSocket {
  native.peer = new WsSocket(transport, native, remoteAddress);
  native.on('message', onMessage);
  native.on('ping', onPing);
  native.on('pong', onPong);
  native.on('error', onError);
  native.on('close', onClose);
  return native.peer;
}
