/** Visits each member once per period, a slice of them at every tick: one timer for any number of members. */
export class TimingWheel<Member> {
  private readonly slots: Set<Member>[];
  private readonly tickMs: number;
  private readonly visit: (members: ReadonlySet<Member>) => void;
  /** Ticks so far. */
  ticks = 0;
  private next = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(periodMs: number, slots: number, visit: (members: ReadonlySet<Member>) => void) {
    this.slots = Array.from({ length: slots }, () => new Set<Member>());
    this.tickMs = periodMs / slots;
    this.visit = visit;
  }

  start(): void {
    this.timer = setInterval(() => this.tick(), this.tickMs);
  }

  stop(): void {
    clearInterval(this.timer);
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

  /** Members of the slot whose turn was `ticks` ticks before the one now visited. */
  before(ticks: number): ReadonlySet<Member> {
    const { length } = this.slots;
    return this.slots[(((this.ticks - 1 - ticks) % length) + length) % length] as Set<Member>;
  }

  private tick(): void {
    const slot = this.ticks++ % this.slots.length;
    this.visit(this.slots[slot] as Set<Member>);
  }
}
