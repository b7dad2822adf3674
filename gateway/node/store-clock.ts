/** The store's clock as this process knows it, by what the store said in answers to beats. */

export class StoreClock {
  /** Of `performance.now()`; undefined before the first answer. */
  private aheadMs: number | undefined;

  /**
   * The store said what its clock was, at some moment between the question and the answer: what is known already stays as
   * near to that as it can, so that a slow answer takes no knowledge away, and a clock that was set is followed at once.
   * @param at in ms.
   * @param askedAt by `performance.now()`.
   */
  heard(at: number, askedAt: number): void {
    const least = at - performance.now();
    const most = at - askedAt;
    this.aheadMs = Math.min(most, Math.max(least, this.aheadMs ?? least));
  }

  /** In ms; by the clock of this process as long as nothing was heard. */
  now(): number {
    return this.aheadMs === undefined ? Date.now() : performance.now() + this.aheadMs;
  }
}
