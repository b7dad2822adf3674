/** The store's clock as this process knows it, by what the store said in answers to beats. */

export class StoreClock {
  /** Of `performance.now()`; undefined before the first answer. */
  private aheadMs: number | undefined;
  /** The clock of this process, as it was when this began. */
  private readonly ownAheadMs = Date.now() - performance.now();

  /**
   * The store said what its clock was, at some moment between the question and the answer: what is known already stays as
   * near to that as it can, so that a slow answer takes no knowledge away, and a clock that was set is followed at once.
   * @param at in ms.
   * @param askedAt by `performance.now()`.
   * @returns with the first answer, by how much what was dated before is too early.
   */
  heard(at: number, askedAt: number): number {
    const wasAheadMs = this.aheadMs;
    const least = at - performance.now();
    const most = at - askedAt;
    this.aheadMs = Math.min(most, Math.max(least, wasAheadMs ?? least));
    return wasAheadMs === undefined ? this.aheadMs - this.ownAheadMs : 0;
  }

  get isUnknown(): boolean {
    return this.aheadMs === undefined;
  }

  /**
   * In ms. As long as nothing was heard, by the clock of this process as it was when it began: that may be wrong, but does
   * not step, so it is known later by how much.
   */
  now(): number {
    return performance.now() + (this.aheadMs ?? this.ownAheadMs);
  }
}
