/** Serves the dispatch over uWebSockets.js. Limitations of its HTTP are listed in tests/contract/http/wire-cases.ts. */
import { randomUUID } from 'node:crypto';
import {
  type HttpRequest,
  type HttpResponse,
  listenOn,
  type TemplatedApp,
  type Uws,
  type us_listen_socket,
} from '../../transport/uws-module.ts';
import type { Dispatch } from '../exchange.ts';
import { respondWithProblem } from '../problem.ts';
import { BodyMemory } from './body-memory.ts';
import {
  CLOSE_BOUND_MS,
  cannotListen,
  FIRST_REQUEST_MS,
  type HttpServer,
  type HttpServerOptions,
  KEEP_ALIVE_MS,
} from './http-server.ts';
import { type ConnectionOwner, UwsConnection } from './uws-connection.ts';
import { UwsRequest } from './uws-request.ts';

const TICK_MS = 1_000;
/** Less than the 8 s after which uWS may close an idle connection. One renewal costs 10 µs. */
const RENEW_TICKS = 6;
/**
 * uWS keeps what a client does not read, and does not say how much that is. So a connection that was answered more than
 * this is closed, and its client opens another: what one that reads nothing can pin is bounded.
 */
const MAX_ANSWERED_BYTES = 1_048_576;
/** What a connection's buffers in the kernel are sure to take. */
const KERNEL_BYTES = 65_536;
/** Of an answer besides its body. */
const HEAD_BYTES = 300;

/** Not readable: only for comparing. */
const addressOf = (res: HttpResponse): string => Buffer.from(res.getRemoteAddress()).toString('latin1');

class UwsServer implements HttpServer, ConnectionOwner {
  readonly #uws: Uws;
  readonly #dispatch: Dispatch;
  readonly #memory: BodyMemory;
  readonly #maxConnections: number;
  readonly #sharesPort: boolean;
  readonly #app: TemplatedApp;
  #listenSocket: us_listen_socket | undefined;
  #ticking: NodeJS.Timeout | undefined;
  #tick = 0;
  #isClosing = false;
  /** Connections so far, also those that are not in `#idle`. */
  #opened = 0;
  #ended = 0;
  #allEnded: (() => void) | undefined;
  readonly #idle = new Set<UwsConnection>();
  /** Addresses with an idle connection that may be closed already, see `#handleChunked`. */
  readonly #ambiguousAddresses = new Set<string>();
  /** Connections whose data handler must be set again before the next request. */
  readonly #withoutDataHandler: UwsConnection[] = [];
  #latestRequest: UwsRequest | undefined;

