/** The store's clock as this process knows it, by what the store said in answers to beats. */

/** A clock that was set back by more is believed; what is less is the answer's way. */
const STEP_MS = 2_000;
/** By how much two clocks drift apart between two answers, at most. */
const DRIFT_MS = 1;

export class StoreClock {
  /** Of `performance.now()`; undefined before the first answer. */
  private aheadMs: number | undefined;

  /**
   * The store said what its clock was. The answer was on its way since: the one that was fastest is the nearest.
   * @param at in ms.
   */
  heard(at: number): void {
    const aheadMs = at - performance.now();
    const behindMs = this.aheadMs === undefined ? 0 : this.aheadMs - aheadMs;
    const isLate = behindMs > DRIFT_MS && behindMs < STEP_MS;
    this.aheadMs = isLate ? aheadMs + behindMs - DRIFT_MS : aheadMs;
  }

  /** In ms; by the clock of this process as long as nothing was heard. */
  now(): number {
    return this.aheadMs === undefined ? Date.now() : performance.now() + this.aheadMs;
  }
}
