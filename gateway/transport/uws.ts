/**
 * The fast transport: uWebSockets.js, an optional dependency that is loaded when asked for.
 *
 * What uWS does in its own way, and what follows from it:
 * - A native socket throws when used after its close, and its close handler runs inside `end` and `close`. So state
 *   lives in `UwsSocket`, which lets go of the native object first, and closes of ours are reported a turn later.
 * - `end` sends the close frame and forgets the socket: the peer's answer is never seen, and a silent peer is cut by
 *   uWS's own clock, within 4 s, whatever `closeTimeoutMs` is. It would be cut so too while frames are still queued, so
 *   `close` first waits for them to drain, for `closeTimeoutMs` at most.
 * - Broken frames and invalid UTF-8 are cut without a close frame: the peer sees 1006. `handlers.close` says 1007 where
 *   uWS names the fault, and 1006 where it does not. A frame without a mask is not noticed, only misread.
 * - An upgrade whose request line does not arrive in one segment is answered 505, and one whose headers arrive in
 *   several and exceed 4 KB (large cookies) 431, unless UWS_HTTP_MAX_HEADERS_SIZE says more when the addon loads.
 */
import type { us_socket_context_t } from 'uWebSockets.js';
import { SPARE_CONNECTIONS } from './connection-limit.ts';
import { decideUpgrade, noTraffic, offersSubprotocol, SWITCHING_PROTOCOLS } from './handshake.ts';
import type { CreateTransport, Transport, TransportHandlers, TransportOptions, UpgradeRequest } from './transport.ts';
import { factsOf, offerOf, refuse } from './uws-http.ts';
import {
  type HttpRequest,
  type HttpResponse,
  listenOn,
  type TemplatedApp,
  type Uws,
  type us_listen_socket,
} from './uws-module.ts';
import { CUT, type Native, type UwsHost, UwsSocket } from './uws-socket.ts';

/**
 * uWS cuts a message longer than its own limit without a close frame; up to it the message arrives here and is refused
 * with 1009. Four times ours: no honest client misses by more, and what one peer can pin (64 KB for a limit of 16 KB)
 * stays below what the kernel lends its connection anyway. Measured: beyond it the peer gets FIN or RST at the first
 * bytes of the frame, and `handlers.close` still says 1009.
 */
const RECEIVE_FACTOR = 4;
const TOO_BIG = 1009;
/** Why uWS cut a socket by itself, in its own words. */
const CLOSE_CODE_OF_FAULT: Readonly<Record<string, number>> = {
  'Received too big message': TOO_BIG,
  'Received invalid UTF-8': 1007,
};

class UwsTransport implements Transport, UwsHost {
  readonly name = 'uws';
  readonly options: TransportOptions;
  readonly handlers: TransportHandlers;
  sockets = 0;
  readonly traffic = noTraffic();
  readonly #uws: Uws;
  readonly #app: TemplatedApp;
  #listenSocket: us_listen_socket | undefined;
  /** Connections that are no sockets, or not yet. */
  #waiting = 0;
  /** Set while `res.upgrade` runs, which opens the socket before it returns. */
  #upgrading: UpgradeRequest | undefined;
  /** True while we call into `end` or `close`, which run the close handler before they return. */
  #closing = false;
  /** Sockets whose close frame waits for a drain. */
  readonly #draining = new Map<UwsSocket, { reason: string; timer: NodeJS.Timeout }>();

