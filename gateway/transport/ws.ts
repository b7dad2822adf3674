/** The transport that runs anywhere: `ws` on node:http. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { limitConnections, SPARE_CONNECTIONS } from './connection-limit.ts';
import { decideUpgrade, noTraffic, refusalHeaders, SWITCHING_PROTOCOLS, statusText } from './handshake.ts';
import type { CreateTransport, Transport, TransportHandlers, TransportOptions, UpgradeRequest } from './transport.ts';
import { adopt, PeerWebSocket, type WsHost, type WsSocket } from './ws-socket.ts';

/** An upgrade must be complete within this time; it is one small packet of an ordinary client. */
const UPGRADE_TIMEOUT_MS = 5_000;
/** How often node looks for requests that overran it. */
const UPGRADE_CHECK_MS = 1_000;
/** No honest client cuts a 16 KB message finer; each fragment costs an object of its own. */
const MAX_FRAGMENTS = 128;
/** Pongs on their way to a client, 127 bytes at most each. More than a gateway allows at once: so it says why it ends. */
const MAX_PENDING_PONGS = 1_024;
/** TCP segments of one unfinished frame. Generous, so that a token arriving byte by byte still passes; ~0.5 MB. */
const MAX_BUFFERED_CHUNKS = 2_048;

class WsTransport implements Transport, WsHost {
  readonly name = 'ws';
  readonly options: TransportOptions;
  readonly handlers: TransportHandlers;
  readonly traffic = noTraffic();
  readonly #open = new Set<WsSocket>();
  #whenEmpty: (() => void) | undefined;
  readonly #http: Server;
  readonly #upgrader: WebSocketServer;

  constructor(options: TransportOptions, handlers: TransportHandlers) {
    this.options = options;
    this.handlers = handlers;
    this.#http = createServer(
      {
        headersTimeout: UPGRADE_TIMEOUT_MS,
        requestTimeout: UPGRADE_TIMEOUT_MS,
        keepAliveTimeout: UPGRADE_TIMEOUT_MS,
        connectionsCheckingInterval: UPGRADE_CHECK_MS,
      },
      (request, response) => this.#answer(request, response),
    );
    limitConnections(this.#http, options.maxSockets + SPARE_CONNECTIONS, options.sharesPort);
    this.#http.on('upgrade', (request, stream, head) => this.#upgrade(request, stream, head));
    this.#upgrader = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.maxMessageBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
      // Missing in the package's types, which a spread does not mind.
      ...{ closeTimeout: options.closeTimeoutMs, maxPendingAutoPongs: MAX_PENDING_PONGS },
      handleProtocols: (offered) => (offered.has(options.subprotocol) ? options.subprotocol : false),
      WebSocket: PeerWebSocket,
    });
  }

  get sockets(): number {
    return this.#open.size;
  }

  get listening(): boolean {
    return this.#http.listening;
  }

  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException) =>
        reject(
          new Error(
            `WebSocket port ${port} on ${host} is in use or not permitted (${error.code}): set WS_PORT to a free port`,
            { cause: error },
          ),
        );
      this.#http.once('error', failed);
      this.#http.listen({ host, port }, () => {
        this.#http.off('error', failed);
        resolve((this.#http.address() as AddressInfo).port);
      });
    });
  }

  stopListening(): void {
    this.#http.close();
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#http.close(() => resolve()));
    for (const socket of this.#open) socket.terminate();
    this.#http.closeAllConnections();
    await closed;
    // A socket reports its close some turns after node has let go of its stream.
    if (this.#open.size > 0) await this.#emptied();
  }

  forget(socket: WsSocket, code: number): void {
    this.#open.delete(socket);
    this.handlers.close(socket, socket.closeCode === 0 ? code : socket.closeCode);
    if (this.#open.size === 0) this.#whenEmpty?.();
  }

  #emptied(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  #upgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const facts = factsOf(request);
    const status = this.#decide(request, facts);
    if (status !== SWITCHING_PROTOCOLS) {
      refuse(stream, status);
      return;
    }
    this.#upgrader.handleUpgrade(request, stream, head, (native) => {
      const peer = adopt(this, native as PeerWebSocket, facts.remoteAddress);
      this.#open.add(peer);
      this.handlers.open(peer, facts);
    });
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const status = this.#decide(request, factsOf(request));
    response.writeHead(status, [...refusalHeaders(status), ['Connection', 'close']].flat());
    response.end(statusText(status));
  }

  #decide(request: IncomingMessage, facts: UpgradeRequest): number {
    const offer = {
      method: request.method ?? '',
      upgrade: request.headers.upgrade ?? '',
      key: request.headers['sec-websocket-key'] ?? '',
      version: request.headers['sec-websocket-version'] ?? '',
    };
    return decideUpgrade(offer, facts, this);
  }
}

function factsOf(request: IncomingMessage): UpgradeRequest {
  const forwardedFor = request.headers['x-forwarded-for'];
  return {
    path: (request.url ?? '').split('?', 1)[0] ?? '',
    remoteAddress: (request.socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, ''),
    host: request.headers.host,
    origin: request.headers.origin,
    forwardedFor: Array.isArray(forwardedFor) ? forwardedFor.join(', ') : forwardedFor,
  };
}

/** Node hands an upgrade over as a bare stream, so the answer is written by hand. */
function refuse(stream: Duplex, status: number): void {
  const body = statusText(status);
  const headers = [...refusalHeaders(status), ['Connection', 'close'], ['Content-Length', String(body.length)]];
  stream.on('error', () => stream.destroy());
  stream.once('finish', () => stream.destroy());
  stream.end(`HTTP/1.1 ${status} ${body}\r\n${headers.map(([k, v]) => `${k}: ${v}\r\n`).join('')}\r\n${body}`);
}

export const createWsTransport: CreateTransport = (options, handlers) => new WsTransport(options, handlers);
