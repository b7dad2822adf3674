/**
 * Visits each member once per period, a slice of them at every tick: one timer for any number of members. A wheel that is
 * late, as the event loop stood still, goes on at several times its speed until it has caught up, one slice at a time, so
 * that members are not visited all at once.
 */

/** How many times faster a late wheel turns. */
const CATCH_UP_SPEED = 4;

export class TimingWheel<Member> {
  private readonly slots: Set<Member>[];
  private readonly tickMs: number;
  private readonly visit: (members: ReadonlySet<Member>) => void;
  /** When the next slot is due, by `performance.now()`. */
  private dueAt = 0;
  private turn = 0;
  private next = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(periodMs: number, slots: number, visit: (members: ReadonlySet<Member>) => void) {
    this.slots = Array.from({ length: slots }, () => new Set<Member>());
    this.tickMs = periodMs / slots;
    this.visit = visit;
  }

  start(): void {
    this.dueAt = performance.now() + this.tickMs;
    this.wait();
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  /**
   * Spreads members evenly, however many arrive at once; the first visit comes within one period.
   * @returns the slot, to be given back to `remove`.
   */
  add(member: Member): number {
    const slot = this.next;
    this.next = (this.next + 1) % this.slots.length;
    this.slots[slot]?.add(member);
    return slot;
  }

  remove(member: Member, slot: number): void {
    this.slots[slot]?.delete(member);
  }

  private wait(): void {
    const aheadMs = this.dueAt - performance.now();
    // After more than a period of standing still each slot is visited once, not once for each period.
    if (-aheadMs > this.tickMs * this.slots.length) this.dueAt -= this.tickMs * this.slots.length + aheadMs;
    this.timer = setTimeout(() => this.tick(), Math.max(aheadMs, this.tickMs / CATCH_UP_SPEED));
  }

  private tick(): void {
    const members = this.slots[this.turn] as Set<Member>;
    this.turn = (this.turn + 1) % this.slots.length;
    this.dueAt += this.tickMs;
    this.wait();
    this.visit(members);
  }
}
