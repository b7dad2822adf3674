/**
 * Pings every open socket once a period, and ends those that do not answer in time, or whose player sends nothing for
 * long. Pings go out in few bursts, as answers that come close together cost much less than the same number one by one.
 * Time is counted while the event loop runs: a timer that comes late, as the loop stood still, finds answers that wait to
 * be read.
 */
import { TimingWheel } from '../../presence-core/index.ts';
import type { CloseName } from '../protocol/close-codes.ts';

/** A socket that is kept alive. */
export interface PingedSocket {
  readonly socket: { ping(): void };
  /** When the oldest ping without an answer was sent, in ms of running time; 0 when there is none. */
  unansweredSince: number;
  /** A message came since the last ping, or none is wanted of it. */
  isHeard: boolean;
  /** At the first ping before which no message came, in ms of running time; 0 when one has come. */
  silentSince: number;
  /** Where the wheel keeps it. */
  pingSlot: number;
  end(name: CloseName): void;
}

/** Bursts of a period: with the default of 25 s one a second. */
const SLOTS = 25;
/** Pings of one turn of the event loop, so that a burst does not hold up what players send: some 4 ms. */
const PINGS_PER_TURN = 500;
/** As many ticks a stall of the loop counts for, however long it is. */
const STALL_TICKS = 2;
/** Of timers: a deadline that is a tick's is not left to the next one. */
const JITTER_MS = 20;

/** Sockets that were pinged at the same time. */
interface Burst {
  readonly sockets: ReadonlySet<PingedSocket>;
  readonly pingedAt: number;
}

export class Keepalive {
  private readonly wheel: TimingWheel<PingedSocket>;
  private readonly tickMs: number;
  private readonly pongTimeoutMs: number;
  private readonly silenceTimeoutMs: number;
  /** Bursts whose time to answer is not over, oldest first. */
  private readonly bursts: Burst[] = [];
  /** How long the loop has run, in ms, and until when that is counted, by `performance.now()`. */
  private ranMs = 0;
  private countedAt = 0;

  /** @param silenceTimeoutMs 0: a socket may send nothing for ever. */
  constructor(pingIntervalMs: number, pongTimeoutMs: number, silenceTimeoutMs = 0) {
    this.wheel = new TimingWheel(pingIntervalMs, SLOTS, (due) => this.tick(due));
    this.tickMs = pingIntervalMs / SLOTS;
    this.pongTimeoutMs = pongTimeoutMs;
    this.silenceTimeoutMs = silenceTimeoutMs;
  }

  start(): void {
    this.countedAt = performance.now();
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

  private tick(due: ReadonlySet<PingedSocket>): void {
    const now = performance.now();
    this.ranMs += Math.min(now - this.countedAt, STALL_TICKS * this.tickMs);
    this.countedAt = now;
    // Timers run before sockets are read, and immediates after.
    setImmediate(() => this.endLate());
    this.bursts.push({ sockets: due, pingedAt: this.ranMs });
    this.pingSome(due.values());
  }

  private pingSome(sockets: Iterator<PingedSocket>): void {
    for (let n = 0; n < PINGS_PER_TURN; n++) {
      const { done, value } = sockets.next();
      if (done) return;
      if (this.silenceTimeoutMs > 0 && this.isFrozen(value)) {
        value.end('pong_timeout');
        continue;
      }
      value.unansweredSince ||= this.ranMs;
      value.socket.ping();
    }
    setImmediate(() => this.pingSome(sockets));
  }

  /** A browser answers pings also for a page that it froze. */
  private isFrozen(socket: PingedSocket): boolean {
    const { isHeard } = socket;
    socket.isHeard = false;
    if (isHeard) socket.silentSince = 0;
    else socket.silentSince ||= this.ranMs;
    return !isHeard && this.ranMs - socket.silentSince >= this.silenceTimeoutMs;
  }

  private endLate(): void {
    const lateBefore = this.ranMs - this.pongTimeoutMs + JITTER_MS;
    for (let burst = this.bursts[0]; burst && burst.pingedAt <= lateBefore; burst = this.bursts[0]) {
      this.bursts.shift();
      for (const socket of burst.sockets) {
        if (socket.unansweredSince && socket.unansweredSince <= lateBefore) socket.end('pong_timeout');
      }
    }
  }
}
