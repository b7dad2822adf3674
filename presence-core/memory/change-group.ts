/** Members that share the log of the memory store (P17). */
import type { ChangeSource, TakenEntries } from '../change-group.ts';
import type { Clock } from '../clock.ts';
import type { Change } from '../session.ts';
import type { MemoryLog } from './log.ts';

/** All of a group: its members differ in nothing that it must know. */
export class MemoryChangeGroup implements ChangeSource {
  readonly #log: MemoryLog;
  readonly #clock: Clock;
  readonly #claimMs: number;
  /** Sequence of the last change given to anybody. */
  #given: number | undefined;
  /** When each change was given that is not acknowledged, by its sequence; the one given first stands first. */
  readonly #pending = new Map<number, number>();

  constructor(log: MemoryLog, clock: Clock, claimMs: number) {
    this.#log = log;
    this.#clock = clock;
    this.#claimMs = claimMs;
  }

  async take(limit: number): Promise<TakenEntries> {
    const now = this.#clock();
    const { trimmed, last, max } = this.#log;
    const overdue = this.#overdue(limit, now);
    const receipt = overdue.filter((sequence) => sequence > trimmed).sort((a, b) => a - b);
    const before = this.#given ?? trimmed;
    const lost = overdue.length - receipt.length + Math.max(0, trimmed - before);
    this.#given = Math.max(before, trimmed);
    while (receipt.length < limit && this.#given < last) {
      this.#given += 1;
      receipt.push(this.#given);
    }
    for (const sequence of receipt) this.#pending.set(sequence, now);
    const changes = receipt.map((sequence) => this.#log.at(sequence) as Change);
    let open = this.#given + 1;
    for (const sequence of this.#pending.keys()) open = Math.min(open, sequence);
    return { changes, lost, backlog: Math.min(1, (last - open + 1) / max), receipt };
  }

  async acknowledge(taken: TakenEntries): Promise<void> {
    for (const sequence of taken.receipt) this.#pending.delete(sequence as number);
  }

  async leave(): Promise<void> {}

  /** Takes out what nobody acknowledged in time. */
  #overdue(limit: number, now: number): number[] {
    const overdue: number[] = [];
    for (const [sequence, at] of this.#pending) {
      if (overdue.length >= limit || now - at < this.#claimMs) break;
      this.#pending.delete(sequence);
      overdue.push(sequence);
    }
    return overdue;
  }
}
