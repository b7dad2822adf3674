/** A WebSocket client that may misbehave: it answers nothing by itself and writes whatever bytes it is told to. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface FrameOptions {
  readonly fin?: boolean;
  /** The three reserved bits as a number, RSV1 being 4. */
  readonly rsv?: number;
  /** What the header claims, when it is to differ from the payload. */
  readonly claimedBytes?: number;
}

export interface ReceivedFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Polls until `check` holds. The bound is generous: it tells "never" from "late", not slow from fast. */
export async function until(check: () => boolean, what: string, boundMs = 15_000): Promise<void> {
  for (const giveUpAt = Date.now() + boundMs; !check(); ) {
    if (Date.now() > giveUpAt) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A masked client frame. */
export function frame(opcode: number, payload: string | Buffer, options: FrameOptions = {}): Buffer {
  const body = Buffer.from(payload as Buffer);
  const claimed = options.claimedBytes ?? body.length;
  const first = (options.fin === false ? 0 : 0x80) | ((options.rsv ?? 0) << 4) | opcode;
  const mask = randomBytes(4);
  return Buffer.concat([Buffer.from([first]), maskedLength(claimed), mask, body.map((byte, i) => byte ^ mask[i & 3]!)]);
}

export function closePayload(code: number, reason = ''): Buffer {
  return Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)]);
}

function maskedLength(length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | length]);
  if (length < 65_536) return Buffer.from([0x80 | 126, length >> 8, length & 0xff]);
  const bytes = Buffer.alloc(9);
  bytes[0] = 0x80 | 127;
  bytes.writeBigUInt64BE(BigInt(length), 1);
  return bytes;
}

export function upgradeHead(path: string, headers: readonly string[] = []): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    ...headers,
  ];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

export class RawWebSocket {
  readonly frames: ReceivedFrame[] = [];
  /** The answer to the upgrade, without the empty line. */
  head = '';
  /** The server has ended or reset the connection. */
  isEnded = false;
  /** Counts payload and headers of all frames read. */
  receivedBytes = 0;
  readonly stream: Socket;
  #unread: Buffer = Buffer.alloc(0);

  /** `head` is written at once; the promise settles when its answer is complete or the connection ends. */
  static async open(port: number, head: string, host = '127.0.0.1'): Promise<RawWebSocket> {
    const client = new RawWebSocket(connect({ port, host, allowHalfOpen: true }));
    client.stream.write(head);
    await until(() => client.head !== '' || client.isEnded, 'an answer to the upgrade', 25_000);
    return client;
  }

  constructor(stream: Socket) {
    this.stream = stream;
    stream.on('data', (chunk) => this.#read(chunk as Buffer));
    stream.on('end', () => this.#ended());
    stream.on('close', () => this.#ended());
    stream.on('error', () => this.#ended());
  }

  get status(): number {
    return Number(this.head.split(' ')[1] ?? 0);
  }

  header(name: string): string | undefined {
    const line = this.head.split('\r\n').find((each) => each.toLowerCase().startsWith(`${name}:`));
    return line?.slice(name.length + 1).trim();
  }

  /** The code of the close frame received, 1005 for an empty one, 1006 when the connection ended without one. */
  get closeCode(): number | undefined {
    const last = this.frames.find((each) => each.opcode === OPCODE.close);
    if (last === undefined) return this.isEnded ? 1006 : undefined;
    return last.payload.length < 2 ? 1005 : last.payload.readUInt16BE(0);
  }

  get texts(): string[] {
    return this.frames.filter((each) => each.opcode === OPCODE.text).map((each) => each.payload.toString());
  }

  write(...frames: readonly Buffer[]): void {
    if (!this.stream.destroyed) this.stream.write(Buffer.concat(frames));
  }

  destroy(): void {
    this.stream.destroy();
  }

  #ended(): void {
    this.isEnded = true;
  }

  #read(chunk: Buffer): void {
    this.#unread = this.#unread.length === 0 ? chunk : Buffer.concat([this.#unread, chunk]);
    if (this.head === '') {
      const end = this.#unread.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.#unread.toString('latin1', 0, end);
      this.#unread = this.#unread.subarray(end + 4);
    }
    if (this.status === 101) while (this.#readFrame());
  }

  #readFrame(): boolean {
    const data = this.#unread;
    if (data.length < 2) return false;
    const short = data[1]! & 0x7f;
    const start = short === 127 ? 10 : short === 126 ? 4 : 2;
    if (data.length < start) return false;
    const length = short === 127 ? Number(data.readBigUInt64BE(2)) : short === 126 ? data.readUInt16BE(2) : short;
    if (data.length < start + length) return false;
    this.frames.push({ opcode: data[0]! & 0x0f, payload: Buffer.from(data.subarray(start, start + length)) });
    this.receivedBytes += start + length;
    this.#unread = data.subarray(start + length);
    return true;
  }
}
