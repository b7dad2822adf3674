/**
 * One connection of the uWS transport, made to weigh little: five fields, prototype methods, no closures.
 *
 * A native socket throws when used after its close, so this one lets go of it first.
 */
import type { WebSocket } from 'uWebSockets.js';
import { bytesOf, closeReason, fits, nextConnectionNumber } from './handshake.ts';
import type { Traffic, TransportOptions, TransportSocket } from './transport.ts';

/** uWS copies the user data's properties onto the native object, so it is one property and no more. */
export type Native = WebSocket<unknown> & { readonly peer: UwsSocket };

/** What a socket needs of the transport that accepted it. */
export interface UwsHost {
  readonly options: TransportOptions;
  readonly traffic: Traffic;
  startClose(socket: UwsSocket, reason: string): void;
  cut(socket: UwsSocket): void;
}

/** What the native `send` answers when it did not queue the frame. */
const DROPPED = 2;
export const CUT = 1006;

export class UwsSocket implements TransportSocket {
  readonly id = nextConnectionNumber();
  readonly remoteAddress: string;
  /** Not 0 once the end is decided; from then on nothing is delivered and nothing sent. */
  closeCode = 0;
  /** Undefined once uWS has let go of the connection. */
  native: Native | undefined;
  readonly #transport: UwsHost;

  constructor(transport: UwsHost, remoteAddress: string) {
    this.#transport = transport;
    this.remoteAddress = remoteAddress;
    this.native = undefined;
  }

  get bufferedBytes(): number {
    return this.native?.getBufferedAmount() ?? 0;
  }

  send(text: string): boolean {
    const { native } = this;
    if (native === undefined || this.closeCode !== 0) return false;
    if (!fits(text, native.getBufferedAmount(), this.#transport.options.maxBufferedBytes)) return false;
    // As bytes: of a string, uWS would send half a surrogate pair as it is, and the peer would close 1007.
    const bytes = bytesOf(text);
    if (native.send(bytes) === DROPPED) return false;
    const { traffic } = this.#transport;
    traffic.messagesSent += 1;
    traffic.bytesSent += bytes.length;
    return true;
  }

  ping(): void {
    if (this.closeCode === 0) this.native?.ping();
  }

  close(code: number, reason: string): void {
    if (this.native === undefined || this.closeCode !== 0) return;
    this.closeCode = code;
    this.#transport.startClose(this, closeReason(reason));
  }

  terminate(): void {
    this.closeCode = CUT;
    this.#transport.cut(this);
  }
}
