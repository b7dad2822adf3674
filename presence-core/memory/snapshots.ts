/** Snapshots of the memory store (P11). */
import type { Clock } from '../clock.ts';
import type { Snapshot, StoreSnapshots } from '../store/snapshots.ts';
import { partOf } from '../user-hash.ts';
import type { SessionRow } from './session-row.ts';
import type { MemoryShard } from './shard.ts';
import { PARTS } from './users.ts';

export class MemorySnapshots implements StoreSnapshots {
  readonly parts = PARTS;
  readonly division = 0;
  readonly #shard: MemoryShard;

  readonly #clock: Clock;

  constructor(shard: MemoryShard, clock: Clock) {
    this.#shard = shard;
    this.#clock = clock;
  }

  partOf(userId: string): number {
    return partOf(userId, PARTS);
  }

  async ofPart(part: number): Promise<Snapshot> {
    return this.#snapshot(this.#shard.membersInPart(part));
  }

  async ofUser(userId: string): Promise<Snapshot> {
    return this.#snapshot(this.#shard.members(userId));
  }

  #snapshot(rows: Iterable<SessionRow>): Snapshot {
    const now = this.#clock();
    return {
      sessions: Array.from(rows, (row) => this.#shard.sessionOf(row, now)),
      shard: 0,
      sequence: this.#shard.log.last,
    };
  }
}
