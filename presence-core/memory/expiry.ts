/**
 * A timing wheel by the second. A session is filed under the second in which its lease would run out and stays there
 * when the lease is renewed: renewal writes one number. Only when its second comes is it looked at, and filed again
 * if it still lives. A session is never filed later than its `expiresAt`, so nothing expired hides behind `take`.
 */
import { DueRing, type SessionRow } from './session-row.ts';

export class ExpiryWheel {
  readonly #slots = new Map<number, DueRing>();

  /** Files a session, out of the slot it may be in. */
  file(row: SessionRow): void {
    const second = Math.floor(row.expiresAt / 1000);
    let slot = this.#slots.get(second);
    if (slot === undefined) {
      slot = new DueRing();
      this.#slots.set(second, slot);
    }
    row.leaveSlot();
    slot.push(row);
  }

  /** Empties every slot whose second has begun, oldest first, into one ring: to be ended or filed again. */
  take(now: number): DueRing {
    const second = Math.floor(now / 1000);
    const due = [...this.#slots.keys()].filter((slot) => slot <= second).sort((a, b) => a - b);
    const ring = new DueRing();
    for (const slot of due) {
      ring.takeAll(this.#slots.get(slot) as DueRing);
      this.#slots.delete(slot);
    }
    return ring;
  }
}
