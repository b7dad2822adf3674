/** What is sent to one subscribed socket, and what happens when the socket is too slow (P14). */
import type { TransportSocket } from '../transport/transport.ts';

/** Above it nothing more is sent until the socket is below `LOW_BYTES` again; half of what the transport would hold. */
const HIGH_BYTES = 131_072;
const LOW_BYTES = 32_768;
const POLL_MS = 25;
/** A socket that is slow for longer is closed, to resume by its cursor. */
const MAX_SLOW_MS = 5_000;

export interface SendQueueHandlers {
  /** It takes messages again. */
  drained(): void;
  tooSlow(): void;
}

export class SendQueue {
  private readonly socket: TransportSocket;
  private readonly handlers: SendQueueHandlers;
  private timer: NodeJS.Timeout | undefined;
  private waiting: (() => void)[] = [];
  private slowSince = 0;
  private closed = false;

  constructor(socket: TransportSocket, handlers: SendQueueHandlers) {
    this.socket = socket;
    this.handlers = handlers;
  }

  get slow(): boolean {
    return this.timer !== undefined;
  }

  /** @returns false when the text was not sent, as the socket is slow. */
  send(text: string): boolean {
    if (this.slow || this.closed) return false;
    const sent = this.socket.send(text);
    if (!sent || this.socket.bufferedBytes > HIGH_BYTES) this.watch();
    return sent;
  }

  /** Waits for room, then sends what is still wanted. Room is looked for again before each frame, as others of the same socket wait for the same room. */
  async write(text: string, wanted: () => boolean): Promise<void> {
    while (!this.closed && (this.slow || this.socket.bufferedBytes > LOW_BYTES)) {
      this.watch();
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    if (!this.closed && wanted()) this.socket.send(text);
  }

  close(): void {
    this.closed = true;
    clearInterval(this.timer);
    this.timer = undefined;
    this.release();
  }

  private watch(): void {
    if (this.timer || this.closed) return;
    this.slowSince = performance.now();
    this.timer = setInterval(() => this.look(), POLL_MS);
  }

  private look(): void {
    if (this.socket.bufferedBytes <= LOW_BYTES) {
      clearInterval(this.timer);
      this.timer = undefined;
      this.release();
      this.handlers.drained();
    } else if (performance.now() - this.slowSince > MAX_SLOW_MS) {
      this.handlers.tooSlow();
    }
  }

  private release(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
