/**
 * When those who hold sessions without a socket come back by themselves: at their next heartbeat or refresh. If the store
 * forgets them, nobody else can open their sessions again (P10).
 */

/** A request may be a little late. */
const SLACK_MS = 1_000;

export class Returns {
  /** By `performance.now()`. */
  private until = 0;

  /** A holder was answered, and is due again after this time. */
  answered(inMs: number): void {
    this.until = Math.max(this.until, performance.now() + inMs + SLACK_MS);
  }

  /** In how many ms all who were answered so far are due again; 0 when they are. */
  leftMs(): number {
    return Math.max(0, this.until - performance.now());
  }
}
