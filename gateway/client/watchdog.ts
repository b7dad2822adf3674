/** Notices a connection that died without a word: after a silence it asks, and without an answer the connection is dead. */
import { timeBound } from './time-bound.ts';

/** The server's own pings are not shown to a page; so it may be silent for long and well. */
const SILENCE_IN_PINGS = 1.5;

export class Watchdog {
  private readonly pongTimeoutMs: number;
  private readonly ping: () => void;
  private readonly dead: () => void;
  private heardAt = 0;
  private timer: ReturnType<typeof setInterval> | undefined;
  private cancel: (() => void) | undefined;

  constructor(pongTimeoutMs: number, ping: () => void, dead: () => void) {
    this.pongTimeoutMs = pongTimeoutMs;
    this.ping = ping;
    this.dead = dead;
  }

  start(pingIntervalMs: number): void {
    const silenceMs = SILENCE_IN_PINGS * pingIntervalMs;
    this.heard();
    this.timer = setInterval(() => {
      if (Date.now() - this.heardAt >= silenceMs) this.ask();
    }, pingIntervalMs / 2);
  }

  stop(): void {
    clearInterval(this.timer);
    this.heard();
  }

  /** Any frame is an answer. */
  heard(): void {
    this.heardAt = Date.now();
    if (this.cancel) this.cancel();
    this.cancel = undefined;
  }

  /** Finds out now. */
  ask(): void {
    this.cancel = this.cancel || timeBound(this.pongTimeoutMs, this.dead);
    this.ping();
  }
}
