/**
 * Ends sockets that do not say hello in time. Time is counted in ticks of a timer, which runs while there are such sockets:
 * one that comes late, as the event loop stood still, counts as one. And a socket is ended only after a tick's turn has read
 * what arrived before it.
 */
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
  private ticks = 0;
  /** In ticks; in the order in which they came, hence of their deadlines. */
  private readonly deadlines = new Map<GreetedSocket, number>();
  private timer: NodeJS.Timeout | undefined;

  constructor(timeoutMs: number) {
    this.timeoutMs = timeoutMs;
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  add(socket: GreetedSocket): void {
    // The tick that is on its way comes too soon to count.
    this.deadlines.set(socket, this.ticks + CHECKS + 1);
    this.timer ??= setInterval(() => {
      this.ticks += 1;
      // Timers run before sockets are read, and immediates after.
      setImmediate(() => this.endLate());
    }, this.timeoutMs / CHECKS).unref();
  }

  remove(socket: GreetedSocket): void {
    this.deadlines.delete(socket);
  }

  private endLate(): void {
    for (const [socket, deadline] of this.deadlines) {
      if (!socket.hasSpoken && deadline > this.ticks) return;
      this.deadlines.delete(socket);
      if (!socket.hasSpoken) socket.end('hello_timeout');
    }
    this.stop();
  }
}
