/** The sessions of each user. Most users have one: it is held without an array. Arrays given out never change. */
import { partOf } from './keys.ts';
import { SessionRow } from './memory-session.ts';

const NOBODY: readonly SessionRow[] = [];
/** A snapshot's page is a part: a million sessions in so many take about 2 ms each. */
export const PARTS = 256;

export class MemoryUsers {
  readonly #parts = Array.from({ length: PARTS }, () => new Map<string, SessionRow | readonly SessionRow[]>());

  /** Members, live or not swept yet. */
  of(userId: string): readonly SessionRow[] {
    const held = this.#partOf(userId).get(userId);
    if (held === undefined) return NOBODY;
    return held instanceof SessionRow ? [held] : held;
  }

  add(row: SessionRow): void {
    const members = this.of(row.userId);
    this.#partOf(row.userId).set(row.userId, members.length === 0 ? row : [...members, row]);
  }

  /** Returns the members that stay. */
  remove(row: SessionRow): readonly SessionRow[] {
    const others = this.of(row.userId).filter((other) => other !== row);
    const users = this.#partOf(row.userId);
    if (others.length === 0) users.delete(row.userId);
    else users.set(row.userId, others.length === 1 ? (others[0] as SessionRow) : others);
    return others;
  }

  *all(): Generator<SessionRow> {
    for (let part = 0; part < PARTS; part += 1) yield* this.inPart(part);
  }

  *inPart(part: number): Generator<SessionRow> {
    for (const held of this.#parts[part]?.values() ?? []) {
      if (held instanceof SessionRow) yield held;
      else yield* held;
    }
  }

  #partOf(userId: string): Map<string, SessionRow | readonly SessionRow[]> {
    return this.#parts[partOf(userId, PARTS)] as Map<string, SessionRow | readonly SessionRow[]>;
  }
}
