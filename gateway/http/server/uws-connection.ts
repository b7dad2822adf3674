/**
 * One connection of a client to uWebSockets.js, from open to close.
 *
 * uWS closes a connection that was idle for 8 to 12 s, and has no setting for it, while players send a heartbeat every
 * 10 s. Its `pause` and `resume` restart that time. They need a handle, and the handle of a request is invalid after
 * its response. The handle that `App.filter` gives at the open stays valid, but using it after the close would touch
 * freed memory, so:
 * - uWS clears the handle at the close only if the current abort handler was set through it. A response removes that
 *   handler: `setCloseHandler` sets it again in the same turn, before uWS closes anything.
 * - uWS does not say which connection a request belongs to. But it calls the data handler of the connection right after
 *   each request, with its body or with nothing. That handler is set through the handle too: when it is called, the
 *   latest request belongs to this connection. A request without such a call is never used again.
 */
import type { HttpResponse } from '../../transport/uws-module.ts';
import type { UwsRequest } from './uws-request.ts';

/** What a connection needs of its server. */
export interface ConnectionOwner {
  /** The latest request, if its connection is not known yet. */
  takeLatestRequest(): UwsRequest | undefined;
  /** A body has ended: uWS has removed the data handler. */
  bodyEnded(connection: UwsConnection): void;
  /** More of a request, or its response, is there: perhaps a response can be written. */
  progressed(connection: UwsConnection): void;
  closed(connection: UwsConnection): void;
}

export class UwsConnection {
  readonly address: string;
  /** The request that has no response yet. */
  unanswered: UwsRequest | undefined;
  /** The request whose body is still arriving. It may have a response already. */
  incoming: UwsRequest | undefined;
  /** Tick of its last response; undefined before the first one. */
  idleSince: number | undefined;
  /** Tick at which its idle time was last restarted. */
  renewedAt = 0;
  /** What it was sent, whether its client has read that or not. */
  answeredBytes = 0;
  /** Its last answer is longer than what the kernel is sure to take: perhaps its client reads nothing. */
  mayBeUnread = false;
  /** Its last answer is written. uWS closes it once that is sent, and takes requests until then. */
  isEnding = false;
  /** Undefined once the connection has closed. */
  #handle: HttpResponse | undefined;
  readonly #owner: ConnectionOwner;
  readonly #onData = (chunk: ArrayBuffer, isLast: boolean): void => this.#received(chunk, isLast);
  readonly #onClose = (): void => this.#closed();
  readonly #flush = (): void => this.#owner.progressed(this);

  constructor(handle: HttpResponse, address: string, owner: ConnectionOwner) {
    this.#handle = handle;
    this.address = address;
    this.#owner = owner;
    this.setCloseHandler();
    this.setDataHandler();
  }

  get isIdle(): boolean {
    return this.unanswered === undefined && this.incoming === undefined;
  }

  /** Call it in the turn in which a response has removed the handlers. */
  setCloseHandler(): void {
    this.#handle?.onAborted(this.#onClose);
  }

  /** Call it between the end of a body and the next request. */
  setDataHandler(): void {
    this.#handle?.onData(this.#onData);
  }

  /** Restarts the time after which uWS closes it as idle. */
  renew(): void {
    // Without the pause first, uWS would stop reading from it.
    this.#handle?.pause();
    this.#handle?.resume();
  }

  cut(): void {
    this.#handle?.close();
  }

  /** While uWS reads, a close would make it use freed memory: this closes in a later turn. */
  cutLater(): void {
    setImmediate(() => this.cut());
  }

  /** It was closed at a moment when uWS calls no handler. */
  forget(): void {
    this.#handle = undefined;
  }

  #received(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.isEnding && this.incoming === undefined) {
      this.#owner.takeLatestRequest()?.abort();
      this.cutLater();
      return;
    }
    const request = this.incoming ?? this.#begin();
    this.incoming = isLast ? undefined : request;
    if (isLast) this.#owner.bodyEnded(this);
    if (request?.receive(chunk, isLast)) this.#owner.progressed(this);
    else this.cutLater();
  }

  #begin(): UwsRequest | undefined {
    this.unanswered = this.#owner.takeLatestRequest();
    if (this.unanswered !== undefined) this.unanswered.flush = this.#flush;
    return this.unanswered;
  }

  #closed(): void {
    this.#handle = undefined;
    this.incoming?.abort();
    this.unanswered?.abort();
    this.#owner.closed(this);
  }
}
