/**
 * When those who hold sessions without a socket come back by themselves: at their next heartbeat or refresh, or within
 * their resume grace. If the store forgets them, nobody else can open their sessions again (P10).
 */

/** A request may be a little late. */
export const RETURN_SLACK_MS = 1_000;

export class Returns {
  private readonly maxMs: number;
  /** All by `performance.now()`. */
  private ownUntil = 0;
  private toldUntil = 0;

  /** @param maxMs nobody is due later: what the store says beyond that comes of a clock that was set back. */
  constructor(maxMs: number) {
    this.maxMs = maxMs;
  }

  /** A holder was answered, or lost its socket, and is due again after this time. */
  answered(inMs: number): void {
    this.ownUntil = Math.max(this.ownUntil, performance.now() + inMs + RETURN_SLACK_MS);
  }

  /** The store had it from this process or others that all are due again after this time. */
  told(inMs: number): void {
    this.toldUntil = Math.max(this.toldUntil, performance.now() + this.bound(inMs));
  }

  /** What others told of it, in ms from now. */
  bound(inMs: number): number {
    return Math.min(Math.max(0, inMs), this.maxMs);
  }

  /** In how many ms all whom this process answered are due again; 0 when they are. */
  ownLeftMs(): number {
    return Math.max(0, this.ownUntil - performance.now());
  }

  /** In how many ms all are, whoever answered them, as far as this process was told. */
  leftMs(): number {
    return Math.max(0, Math.max(this.ownUntil, this.toldUntil) - performance.now());
  }
}
