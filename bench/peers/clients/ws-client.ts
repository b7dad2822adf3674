/** A WebSocket client on a raw socket: weighs less than what is measured. Answers pings as real networks do, later. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const HOST = '127.0.0.1';
const TEXT = 0x81;
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);
const OP_CLOSE = 8;
const OP_PING = 9;
/** Round trips of real players differ by as much, so their answers do not come together. */
export const REPLY_SPREAD_MS = 80;

/** A masked text frame. */
function textFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const mask = randomBytes(4);
  const { length } = payload;
  const head = length > 125 ? [TEXT, 0xfe, length >> 8, length & 0xff] : [TEXT, 0x80 | length];
  return Buffer.concat([Buffer.from(head), mask, payload.map((byte, i) => byte ^ (mask[i & 3] as number))]);
}

/** Frames of a server, which are not masked. `take` gives those that are whole; the rest waits for more. */
export class FrameReader {
  private rest: Buffer | undefined;

  take(chunk: Buffer, frame: (opcode: number, payload: Buffer) => void): void {
    const data = this.rest ? Buffer.concat([this.rest, chunk]) : chunk;
    let at = 0;
    while (data.length - at >= 2) {
      const short = (data[at + 1] as number) & 0x7f;
      const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (data.length - at < headBytes) break;
      const length = short === 126 ? data.readUInt16BE(at + 2) : short === 127 ? data.readUInt32BE(at + 6) : short;
      const end = at + headBytes + length;
      if (end > data.length) break;
      frame((data[at] as number) & 0x0f, data.subarray(at + headBytes, end));
      at = end;
    }
    this.rest = at < data.length ? data.subarray(at) : undefined;
  }
}

export class WsClient {
  /** Sockets that were open and that `end` did not end. */
  static lost = 0;
  /** Called with each message. */
  onText: (payload: Buffer) => void = () => {};
  /** Called once when the socket is gone, unless `end` did it. */
  onClose: () => void = () => {};
  private readonly socket: Socket;
  private readonly frames = new FrameReader();
  private isEnded = false;

  private constructor(socket: Socket) {
    this.socket = socket;
  }

  /** @returns undefined when the server refuses the upgrade. */
  static open(port: number, path: string): Promise<WsClient | undefined> {
    const upgrade = [
      `GET ${path} HTTP/1.1`,
      `Host: ${HOST}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ];
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: HOST, noDelay: true });
      const client = new WsClient(socket);
      let head: Buffer = Buffer.alloc(0);
      let isOpen = false;
      socket.on('data', (chunk: Buffer) => {
        if (isOpen) {
          client.read(chunk);
          return;
        }
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!head.toString('latin1', 0, 12).endsWith(' 101')) {
          socket.destroy();
          resolve(undefined);
          return;
        }
        isOpen = true;
        resolve(client);
        // Whoever waits for the client sets its handlers before frames are read that came with the answer.
        const frames = head.subarray(end + 4);
        if (frames.length > 0) setImmediate(() => client.read(frames));
      });
      socket.on('error', (error) => (isOpen ? undefined : reject(error)));
      socket.on('close', () => {
        if (!isOpen) return resolve(undefined);
        if (!client.isEnded) WsClient.lost += 1;
        client.onClose();
      });
      socket.write(`${upgrade.join('\r\n')}\r\n\r\n`);
    });
  }

  send(text: string): void {
    this.socket.write(textFrame(text));
  }

  /** As a network that is lost, without a close frame. */
  end(): void {
    this.onClose = () => {};
    this.isEnded = true;
    this.socket.destroy();
  }

  private read(chunk: Buffer): void {
    this.frames.take(chunk, (opcode, payload) => {
      if (opcode === OP_PING) setTimeout(() => this.socket.write(PONG), Math.random() * REPLY_SPREAD_MS);
      else if (opcode === OP_CLOSE) this.socket.end();
      else this.onText(payload);
    });
  }
}
