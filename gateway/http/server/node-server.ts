/** The dispatch over node:http: bounded bodies, headers and waits, and an orderly close. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Dispatch, type IncomingRequest, isBodiless, type OutgoingResponse } from '../exchange.ts';
import { Problem, respondWithProblem } from '../problem.ts';
import {
  BODY_INCOMPLETE,
  bodyTooLarge,
  CLOSE_BOUND_MS,
  cannotListen,
  DISCARD_BYTES,
  HEAD_TOO_LARGE,
  type HttpServer,
  KEEP_ALIVE_MS,
  MAX_HEAD_BYTES,
  NOT_HTTP,
} from './http-server.ts';

/** Time a client has to send the headers, and the whole request. */
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 15_000;

class NodeRequest implements IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly #message: IncomingMessage;
  #isRead = false;

  constructor(message: IncomingMessage) {
    this.#message = message;
    this.method = message.method ?? 'GET';
    this.url = message.url ?? '/';
  }

  get remoteAddress(): string {
    return this.#message.socket.remoteAddress ?? '';
  }

  header(name: string): string | undefined {
    return this.#message.headers[name] as string | undefined;
  }

  /** Reads and drops a body that no route reads; otherwise node:http would buffer it without a limit. */
  dropBody(): void {
    const { headers } = this.#message;
    const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
    if (this.#isRead || !hasBody) return;
    let size = 0;
    this.#message.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > DISCARD_BYTES) this.#message.destroy();
    });
  }

  readBody(maxBytes: number): Promise<Buffer> {
    this.#isRead = true;
    const message = this.#message;
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let size = 0;
      const refuse = (): void => reject(bodyTooLarge(maxBytes));
      if (Number(message.headers['content-length'] ?? 0) > maxBytes) refuse();
      message.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxBytes) chunks.push(chunk);
        else if (size > maxBytes + DISCARD_BYTES) message.destroy();
        else refuse();
      });
      message.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
      const endedEarly = (): void => reject(new Problem('invalid_request', BODY_INCOMPLETE));
      message.on('close', () => {
        if (!message.complete) endedEarly();
      });
      message.on('error', endedEarly);
    });
  }
}

function write(response: ServerResponse, { status, headers, body }: OutgoingResponse, closing: boolean): void {
  if (!isBodiless(status)) headers['content-length'] = String(Buffer.byteLength(body));
  if (closing) headers.connection = 'close';
  response.writeHead(status, headers);
  response.end(body);
}

/** Requests that node:http itself rejects get a problem as well. */
function reject(error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const problem = parserProblem(error);
  const { status, headers, body } = respondWithProblem(problem, randomUUID());
  const all = { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}

function parserProblem(error: NodeJS.ErrnoException & { rawPacket?: Buffer }): Problem {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new Problem('invalid_request', 'The request did not arrive in time.', { status: 408 });
  }
  if (error.code !== 'HPE_HEADER_OVERFLOW') return new Problem('invalid_request', NOT_HTTP);
  // A first line longer than half of the limit: the URL is too long, not the headers.
  const lineEnd = error.rawPacket?.indexOf('\r\n') ?? 0;
  const isUrl = lineEnd < 0 || lineEnd > MAX_HEAD_BYTES / 2;
  return isUrl
    ? new Problem('uri_too_long', `The URL must have at most ${MAX_HEAD_BYTES / 2} characters.`)
    : new Problem('invalid_request', HEAD_TOO_LARGE, { status: 431 });
}

export function createNodeServer(dispatch: Dispatch): HttpServer {
  let closing = false;
  /** Connections that have sent no request yet: node:http does not count them as idle. */
  const unused = new Set<Socket>();
  const server = createServer({
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 1_000,
  });
  const serve = (message: IncomingMessage, response: ServerResponse): void => {
    unused.delete(message.socket);
    const request = new NodeRequest(message);
    void dispatch(request).then((outgoing) => write(response, outgoing, closing));
    request.dropBody();
  };
  server.on('request', serve);
  // Any `expect` header other than 100-continue may be ignored.
  server.on('checkExpectation', serve);
  server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('clientError', reject);
  return {
    listen(host, port) {
      return new Promise((resolve, reject) => {
        const failed = (error: Error): void => reject(cannotListen(host, port, error));
        server.once('error', failed);
        server.listen(port, host, () => {
          server.off('error', failed);
          resolve((server.address() as AddressInfo).port);
        });
      });
    },
    close() {
      closing = true;
      return new Promise((resolve) => {
        const cut = setTimeout(() => server.closeAllConnections(), CLOSE_BOUND_MS);
        server.close(() => {
          clearTimeout(cut);
          resolve();
        });
        for (const socket of unused) socket.destroy();
      });
    },
  };
}
