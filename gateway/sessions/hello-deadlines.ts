/** Ends sockets that do not say hello in time. */
import type { CloseName } from '../protocol/close-codes.ts';

export interface GreetedSocket {
  /** Its first message came: how long the answer takes has bounds of its own. */
  readonly hasSpoken: boolean;
  end(name: CloseName): void;
}

/** How often one time-out is looked at: a socket is ended at most a tenth of it late. */
const CHECKS = 10;

export class HelloDeadlines {
  private readonly timeoutMs: number;
  /** In the order in which they came, hence of their deadlines. */
  private readonly deadlines = new Map<GreetedSocket, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  start(): void {
    this.timer = setInterval(() => this.endLate(), this.timeoutMs / CHECKS);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  add(socket: GreetedSocket): void {
    this.deadlines.set(socket, performance.now() + this.timeoutMs);
  }

  remove(socket: GreetedSocket): void {
    this.deadlines.delete(socket);
  }

  private endLate(): void {
    const now = performance.now();
    for (const [socket, deadline] of this.deadlines) {
      if (!socket.hasSpoken && deadline > now) return;
      this.deadlines.delete(socket);
      if (!socket.hasSpoken) socket.end('hello_timeout');
    }
  }
}
