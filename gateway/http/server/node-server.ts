/** The dispatch over node:http: bounded bodies, headers and waits, and an orderly close. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Answer, answerProblem, type Dispatch, type IncomingRequest, isBodiless } from '../dispatch.ts';
import { Problem } from '../problem.ts';
import {
  CLOSE_BOUND_MS,
  cannotListen,
  DISCARD_BYTES,
  HEAD_TOO_LARGE,
  type HttpServer,
  KEEP_ALIVE_MS,
  MAX_HEAD_BYTES,
  NOT_HTTP,
} from './http-server.ts';

/** A client gets so long for its headers, and for all of a request. */
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

  /** Reads and drops a body that nobody asked for; else it would be taken in without bound. */
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
      const refuse = (): void => reject(new Problem('payload_too_large', `At most ${maxBytes} bytes.`));
      if (Number(message.headers['content-length'] ?? 0) > maxBytes) refuse();
      message.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size <= maxBytes) chunks.push(chunk);
        else if (size > maxBytes + DISCARD_BYTES) message.destroy();
        else refuse();
      });
      message.on('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)));
      const endedEarly = (): void => reject(new Problem('invalid_request', 'The body ended early.'));
      message.on('close', () => {
        if (!message.complete) endedEarly();
      });
      message.on('error', endedEarly);
    });
  }
}

function write(response: ServerResponse, { status, headers, body }: Answer, closing: boolean): void {
  if (!isBodiless(status)) headers['content-length'] = String(Buffer.byteLength(body));
  if (closing) headers.connection = 'close';
  response.writeHead(status, headers);
  response.end(body);
}

/** What node:http refuses before there is a request is told as a problem too. */
function refuse(error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const problem = parserProblem(error);
  const { status, headers, body } = answerProblem(problem, randomUUID());
  const all = { ...headers, 'content-length': Buffer.byteLength(body), connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`);
}

function parserProblem(error: NodeJS.ErrnoException & { rawPacket?: Buffer }): Problem {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    return new Problem('invalid_request', 'The request took too long to arrive.', { status: 408 });
  }
  if (error.code !== 'HPE_HEADER_OVERFLOW') return new Problem('invalid_request', NOT_HTTP);
  // The first line alone fills more than half of what head there may be.
  const lineEnd = error.rawPacket?.indexOf('\r\n') ?? 0;
  const isUrl = lineEnd < 0 || lineEnd > MAX_HEAD_BYTES / 2;
  return isUrl
    ? new Problem('uri_too_long', 'The URL is too long.')
    : new Problem('invalid_request', HEAD_TOO_LARGE, { status: 431 });
}

export function createNodeServer(dispatch: Dispatch): HttpServer {
  let closing = false;
  /** Connections without a request so far, which node:http does not count as idle. */
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
    void dispatch(request).then((answer) => write(response, answer, closing));
    request.dropBody();
  };
  server.on('request', serve);
  // Other expectations than 100-continue may be passed over.
  server.on('checkExpectation', serve);
  server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => unused.delete(socket));
  });
  server.on('clientError', refuse);
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