  constructor(uws: Uws, options: TransportOptions, handlers: TransportHandlers) {
    this.#uws = uws;
    this.options = options;
    this.handlers = handlers;
    this.#app = uws
      .App()
      .filter((handle, change) => this.#connected(handle, Number(change)))
      .ws<unknown>('/*', {
        idleTimeout: 0,
        sendPingsAutomatically: false,
        compression: uws.DISABLED,
        maxPayloadLength: options.maxMessageBytes * RECEIVE_FACTOR,
        // Our own check in `send` is stricter; this one bounds the pongs uWS sends by itself.
        maxBackpressure: options.maxBufferedBytes,
        upgrade: (res, req, context) => this.#upgrade(res, req, context),
        open: (native) => this.#opened(native as Native),
        message: (native, data, isBinary) => this.#message((native as Native).peer, data, isBinary),
        drain: (native) => this.#drained((native as Native).peer),
        ping: (native) => this.#ping((native as Native).peer),
        pong: (native) => this.#pong((native as Native).peer),
        close: (native, code, fault) => this.#closed((native as Native).peer, code, fault),
      })
      .any('/*', (res, req) => this.#upgrade(res, req, undefined));
  }

  get listening(): boolean {
    return this.#listenSocket !== undefined;
  }

  async listen(host: string, port: number): Promise<number> {
    const socket = await listenOn(this.#app, host, port, this.options.sharesPort);
    if (socket === undefined)
      throw new Error(`WebSocket port ${port} on ${host} is in use or not permitted: set WS_PORT to a free port`);
    this.#listenSocket = socket;
    return this.#uws.us_socket_local_port(socket);
  }

  stopListening(): void {
    if (this.#listenSocket !== undefined) this.#uws.us_listen_socket_close(this.#listenSocket);
    this.#listenSocket = undefined;
  }

  async close(): Promise<void> {
    this.stopListening();
    this.#closing = true;
    this.#app.close();
    this.#closing = false;
    // Queued behind the reports of the sockets just cut.
    await new Promise((resolve) => setImmediate(resolve));
  }

  startClose(socket: UwsSocket, reason: string): void {
    if (socket.bufferedBytes === 0) {
      this.#end(socket, reason);
      return;
    }
    const timer = setTimeout(() => this.cut(socket), this.options.closeTimeoutMs);
    this.#draining.set(socket, { reason, timer });
  }

  cut(socket: UwsSocket): void {
    this.#closing = true;
    socket.native?.close();
    this.#closing = false;
  }

  #end(socket: UwsSocket, reason: string): void {
    this.#closing = true;
    socket.native?.end(socket.closeCode, reason);
    this.#closing = false;
  }

  /** uWS tells of each connection that comes, and of each that ends without having become a socket. */
  #connected(handle: HttpResponse, change: number): void {
    this.#waiting += change;
    if (change < 0 || this.#waiting + this.sockets <= this.options.maxSockets + SPARE_CONNECTIONS) return;
    let isGone = false;
    handle.onAborted(() => {
      isGone = true;
    });
    // Not while uWS opens it; nothing of it is read before.
    setImmediate(() => {
      if (!isGone) handle.close();
    });
  }

  #upgrade(res: HttpResponse, req: HttpRequest, context: us_socket_context_t | undefined): void {
    const request = factsOf(res, req);
    const offer = offerOf(req);
    const status = decideUpgrade(offer, request, this);
    if (status !== SWITCHING_PROTOCOLS || context === undefined) {
      refuse(res, status);
      return;
    }
    const { subprotocol } = this.options;
    const answered = offersSubprotocol(req.getHeader('sec-websocket-protocol'), subprotocol) ? subprotocol : '';
    this.#upgrading = request;
    res.upgrade({ peer: new UwsSocket(this, request.remoteAddress) }, offer.key, answered, '', context);
    this.#upgrading = undefined;
  }

  #opened(native: Native): void {
    const request = this.#upgrading;
    if (request === undefined) return;
    native.peer.native = native;
    this.#waiting -= 1;
    this.sockets += 1;
    this.handlers.open(native.peer, request);
  }

  #message(socket: UwsSocket, data: ArrayBuffer, isBinary: boolean): void {
    if (socket.closeCode !== 0) return;
    if (data.byteLength > this.options.maxMessageBytes) socket.close(TOO_BIG, 'message too big');
    else this.#received(socket, data, isBinary);
  }

  #received(socket: UwsSocket, data: ArrayBuffer, isBinary: boolean): void {
    this.traffic.messagesReceived += 1;
    this.traffic.bytesReceived += data.byteLength;
    this.handlers.message(socket, isBinary ? undefined : Buffer.from(data).toString());
  }

  #ping(socket: UwsSocket): void {
    if (socket.closeCode === 0) this.handlers.ping(socket);
  }

  #pong(socket: UwsSocket): void {
    if (socket.closeCode === 0) this.handlers.pong(socket);
  }

  #drained(socket: UwsSocket): void {
    const waiting = this.#draining.get(socket);
    if (waiting !== undefined && socket.bufferedBytes === 0) this.#end(socket, waiting.reason);
  }

  #closed(socket: UwsSocket, code: number, fault: ArrayBuffer): void {
    socket.native = undefined;
    clearTimeout(this.#draining.get(socket)?.timer);
    this.#draining.delete(socket);
    if (socket.closeCode === 0) {
      socket.closeCode = code === CUT ? (CLOSE_CODE_OF_FAULT[Buffer.from(fault).toString()] ?? CUT) : code;
    }
    if (this.#closing) setImmediate(() => this.#report(socket));
    else this.#report(socket);
  }

  #report(socket: UwsSocket): void {
    this.sockets -= 1;
    this.handlers.close(socket, socket.closeCode);
  }
}

export function uwsTransport(uws: Uws): CreateTransport {
  return (options, handlers) => new UwsTransport(uws, options, handlers);
}
