/** Whether the store answers the lease renewals of this node, and for how long it did not. */
export class StoreHealth {
  isUp = false;
  private downSince = performance.now();
  private downMs = 0;

  answered(): void {
    if (!this.isUp) this.downMs += performance.now() - this.downSince;
    this.isUp = true;
  }

  /** @param since start of the failed call, by `performance.now()`. */
  failed(since: number): void {
    if (this.isUp) this.downSince = since;
    this.isUp = false;
  }

  /** Total since the process started, in seconds. */
  downSeconds(): number {
    const now = this.isUp ? 0 : performance.now() - this.downSince;
    return (this.downMs + now) / 1_000;
  }
}
