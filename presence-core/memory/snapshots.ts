/** Snapshots of the memory store (P11). */
import type { Snapshot, StoreSnapshots } from '../store/snapshots.ts';
import { partOf } from '../user-hash.ts';
import type { SessionRow } from './session-row.ts';
import type { MemoryShard } from './shard.ts';
import { PARTS } from './users.ts';

export class MemorySnapshots implements StoreSnapshots {
  readonly parts = PARTS;
  readonly #shard: MemoryShard;

  constructor(shard: MemoryShard) {
    this.#shard = shard;
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
    return { sessions: Array.from(rows, (row) => row.session()), shard: 0, sequence: this.#shard.log.last };
  }
}
