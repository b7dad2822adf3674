/** Pings every open socket once a period, and ends those that do not answer in time. */
import { TimingWheel } from '../../presence-core/index.ts';
import type { CloseName } from '../protocol/close-codes.ts';

/** A socket that is kept alive. */
export interface PingedSocket {
  readonly socket: { ping(): void };
  /** Tick at the oldest ping without an answer; 0 when there is none. */
  unansweredSince: number;
  /** Where the wheel keeps it. */
  pingSlot: number;
  end(name: CloseName): void;
}

const SLOTS = 100;

export class Keepalive {
  private readonly wheel: TimingWheel<PingedSocket>;
  /** How long an answer may take, in ticks of the wheel. */
  private readonly pongTicks: number;

  constructor(pingIntervalMs: number, pongTimeoutMs: number) {
    this.wheel = new TimingWheel(pingIntervalMs, SLOTS, (due) => this.ping(due));
    this.pongTicks = Math.ceil((pongTimeoutMs / pingIntervalMs) * SLOTS);
  }

  start(): void {
    this.wheel.start();
  }

  stop(): void {
    this.wheel.stop();
  }

  add(socket: PingedSocket): void {
    socket.pingSlot = this.wheel.add(socket);
  }

  remove(socket: PingedSocket): void {
    this.wheel.remove(socket, socket.pingSlot);
  }

  private ping(due: ReadonlySet<PingedSocket>): void {
    const { ticks } = this.wheel;
    for (const socket of due) {
      socket.unansweredSince ||= ticks;
      socket.socket.ping();
    }
    for (const socket of this.wheel.before(this.pongTicks)) {
      const { unansweredSince } = socket;
      if (unansweredSince && ticks - unansweredSince >= this.pongTicks) socket.end('pong_timeout');
    }
  }
}
