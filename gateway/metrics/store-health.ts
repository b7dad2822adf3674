/** Whether the store answers this node, by its beats; and for how long it did not. */
export class StoreHealth {
  isUp = false;
  private downSince = performance.now();
  private downMs = 0;

  answered(): void {
    if (!this.isUp) this.downMs += performance.now() - this.downSince;
    this.isUp = true;
  }

  /** @param since when what failed was begun; of `performance.now()`. */
  failed(since: number): void {
    if (this.isUp) this.downSince = since;
    this.isUp = false;
  }

  /** Since the node began. */
  downSeconds(): number {
    const now = this.isUp ? 0 : performance.now() - this.downSince;
    return (this.downMs + now) / 1_000;
  }
}
