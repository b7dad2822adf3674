/** An HTTP client that writes whatever bytes it is told to, and reads answers as they come. */
import { connect, type Socket } from 'node:net';
import { until } from './raw-websocket.ts';

export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  /** Of an answer without `content-length`: what came until the connection ended. */
  readonly body: string;
}

export class RawHttp {
  readonly stream: Socket;
  readonly answers: RawAnswer[] = [];
  /** The server has ended or reset the connection. */
  isEnded = false;
  /** Answers have a length and no body. */
  readonly isHead: boolean;
  #unread: Buffer = Buffer.alloc(0);
  /** Of a body that is not complete; added up once it is. */
  #more: Buffer[] = [];
  #moreBytes = 0;
  /** Wanted before it makes sense to read again. */
  #wanted = 0;

  /** Connected, so that what is written goes out at once. */
  static async open(port: number, options: { host?: string; isHead?: boolean } = {}): Promise<RawHttp> {
    const client = new RawHttp(port, options);
    await until(() => !client.stream.connecting, 'the connection');
    return client;
  }

  private constructor(port: number, { host = '127.0.0.1', isHead = false } = {}) {
    this.isHead = isHead;
    this.stream = connect(port, host);
    this.stream.setNoDelay();
    this.stream.on('data', (chunk) => {
      this.#more.push(chunk as Buffer);
      this.#moreBytes += chunk.length;
      if (this.#moreBytes >= this.#wanted) this.#readAll();
    });
    this.stream.on('error', () => undefined);
    this.stream.on('close', () => {
      this.isEnded = true;
      this.#readAll();
    });
  }

  write(bytes: string | Buffer): this {
    this.stream.write(bytes);
    return this;
  }

  /** The answer of that number, from 1. */
  async answer(number = 1): Promise<RawAnswer> {
    await until(() => this.answers.length >= number || this.isEnded, `answer ${number}`, 25_000);
    const answer = this.answers[number - 1];
    if (answer === undefined) throw new Error(`the connection ended before answer ${number}`);
    return answer;
  }

  async ended(): Promise<void> {
    await until(() => this.isEnded, 'the end of the connection', 25_000);
  }

  destroy(): void {
    this.stream.destroy();
  }

  #readAll(): void {
    this.#unread = Buffer.concat([this.#unread, ...this.#more]);
    this.#more = [];
    this.#moreBytes = 0;
    this.#wanted = 0;
    while (this.#read());
  }

  #read(): boolean {
    const headEnd = this.#unread.indexOf('\r\n\r\n');
    if (headEnd < 0) return false;
    const [statusLine = '', ...lines] = this.#unread.toString('latin1', 0, headEnd).split('\r\n');
    const headers = new Map(lines.map((line) => line.split(/:\s*(.*)/s, 2) as [string, string]).map(lowered));
    const status = Number(statusLine.split(' ')[1]);
    const length =
      this.isHead || status === 204 || status === 304 || status < 200 ? '0' : headers.get('content-length');
    if (length === undefined && !this.isEnded) return false;
    const bodyEnd = length === undefined ? this.#unread.length : headEnd + 4 + Number(length);
    this.#wanted = bodyEnd - this.#unread.length;
    if (this.#wanted > 0) return false;
    this.answers.push({ status, headers, body: this.#unread.toString('latin1', headEnd + 4, bodyEnd) });
    this.#unread = this.#unread.subarray(bodyEnd);
    return true;
  }
}

function lowered([name, value]: [string, string]): [string, string] {
  return [name.toLowerCase(), value];
}
