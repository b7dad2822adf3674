/** Snapshots of the memory store (P11). */
import type { Clock } from '../clock.ts';
import type { Session } from '../session.ts';
import type { Snapshot, SnapshotPage, StoreSnapshots } from '../store/snapshots.ts';
import { partOf } from '../user-hash.ts';
import type { MemoryShard } from './shard.ts';
import { PARTS } from './users.ts';

/** A page ends with the part in which it has so many sessions, or has looked at so many rows: about a millisecond. */
const PAGE_SESSIONS = 500;
const PAGE_ROWS = 8_000;

export class MemorySnapshots implements StoreSnapshots {
  readonly parts = PARTS;
  readonly shards = 1;
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

  async page(first: number, streamId?: string): Promise<SnapshotPage> {
    const now = this.#clock();
    const sessions: Session[] = [];
    let next = first;
    for (let rows = 0; next < PARTS && sessions.length < PAGE_SESSIONS && rows < PAGE_ROWS; next += 1) {
      for (const row of this.#shard.membersInPart(next)) {
        rows += 1;
        if (streamId !== undefined && (row.isMark || row.streamId !== streamId)) continue;
        sessions.push(this.#shard.sessionOf(row, now));
      }
    }
    return { sessions, shard: 0, sequence: this.#shard.log.last, next };
  }

  async ofUser(userId: string): Promise<Snapshot> {
    const now = this.#clock();
    const sessions = this.#shard.members(userId).map((row) => this.#shard.sessionOf(row, now));
    return { sessions, shard: 0, sequence: this.#shard.log.last };
  }
}
