/**
 * One connection of a client to uWebSockets.js, from its opening to its end.
 *
 * uWS ends a connection that was idle for 8 to 12 s and has no setting for it, while players beat every 10 s. What it
 * does have is `pause` and `resume`, which start that time anew. They need a handle, and a request's dies with its
 * answer. The one that `App.filter` gives at the opening lives on, but using it after the close would touch freed
 * memory, so:
 * - uWS empties the handle at the close if, and only if, the abort handler in force then was set through it. An answer
 *   removes that handler: `keep` sets it again in the same turn, before uWS closes anything.
 * - uWS does not tell which connection a request came by. It does call the connection's data handler right after each
 *   request, with its body or with nothing. That handler is set through the handle too, and a request is known to
 *   belong here when it is called. A request for which it is never called is never touched again.
 */
import type { HttpResponse } from '../../transport/uws-module.ts';
import type { UwsRequest } from './uws-request.ts';

/** What a connection asks and tells its server. */
export interface ConnectionOwner {
  /** The request that was handled last, when it has no connection yet. */
  takeArrived(): UwsRequest | undefined;
  /** A body has ended: uWS has forgotten the data handler. */
  received(connection: UwsConnection): void;
  /** A request or its body has come further, or its answer is there: there may be something to write. */
  advanced(connection: UwsConnection): void;
  closed(connection: UwsConnection): void;
}

export class UwsConnection {
  readonly address: string;
  /** Not answered yet. */
  unanswered: UwsRequest | undefined;
  /** Its body is still arriving, though it may be answered already. */
  incoming: UwsRequest | undefined;
  /** When it was last answered, in ticks of its owner; undefined before the first answer. */
  idleSince: number | undefined;
  /** When its idle time was last started anew, in ticks. */
  renewedAt = 0;
  /** Undefined once the connection has closed. */
  #handle: HttpResponse | undefined;
  readonly #owner: ConnectionOwner;
  readonly #onData = (chunk: ArrayBuffer, isLast: boolean): void => this.#received(chunk, isLast);
  readonly #onClose = (): void => this.#closed();
  readonly #flush = (): void => this.#owner.advanced(this);

  constructor(handle: HttpResponse, address: string, owner: ConnectionOwner) {
    this.#handle = handle;
    this.address = address;
    this.#owner = owner;
    this.keep();
    this.listen();
  }

  get isIdle(): boolean {
    return this.unanswered === undefined && this.incoming === undefined;
  }

  /** For the turn in which an answer has removed the handlers. */
  keep(): void {
    this.#handle?.onAborted(this.#onClose);
  }

  /** For the time between the end of a body and the next request. */
  listen(): void {
    this.#handle?.onData(this.#onData);
  }

  /** Starts the time anew after which uWS ends it as idle. */
  renew(): void {
    // Without the pause before, uWS would not read from it any more.
    this.#handle?.pause();
    this.#handle?.resume();
  }

  cut(): void {
    this.#handle?.close();
  }

  /** For what runs while uWS reads: it would use memory that its close has freed. */
  cutLater(): void {
    setImmediate(() => this.cut());
  }

  /** It has closed at a moment when uWS tells nobody. */
  forget(): void {
    this.#handle = undefined;
  }

  #received(chunk: ArrayBuffer, isLast: boolean): void {
    const request = this.incoming ?? this.#begin();
    this.incoming = isLast ? undefined : request;
    if (isLast) this.#owner.received(this);
    if (request?.receive(chunk, isLast)) this.#owner.advanced(this);
    else this.cutLater();
  }

  #begin(): UwsRequest | undefined {
    this.unanswered = this.#owner.takeArrived();
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
