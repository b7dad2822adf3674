/** Who has which sessions. Most users have one: it is held without an array. Arrays given out never change. */
import { partOf } from '../user-hash.ts';

const NOBODY: readonly never[] = [];
/** A snapshot's page is a part: a million sessions in so many take about 2 ms each. */
export const PARTS = 256;

/** @typeParam Row no array itself */
export class MemoryUsers<Row extends { readonly userId: string }> {
  readonly #parts = Array.from({ length: PARTS }, () => new Map<string, Row | readonly Row[]>());

  #size = 0;
  readonly #partIn: (userId: string) => number;

  /** @param partIn which of `PARTS` a user belongs to; by default as the snapshots of the memory store have it. */
  constructor(partIn: (userId: string) => number = (userId) => partOf(userId, PARTS)) {
    this.#partIn = partIn;
  }

  /** Members of all users. */
  get size(): number {
    return this.#size;
  }

  /** Members, live or not swept yet. */
  of(userId: string): readonly Row[] {
    const held = this.#partOf(userId).get(userId);
    if (held === undefined) return NOBODY;
    return isOne(held) ? [held] : held;
  }

  add(row: Row): void {
    const members = this.of(row.userId);
    this.#size += 1;
    this.#partOf(row.userId).set(row.userId, members.length === 0 ? row : [...members, row]);
  }

  /** Returns the members that stay. */
  remove(row: Row): readonly Row[] {
    const members = this.of(row.userId);
    const others = members.filter((other) => other !== row);
    this.#size -= members.length - others.length;
    const users = this.#partOf(row.userId);
    if (others.length === 0) users.delete(row.userId);
    else users.set(row.userId, others.length === 1 ? (others[0] as Row) : others);
    return others;
  }

  *all(): Generator<Row> {
    for (let part = 0; part < PARTS; part += 1) yield* this.inPart(part);
  }

  *inPart(part: number): Generator<Row> {
    for (const held of this.#parts[part]?.values() ?? []) {
      if (isOne(held)) yield held;
      else yield* held;
    }
  }

  #partOf(userId: string): Map<string, Row | readonly Row[]> {
    return this.#parts[this.#partIn(userId)] as Map<string, Row | readonly Row[]>;
  }
}

function isOne<Row>(held: Row | readonly Row[]): held is Row {
  return !Array.isArray(held);
}
