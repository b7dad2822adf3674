/** One request over uWebSockets.js: what was asked, read before uWS takes it away, and its answer. */
import { METHODS, STATUS_CODES } from 'node:http';
import { addressText, type HttpRequest, type HttpResponse } from '../../transport/uws-module.ts';
import { type Answer, type IncomingRequest, isBodiless } from '../dispatch.ts';
import { Problem } from '../problem.ts';
import { DISCARD_BYTES, HEAD_TOO_LARGE, KEEP_ALIVE_MS, MAX_HEAD_BYTES, NOT_HTTP } from './http-server.ts';

const KNOWN_METHODS: ReadonlySet<string> = new Set(METHODS);
/** Of a header that must not come twice the first counts, as in node:http; others are joined. */
const SINGULAR: ReadonlySet<string> = new Set(['authorization', 'content-type', 'host']);
/** Without it, some clients let go of a connection after 4 s. */
const KEEP_ALIVE = `timeout=${KEEP_ALIVE_MS / 1_000}`;
const STATUS_LINES: readonly string[] = Array.from({ length: 600 }, (_, code) => `${code} ${STATUS_CODES[code] ?? ''}`);
/** Longer bodies are made bytes here: uWS would measure the text first, and allocate. Shorter ones it may. */
const LONG_BODY = 1_024;
const MAX_BYTES_PER_CHARACTER = 3;
const outgoing = Buffer.alloc(65_536);

/** Valid until the next call: uWS sends or copies what it is given. */
function bytesOf(body: string): string | Uint8Array {
  const fits = body.length * MAX_BYTES_PER_CHARACTER <= outgoing.length;
  return body.length < LONG_BODY || !fits ? body : outgoing.subarray(0, outgoing.write(body));
}

export class UwsRequest implements IncomingRequest {
  readonly method: string;
  readonly url: string;
  /** Why it is answered without being dispatched. */
  readonly fault: Problem | undefined;
  /** Its body comes in chunks, however many. */
  readonly isChunked: boolean;
  /** Set once it is there, until it is written. */
  answer: Answer | undefined;
  /** Writes the answer if it can be written; undefined until uWS has said which connection the request came by. */
  flush: (() => void) | undefined;
  /** The client is gone: uWS must not be asked for anything any more. */
  isGone = false;
  readonly #res: HttpResponse;
  readonly #headers = new Map<string, string>();
  readonly #asksClose: boolean;
  /** uWS sees the wish by itself, if it is that word alone. */
  readonly #isHeard: boolean;
  #chunks: Buffer[] = [];
  #size = 0;
  #maxBytes = 0;
  #bodyRead: ((body: Buffer) => void) | undefined;
  #bodyFailed: ((problem: Problem) => void) | undefined;

  constructor(res: HttpResponse, req: HttpRequest) {
    this.#res = res;
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
      else if (before === undefined) headers.set(name, value);
      else if (!SINGULAR.has(name)) headers.set(name, `${before}, ${value}`);
    });
    const coding = headers.get('transfer-encoding');
    this.isChunked = coding !== undefined;
    const connection = headers.get('connection');
    this.#asksClose = connection !== undefined && /\bclose\b/i.test(connection);
    this.#isHeard = this.#asksClose && connection?.length === 'close'.length;
    // Where a request ends must be as clear to whatever stands in front as it is here.
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

  /** What follows it on its connection is not believed: uWS and a proxy may see different requests there. */
  get endsConnection(): boolean {
    return this.isChunked || this.fault !== undefined;
  }

  header(name: string): string | undefined {
    return this.#headers.get(name);
  }

  readBody(maxBytes: number): Promise<Buffer> {
    this.#maxBytes = maxBytes;
    return new Promise((resolve, reject) => {
      this.#bodyRead = resolve;
      this.#bodyFailed = reject;
      if (Number(this.#headers.get('content-length') ?? 0) > maxBytes) this.#refuseBody();
    });
  }

  /**
   * Takes the next bytes of the body.
   * @returns false when there are so many that the connection is to be cut.
   */
  receive(chunk: ArrayBuffer, isLast: boolean): boolean {
    this.#size += chunk.byteLength;
    if (this.#size > this.#maxBytes + DISCARD_BYTES) return false;
    if (this.#bodyRead === undefined) return true;
    if (this.#size > this.#maxBytes) {
      this.#refuseBody();
      return true;
    }
    // uWS takes the bytes back when this returns.
    if (chunk.byteLength > 0) this.#chunks.push(Buffer.from(new Uint8Array(chunk)));
    if (isLast) {
      this.#bodyRead(this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks));
    }
    return true;
  }

  /** The client went away, or was cut. */
  abort(): void {
    this.isGone = true;
    this.#bodyFailed?.(new Problem('invalid_request', 'The body ended early.'));
  }

  /** Whether its answer ends its connection. */
  closes(isServerClosing: boolean): boolean {
    return isServerClosing || this.endsConnection || this.#asksClose;
  }

  /** @param wrote called in the turn of the answer: uWS has let go of the handlers that were set for the request. */
  write(answer: Answer, closes: boolean, wrote?: () => void): void {
    if (this.isGone) return;
    const res = this.#res;
    res.cork(() => {
      const { status, headers, body } = answer;
      // uWS begins with 200 by itself.
      if (status !== 200) res.writeStatus(STATUS_LINES[status] as string);
      for (const name in headers) res.writeHeader(name, headers[name] as string);
      if (!closes) res.writeHeader('keep-alive', KEEP_ALIVE);
      const isBare = isBodiless(status);
      if (!isBare && this.method !== 'HEAD') {
        res.end(bytesOf(body), closes);
      } else if (closes && !this.#isHeard) {
        // With another length than 0 uWS would not close.
        res.endWithoutBody(0, true);
      } else {
        if (closes) res.writeHeader('connection', 'close');
        if (!isBare) res.writeHeader('content-length', String(Buffer.byteLength(body)));
        res.endWithoutBody();
      }
      wrote?.();
    });
  }

  /** Cuts its connection, unless it is answered. */
  cut(): void {
    if (!this.isGone) this.#res.close();
  }

  #refuseBody(): void {
    this.#chunks = [];
    this.#bodyRead = undefined;
    this.#bodyFailed?.(new Problem('payload_too_large', `At most ${this.#maxBytes} bytes.`));
  }
}
