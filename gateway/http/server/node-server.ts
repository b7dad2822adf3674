/** The dispatch over node:http: bounded bodies, headers and waits, and an orderly close. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { limitConnections } from '../../transport/connection-limit.ts';
import { type Dispatch, type IncomingRequest, isBodiless, type OutgoingResponse } from '../exchange.ts';
import { Problem, respondWithProblem } from '../problem.ts';
import { BodyMemory } from './body-memory.ts';
import {
  CLOSE_BOUND_MS,
  cannotListen,
  FIRST_REQUEST_MS,
  HEAD_TOO_LARGE,
  type HttpServer,
  type HttpServerOptions,
  KEEP_ALIVE_MS,
  MAX_HEAD_BYTES,
  NOT_HTTP,
} from './http-server.ts';
import { IncomingBody } from './incoming-body.ts';
import { UnsentAnswers } from './unsent.ts';

/** Time a client has to send the headers, and the whole request. */
const HEADERS_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 15_000;

/** Requests that may wait on one connection while one before them is answered. */
const MAX_PIPELINED = 32;

const HOST = 'host';

class NodeRequest implements IncomingRequest {
  readonly method: string;
  readonly url: string;
  readonly #message: IncomingMessage;
  readonly #body: IncomingBody;

  constructor(message: IncomingMessage, memory: BodyMemory) {
    this.#message = message;
    this.#body = new IncomingBody(memory);
    this.method = message.method ?? 'GET';
    this.url = message.url ?? '/';
  }

  get remoteAddress(): string {
    return this.#message.socket.remoteAddress ?? '';
  }

  header(name: string): string | undefined {
    return this.#message.headers[name] as string | undefined;
  }

  /** Also one that no route reads: node:http would buffer it without a limit. */
  receiveBody(): void {
    const { headers } = this.#message;
    const message = this.#message;
    const body = this.#body;
    const hasBody = headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
    if (!hasBody) {
      body.complete();
      return;
    }
    message.on('data', (chunk: Buffer) => {
      if (!body.receive(chunk)) message.destroy();
    });
    message.on('end', () => body.complete());
    message.on('close', () => {
      if (!message.complete) body.abort();
    });
    message.on('error', () => body.abort());
  }

  readBody(maxBytes: number): Promise<Buffer> {
    return this.#body.read(maxBytes, Number(this.#message.headers['content-length'] ?? 0));
  }

  dropBody(): void {
    this.#body.drop();
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

const ambiguous = new Problem('invalid_request', NOT_HTTP);

/** A proxy may have gone by the other one (RFC 9112, 3.2). node:http keeps the first. */
function repeatsHost({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    if (name.length === HOST.length && name.toLowerCase() === HOST) hosts += 1;
  }
  return hosts > 1;
}

type Pending = readonly [message: IncomingMessage, response: ServerResponse];

export function createNodeServer(dispatch: Dispatch, options: HttpServerOptions = {}): HttpServer {
  const { memory = new BodyMemory(), maxConnections = Number.POSITIVE_INFINITY, sharesPort = false } = options;
  let closing = false;
  const unsent = new UnsentAnswers();
  /** Connections that have sent no request yet: node:http does not count them as idle. */
  const unused = new Set<Socket>();
  /** Of connections with a request in work: those behind it. So no more than one answer waits for its reader. */
  const pipelines = new WeakMap<Socket, Pending[]>();
  const server = createServer({
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 1_000,
  });
  limitConnections(server, maxConnections, sharesPort);
  const answer = ([message, response]: Pending): void => {
    const { socket } = message;
    const request = new NodeRequest(message, memory);
    response.once('close', () => {
      unsent.forget(socket);
      const next = socket.destroyed ? undefined : pipelines.get(socket)?.shift();
      if (next === undefined) pipelines.delete(socket);
      else answer(next);
    });
    const isRefused = repeatsHost(message);
    if (isRefused) request.dropBody();
    const answered = isRefused ? Promise.resolve(respondWithProblem(ambiguous, randomUUID())) : dispatch(request);
    void answered.then((outgoing) => {
      write(response, outgoing, closing || isRefused);
      if (socket.writableLength > 0) unsent.watch(socket);
    });
    request.receiveBody();
  };
  const serve = (message: IncomingMessage, response: ServerResponse): void => {
    const { socket } = message;
    unused.delete(socket);
    const waiting = pipelines.get(socket);
    if (waiting === undefined) {
      pipelines.set(socket, []);
      answer([message, response]);
    } else if (waiting.length < MAX_PIPELINED) waiting.push([message, response]);
    else socket.destroy();
  };
  server.on('request', serve);
  // Any `expect` header other than 100-continue may be ignored.
  server.on('checkExpectation', serve);
  server.on('connection', (socket) => {
    unused.add(socket);
    socket.once('close', () => {
      unused.delete(socket);
      unsent.forget(socket);
    });
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
          clearTimeout(cutUnused);
          unsent.stop();
          resolve();
        });
        const cutUnused = setTimeout(() => {
          for (const socket of unused) socket.destroy();
        }, FIRST_REQUEST_MS);
      });
    },
  };
}
