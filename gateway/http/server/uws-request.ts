/** One request over uWebSockets.js: read at once, as uWS frees it when its handler returns; and its response. */
import { METHODS, STATUS_CODES } from 'node:http';
import { addressText, type HttpRequest, type HttpResponse } from '../../transport/uws-module.ts';
import { type IncomingRequest, isBodiless, type OutgoingResponse } from '../exchange.ts';
import { Problem } from '../problem.ts';
import type { BodyMemory } from './body-memory.ts';
import { HEAD_TOO_LARGE, KEEP_ALIVE_MS, MAX_HEAD_BYTES, NOT_HTTP } from './http-server.ts';
import { IncomingBody } from './incoming-body.ts';

const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);
/** Headers that must not be repeated: the first one counts, as in node:http. Other repeated headers are joined. */
const SINGULAR: ReadonlySet<string> = new Set(['authorization', 'content-type']);
/** Without it, some clients close an idle connection after 4 s. */
const KEEP_ALIVE = `timeout=${KEEP_ALIVE_MS / 1_000}`;
const STATUS_LINES: readonly string[] = Array.from({ length: 600 }, (_, code) => `${code} ${STATUS_CODES[code] ?? ''}`);
/** Bodies from this length on are encoded here, into one shared buffer: uWS would allocate one for each. In characters. */
const LONG_BODY = 1_024;
const MAX_BYTES_PER_CHARACTER = 3;
const outgoing = Buffer.alloc(65_536);

/** Valid until the next call: uWS sends or copies what it is given. */
function bytesOf(body: string | Uint8Array): string | Uint8Array {
  if (typeof body !== 'string') return body;
  const fits = body.length * MAX_BYTES_PER_CHARACTER <= outgoing.length;
  return body.length < LONG_BODY || !fits ? body : outgoing.subarray(0, outgoing.write(body));
}

export class UwsRequest implements IncomingRequest {
  readonly method: string;
  readonly url: string;
  /** Set when the request is rejected without being dispatched. */
  readonly fault: Problem | undefined;
  /** Its body is sent with `transfer-encoding: chunked`. */
  readonly isChunked: boolean;
  /** Set from when the dispatch has it until it is written. */
  response: OutgoingResponse | undefined;
  /** Writes the response if possible; undefined until the connection of the request is known. */
  flush: (() => void) | undefined;
  /** The client has disconnected: uWS must not be called for this request any more. */
  isGone = false;
  readonly #res: HttpResponse;
  readonly #headers = new Map<string, string>();
  /** The client sent `connection: close`. */
  readonly #asksClose: boolean;
  /** The header is exactly `close`: then uWS closes the connection by itself. */
  readonly #uwsCloses: boolean;
  readonly #body: IncomingBody;

  constructor(res: HttpResponse, req: HttpRequest, memory: BodyMemory) {
    this.#res = res;
    this.#body = new IncomingBody(memory);
    this.method = req.getCaseSensitiveMethod();
    // Undefined without a question mark, whatever the package's types say.
    const query = req.getQuery() as string | undefined;
    this.url = query === undefined ? req.getUrl() : `${req.getUrl()}?${query}`;
    let headBytes = this.url.length;
    let isAmbiguous = false;
    const headers = this.#headers;
    req.forEach((name, value) => {
      headBytes += name.length + value.length;
      const before = headers.get(name);
      if (name === 'content-length' && (before !== undefined || value === '')) isAmbiguous = true;
      else if (name === 'host' && before !== undefined) isAmbiguous = true;
      else if (before === undefined) headers.set(name, value);
      else if (!SINGULAR.has(name)) headers.set(name, `${before}, ${value}`);
    });
    const coding = headers.get('transfer-encoding');
    this.isChunked = coding !== undefined;
    const connection = headers.get('connection');
    this.#asksClose = connection !== undefined && /\bclose\b/i.test(connection);
    this.#uwsCloses = this.#asksClose && connection?.length === 'close'.length;
    // A proxy must see the same end of the request as we do (request smuggling).
    const isCoded = coding !== undefined && coding.toLowerCase() !== 'chunked';
    if (isAmbiguous || isCoded || !KNOWN_METHODS.has(this.method)) {
      this.fault = new Problem('invalid_request', NOT_HTTP);
    } else if (headBytes > MAX_HEAD_BYTES && this.url.length <= MAX_HEAD_BYTES / 2) {
      this.fault = new Problem('invalid_request', HEAD_TOO_LARGE, { status: 431 });
    }
  }

  get remoteAddress(): string {
    return addressText(new Uint8Array(this.#res.getRemoteAddress()));
  }

  /** Closes the connection after the response: uWS and a proxy may disagree about what follows on it. */
  get endsConnection(): boolean {
    return this.isChunked || this.fault !== undefined;
  }

  header(name: string): string | undefined {
    return this.#headers.get(name);
  }

  readBody(maxBytes: number): Promise<Buffer> {
    return this.#body.read(maxBytes, Number(this.#headers.get('content-length') ?? 0));
  }

  dropBody(): void {
    this.#body.drop();
  }

  /**
   * Takes the next bytes of the body.
   * @returns false when the body is so long that the connection must be closed.
   */
  receive(chunk: ArrayBuffer, isLast: boolean): boolean {
    // uWS frees the bytes when this returns.
    if (!this.#body.receive(Buffer.from(new Uint8Array(chunk)))) return false;
    if (isLast) this.#body.complete();
    return true;
  }

  /** The connection was closed, by the client or by us. */
  abort(): void {
    this.isGone = true;
    this.#body.abort();
  }

  /** Whether the connection is closed after the response. */
  closes(isServerClosing: boolean): boolean {
    return isServerClosing || this.endsConnection || this.#asksClose;
  }

  /** @param written called in the same turn: uWS has just removed the handlers that were set for the request. */
  write(response: OutgoingResponse, closes: boolean, written?: () => void): void {
    if (this.isGone) return;
    const res = this.#res;
    res.cork(() => {
      const { status, headers, body } = response;
      // uWS writes 200 by default.
      if (status !== 200) res.writeStatus(STATUS_LINES[status] as string);
      for (const name in headers) res.writeHeader(name, headers[name] as string);
      if (!closes) res.writeHeader('keep-alive', KEEP_ALIVE);
      const isBare = isBodiless(status);
      if (!isBare && this.method !== 'HEAD') {
        res.end(bytesOf(body), closes);
      } else if (closes && !this.#uwsCloses) {
        // uWS closes only with a length of 0.
        res.endWithoutBody(0, true);
      } else {
        if (closes) res.writeHeader('connection', 'close');
        if (!isBare) res.writeHeader('content-length', String(Buffer.byteLength(body)));
        res.endWithoutBody();
      }
      written?.();
    });
  }

  /** Closes the connection. */
  cut(): void {
    if (!this.isGone) this.#res.close();
  }
}