  constructor(uws: Uws, dispatch: Dispatch, options: HttpServerOptions) {
    this.#uws = uws;
    this.#memory = options.memory ?? new BodyMemory();
    this.#maxConnections = options.maxConnections ?? Number.POSITIVE_INFINITY;
    this.#sharesPort = options.sharesPort ?? false;
    this.#dispatch = dispatch;
    this.#app = uws
      .App()
      .filter((handle, change) => this.#countConnection(handle, Number(change)))
      .any('/*', (res, req) => this.#handle(res, req));
  }

  async listen(host: string, port: number): Promise<number> {
    const socket = await listenOn(this.#app, host, port, this.#sharesPort);
    if (socket === undefined) throw cannotListen(host, port);
    this.#listenSocket = socket;
    this.#ticking = setInterval(() => this.#renewIdle(), TICK_MS);
    return this.#uws.us_socket_local_port(socket);
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#listenSocket !== undefined) this.#uws.us_listen_socket_close(this.#listenSocket);
    this.#listenSocket = undefined;
    clearInterval(this.#ticking);
    this.#forgetAmbiguous();
    const cut = (isUnused: boolean): void => {
      for (const connection of this.#idle) if ((connection.idleSince === undefined) === isUnused) connection.cut();
    };
    cut(false);
    const cutUnused = setTimeout(() => cut(true), FIRST_REQUEST_MS);
    if (this.#ended < this.#opened) {
      let bound: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#allEnded = resolve;
        bound = setTimeout(resolve, CLOSE_BOUND_MS);
      });
      clearTimeout(bound);
    }
    clearTimeout(cutUnused);
    this.#app.close();
  }

  takeLatestRequest(): UwsRequest | undefined {
    const request = this.#latestRequest;
    this.#latestRequest = undefined;
    return request;
  }

  bodyEnded(connection: UwsConnection): void {
    this.#withoutDataHandler.push(connection);
  }

  progressed(connection: UwsConnection): void {
    const request = connection.unanswered;
    if (request === undefined) {
      if (connection.isIdle) this.#becomeIdle(connection);
      return;
    }
    this.#idle.delete(connection);
    const closes = request.closes(this.#isClosing || connection.answeredBytes > MAX_ANSWERED_BYTES);
    // Closed while bytes still arrive, the client would get a reset instead of its response.
    if (request.response === undefined || (closes && connection.incoming !== undefined)) return;
    // In a later turn of the event loop: closed while uWS reads, it would use freed memory; and requests that follow the
    // last one must not be handled.
    if (closes) setImmediate(() => this.#respond(connection, request, true));
    else this.#respond(connection, request, false);
  }

  closed(connection: UwsConnection): void {
    this.#idle.delete(connection);
  }

  #handle(res: HttpResponse, req: HttpRequest): void {
    for (const connection of this.#withoutDataHandler) connection.setDataHandler();
    this.#withoutDataHandler.length = 0;
    // Its connection is unknown: uWS refused its body and closed it.
    this.takeLatestRequest()?.abort();
    const request = new UwsRequest(res, req, this.#memory);
    if (request.isChunked) this.#handleChunked(res, request);
    else this.#latestRequest = request;
    if (request.fault !== undefined) {
      request.response = respondWithProblem(request.fault, randomUUID());
      return;
    }
    void this.#dispatch(request).then((response) => {
      request.response = response;
      request.flush?.();
    });
  }

  /**
   * A chunked body may begin later than its request, so that the connection of the request is not known. The request
   * gets handlers of its own, and its connection is closed after the response. That connection is one of the idle ones
   * with the same address: none of them may be used until its next request. uWS closes those that send none.
   */
  #handleChunked(res: HttpResponse, request: UwsRequest): void {
    this.#ambiguousAddresses.add(addressOf(res));
    let isComplete = false;
    request.flush = () => {
      const { response } = request;
      if (!isComplete || response === undefined) return;
      request.response = undefined;
      setImmediate(() => request.write(response, true));
    };
    res.onAborted(() => request.abort());
    res.onData((chunk, isLast) => {
      isComplete = isLast;
      if (request.receive(chunk, isLast)) request.flush?.();
      else setImmediate(() => request.cut());
    });
  }

  #respond(connection: UwsConnection, request: UwsRequest, closes: boolean): void {
    const { response } = request;
    if (response === undefined || request.isGone) return;
    request.response = undefined;
    connection.unanswered = undefined;
    // In characters: of most answers that is the same.
    connection.isEnding = closes;
    connection.mayBeUnread = response.body.length > KERNEL_BYTES;
    connection.answeredBytes += HEAD_BYTES + response.body.length;
    const ended = this.#ended;
    request.write(response, closes, () => {
      if (this.#ended === ended) connection.setCloseHandler();
      else connection.forget();
    });
    if (!closes && connection.isIdle) this.#becomeIdle(connection);
  }

  #becomeIdle(connection: UwsConnection): void {
    if (this.#isClosing) {
      connection.cutLater();
      return;
    }
    connection.idleSince = this.#tick;
    connection.renewedAt = this.#tick;
    this.#idle.add(connection);
  }

  #countConnection(handle: HttpResponse, change: number): void {
    if (change > 0) {
      this.#opened += 1;
      const connection = new UwsConnection(handle, addressOf(handle), this);
      this.#idle.add(connection);
      if (this.#opened - this.#ended > this.#maxConnections) connection.cutLater();
    } else {
      this.#ended += 1;
      if (this.#ended === this.#opened) this.#allEnded?.();
    }
  }

  #forgetAmbiguous(): void {
    if (this.#ambiguousAddresses.size === 0) return;
    for (const connection of this.#idle) {
      if (this.#ambiguousAddresses.has(connection.address)) this.#idle.delete(connection);
    }
    this.#ambiguousAddresses.clear();
  }

  #renewIdle(): void {
    this.#tick += 1;
    this.#forgetAmbiguous();
    for (const connection of this.#idle) {
      if (connection.idleSince === undefined) continue;
      if ((this.#tick - connection.idleSince) * TICK_MS > KEEP_ALIVE_MS) {
        connection.cut();
      } else if (!connection.mayBeUnread && this.#tick - connection.renewedAt >= RENEW_TICKS) {
        connection.renewedAt = this.#tick;
        connection.renew();
      }
    }
  }
}

export function createUwsServer(uws: Uws, dispatch: Dispatch, options: HttpServerOptions = {}): HttpServer {
  const server = new UwsServer(uws, dispatch, options);
  return { listen: (host, port) => server.listen(host, port), close: () => server.close() };
}
