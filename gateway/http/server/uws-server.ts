/** The dispatch over uWebSockets.js. What its HTTP cannot do is listed in tests/contract/http/wire-cases.ts. */
import { randomUUID } from 'node:crypto';
import {
  type HttpRequest,
  type HttpResponse,
  listenOn,
  type TemplatedApp,
  type Uws,
  type us_listen_socket,
} from '../../transport/uws-module.ts';
import { answerProblem, type Dispatch } from '../dispatch.ts';
import { CLOSE_BOUND_MS, cannotListen, type HttpServer, KEEP_ALIVE_MS } from './http-server.ts';
import { type ConnectionOwner, UwsConnection } from './uws-connection.ts';
import { UwsRequest } from './uws-request.ts';

const TICK_MS = 1_000;
/** Before the 8 s after which uWS may end a connection, and once between two beats: a renewal costs 10 µs. */
const RENEW_TICKS = 6;

/** Only to be compared. */
const addressOf = (res: HttpResponse): string => Buffer.from(res.getRemoteAddress()).toString('latin1');

class UwsServer implements HttpServer, ConnectionOwner {
  readonly #uws: Uws;
  readonly #dispatch: Dispatch;
  readonly #app: TemplatedApp;
  #listenSocket: us_listen_socket | undefined;
  #ticking: NodeJS.Timeout | undefined;
  #tick = 0;
  #isClosing = false;
  /** Connections, whether they are held here or not. */
  #opened = 0;
  #ended = 0;
  #allEnded: (() => void) | undefined;
  readonly #idle = new Set<UwsConnection>();
  /** Addresses of which some idle connection may not be what it seems, see `handleAlone`. */
  readonly #doubtful = new Set<string>();
  /** Whose data handler has to be set before the next request. */
  readonly #deaf: UwsConnection[] = [];
  #arrived: UwsRequest | undefined;

  constructor(uws: Uws, dispatch: Dispatch) {
    this.#uws = uws;
    this.#dispatch = dispatch;
    this.#app = uws
      .App()
      .filter((handle, change) => this.#counted(handle, Number(change)))
      .any('/*', (res, req) => this.#handle(res, req));
  }

  async listen(host: string, port: number): Promise<number> {
    const socket = await listenOn(this.#app, host, port);
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
    this.#leaveDoubtful();
    for (const connection of this.#idle) connection.cut();
    if (this.#ended < this.#opened) {
      let bound: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.#allEnded = resolve;
        bound = setTimeout(resolve, CLOSE_BOUND_MS);
      });
      clearTimeout(bound);
    }
    this.#app.close();
  }

  takeArrived(): UwsRequest | undefined {
    const request = this.#arrived;
    this.#arrived = undefined;
    return request;
  }

  received(connection: UwsConnection): void {
    this.#deaf.push(connection);
  }

  advanced(connection: UwsConnection): void {
    const request = connection.unanswered;
    if (request === undefined) {
      if (connection.isIdle) this.#rest(connection);
      return;
    }
    this.#idle.delete(connection);
    const closes = request.closes(this.#isClosing);
    // Closed while bytes still arrive, the client would see a reset in place of its answer.
    if (request.answer === undefined || (closes && connection.incoming !== undefined)) return;
    // In a later turn: closed while it reads, uWS uses memory it has freed; and what follows the last request is not
    // to be handled.
    if (closes) setImmediate(() => this.#answer(connection, request, true));
    else this.#answer(connection, request, false);
  }

  closed(connection: UwsConnection): void {
    this.#idle.delete(connection);
  }

  #handle(res: HttpResponse, req: HttpRequest): void {
    for (const connection of this.#deaf) connection.listen();
    this.#deaf.length = 0;
    // uWS refused its body, and closed.
    this.takeArrived()?.abort();
    const request = new UwsRequest(res, req);
    if (request.isChunked) this.#handleAlone(res, request);
    else this.#arrived = request;
    if (request.fault !== undefined) {
      request.answer = answerProblem(request.fault, randomUUID());
      return;
    }
    void this.#dispatch(request).then((answer) => {
      request.answer = answer;
      request.flush?.();
    });
  }

  /**
   * A body in chunks may begin later than its request, so that nothing says by which connection it came. It gets
   * handlers of its own, and its connection, which is thereby lost to us, ends with it. As that is one of the idle
   * ones, none of these with its address may be touched before its next request; uWS ends those that have none.
   */
  #handleAlone(res: HttpResponse, request: UwsRequest): void {
    this.#doubtful.add(addressOf(res));
    let isComplete = false;
    request.flush = () => {
      const { answer } = request;
      if (!isComplete || answer === undefined) return;
      request.answer = undefined;
      setImmediate(() => request.write(answer, true));
    };
    res.onAborted(() => request.abort());
    res.onData((chunk, isLast) => {
      isComplete = isLast;
      if (request.receive(chunk, isLast)) request.flush?.();
      else setImmediate(() => request.cut());
    });
  }

  #answer(connection: UwsConnection, request: UwsRequest, closes: boolean): void {
    const { answer } = request;
    if (answer === undefined || request.isGone) return;
    request.answer = undefined;
    connection.unanswered = undefined;
    const ended = this.#ended;
    request.write(answer, closes, () => {
      if (this.#ended === ended) connection.keep();
      else connection.forget();
    });
    if (!closes && connection.isIdle) this.#rest(connection);
  }

  #rest(connection: UwsConnection): void {
    if (this.#isClosing) {
      connection.cutLater();
      return;
    }
    connection.idleSince = this.#tick;
    connection.renewedAt = this.#tick;
    this.#idle.add(connection);
  }

  #counted(handle: HttpResponse, change: number): void {
    if (change > 0) {
      this.#opened += 1;
      this.#idle.add(new UwsConnection(handle, addressOf(handle), this));
    } else {
      this.#ended += 1;
      if (this.#ended === this.#opened) this.#allEnded?.();
    }
  }

  #leaveDoubtful(): void {
    if (this.#doubtful.size === 0) return;
    for (const connection of this.#idle) {
      if (this.#doubtful.has(connection.address)) this.#idle.delete(connection);
    }
    this.#doubtful.clear();
  }

  #renewIdle(): void {
    this.#tick += 1;
    this.#leaveDoubtful();
    for (const connection of this.#idle) {
      if (connection.idleSince === undefined) continue;
      if ((this.#tick - connection.idleSince) * TICK_MS > KEEP_ALIVE_MS) {
        connection.cut();
      } else if (this.#tick - connection.renewedAt >= RENEW_TICKS) {
        connection.renewedAt = this.#tick;
        connection.renew();
      }
    }
  }
}

export function createUwsServer(uws: Uws, dispatch: Dispatch): HttpServer {
  const server = new UwsServer(uws, dispatch);
  return { listen: (host, port) => server.listen(host, port), close: () => server.close() };
}
