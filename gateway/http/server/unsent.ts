/** Connections whose client does not read: of those that node:http still has something to send to. */
import type { Socket } from 'node:net';

/** As long as uWebSockets.js waits. */
const STALLED_MS = 10_000;
const CHECK_MS = 1_000;

interface Progress {
  sentBytes: number;
  /** When that was last more than before. */
  at: number;
}

/** What the kernel has taken. */
const sentOf = (socket: Socket): number => socket.bytesWritten - socket.writableLength;

export class UnsentAnswers {
  readonly #progress = new Map<Socket, Progress>();
  #checking: NodeJS.Timeout | undefined;

  stop(): void {
    clearInterval(this.#checking);
    this.#checking = undefined;
  }

  /** Cuts the connection if it takes nothing for too long; what its client sends meanwhile does not count. */
  watch(socket: Socket): void {
    this.#progress.set(socket, { sentBytes: sentOf(socket), at: performance.now() });
    // A process without such connections is not woken up for nothing.
    this.#checking ??= setInterval(() => this.#check(), CHECK_MS).unref();
  }

  forget(socket: Socket): void {
    this.#progress.delete(socket);
  }

  #check(): void {
    if (this.#progress.size === 0) this.stop();
    const now = performance.now();
    for (const [socket, progress] of this.#progress) {
      const sentBytes = sentOf(socket);
      if (sentBytes > progress.sentBytes) Object.assign(progress, { sentBytes, at: now });
      else if (now - progress.at > STALLED_MS) socket.destroy();
    }
  }
}
