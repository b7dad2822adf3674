/**
 * Finds members whose instant has come, for any number of them: they are filed by tick, in circular lists that go
 * through the members' own fields, so that filing and removing one takes no search and no memory.
 */

/** What a member brings along; both fields are its own, and begin as the member itself. */
export interface DueLink {
  dueNext: DueLink;
  duePrev: DueLink;
}

/** Takes a member out of wherever it is filed; nothing happens to one that is not filed. */
export function unfile(member: DueLink): void {
  member.duePrev.dueNext = member.dueNext;
  member.dueNext.duePrev = member.duePrev;
  member.dueNext = member;
  member.duePrev = member;
}

/** Members to look at, in the order in which they were filed. */
export class DueList<Member extends DueLink> implements DueLink {
  dueNext: DueLink = this;
  duePrev: DueLink = this;

  push(member: Member): void {
    unfile(member);
    member.duePrev = this.duePrev;
    member.dueNext = this;
    this.duePrev.dueNext = member;
    this.duePrev = member;
  }

  first(): Member | undefined {
    return this.dueNext === this ? undefined : (this.dueNext as Member);
  }

  /** Moves all of another list behind what is here. */
  takeAll(other: DueList<Member>): void {
    if (other.dueNext === other) return;
    this.duePrev.dueNext = other.dueNext;
    other.dueNext.duePrev = this.duePrev;
    other.duePrev.dueNext = this;
    this.duePrev = other.duePrev;
    other.dueNext = other;
    other.duePrev = other;
  }
}

/** A member is never filed later than its instant: whoever takes it looks whether the instant has come, or files it again. */
export class DueWheel<Member extends DueLink> {
  readonly #tickMs: number;
  readonly #slots = new Map<number, DueList<Member>>();
  /** No slot is of an earlier tick. */
  #firstTick = 0;

  constructor(tickMs: number) {
    this.#tickMs = tickMs;
  }

  /** Files a member for an instant, out of where it may be filed now. */
  file(member: Member, dueAt: number): void {
    const tick = Math.floor(dueAt / this.#tickMs);
    let slot = this.#slots.get(tick);
    if (slot === undefined) {
      if (this.#slots.size === 0 || tick < this.#firstTick) this.#firstTick = tick;
      slot = new DueList();
      this.#slots.set(tick, slot);
    }
    slot.push(member);
  }

  /** Takes out all members of ticks that have begun, those of older ticks first: to be unfiled or filed again, each. */
  take(now: number): DueList<Member> {
    const taken = new DueList<Member>();
    for (const tick of this.#ticksUntil(Math.floor(now / this.#tickMs))) {
      const slot = this.#slots.get(tick);
      if (slot === undefined) continue;
      taken.takeAll(slot);
      this.#slots.delete(tick);
    }
    return taken;
  }

  /** Ticks that may have a slot. After a leap of the clock, and when there are few slots, those are fewer than the ticks. */
  *#ticksUntil(last: number): Iterable<number> {
    if (last - this.#firstTick > this.#slots.size) {
      yield* [...this.#slots.keys()].filter((tick) => tick <= last).sort((a, b) => a - b);
    } else {
      for (let tick = this.#firstTick; tick <= last; tick += 1) yield tick;
    }
    this.#firstTick = Math.max(this.#firstTick, last + 1);
  }
}
