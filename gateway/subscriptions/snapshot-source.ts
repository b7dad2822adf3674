/** Where the sessions of a snapshot come from: the store, page by page, each as of a place in the log that is kept. */
import type { Change, Semaphore, Snapshot, StoreSnapshots } from '../../presence-core/index.ts';
import { sessionText } from './frames.ts';
import type { Topic } from './topics.ts';

export interface SnapshotSource {
  /** Positions in the log that all of it together reflects at most. */
  readonly reflects: readonly number[];
  /** Its sessions are gone: a snapshot that is not whole cannot be gone on with. */
  readonly isLost?: boolean;
  /** Rows of a snapshot's page; undefined when all has been read. What it throws may pass, and then reading goes on where it stopped. */
  read(): Promise<readonly string[] | undefined>;
  /** Whether what was read has this change in it already. */
  has(change: Change): boolean;
}

/** Shards of a stream, and users, that are asked for together. */
const STREAM_SHARDS_AT_ONCE = 16;
const SHARDS_AT_ONCE = 4;
const USERS_AT_ONCE = 50;

/** Parts of one shard, from the first to before the last, as of a place in its log. */
interface Range {
  readonly first: number;
  readonly next: number;
  readonly sequence: number;
}

/** Of topics of all sessions or of a stream. */
export class StoreSource implements SnapshotSource {
  readonly reflects: number[];
  private readonly snapshots: StoreSnapshots;
  private readonly reads: Semaphore;
  private readonly streamId: string | undefined;
  /** Where to read on, in each shard of which not all was read. */
  private readonly firsts: number[];
  /** What was read of each shard, in order. */
  private readonly ranges: Range[][];

  constructor(snapshots: StoreSnapshots, reads: Semaphore, topic: Topic, positions: readonly number[]) {
    const { shards } = snapshots;
    this.snapshots = snapshots;
    this.reads = reads;
    this.streamId = topic.streamId;
    this.reflects = [...positions];
    this.firsts = Array.from({ length: shards }, (_, shard) => shard * this.shardParts);
    this.ranges = Array.from({ length: shards }, () => []);
  }

  async read(): Promise<readonly string[] | undefined> {
    if (this.firsts.length === 0) return undefined;
    const asked = this.firsts.slice(0, this.streamId === undefined ? SHARDS_AT_ONCE : STREAM_SHARDS_AT_ONCE);
    const pages = await this.reads.run(() =>
      Promise.all(asked.map((first) => this.snapshots.page(first, this.streamId))),
    );
    const unread: number[] = [];
    for (const [i, { shard, sequence, next }] of pages.entries()) {
      this.ranges[shard]?.push({ first: asked[i] as number, next, sequence });
      this.reflects[shard] = Math.max(this.reflects[shard] ?? 0, sequence);
      if (next < (shard + 1) * this.shardParts) unread.push(next);
    }
    this.firsts.splice(0, asked.length, ...unread);
    return pages.flatMap(({ sessions }) => sessions.map(sessionText));
  }

  has(change: Change): boolean {
    const part = this.snapshots.partOf(change.userId);
    const range = this.ranges[change.shard]?.find(({ first, next }) => part >= first && part < next);
    return range !== undefined && change.sequence <= range.sequence;
  }

  private get shardParts(): number {
    return this.snapshots.parts / this.snapshots.shards;
  }
}

/** Of topics of users. */
export class UsersSource implements SnapshotSource {
  readonly reflects: number[];
  private readonly snapshots: StoreSnapshots;
  private readonly reads: Semaphore;
  private readonly userIds: readonly string[];
  private readonly sequences = new Map<string, number>();

  constructor(snapshots: StoreSnapshots, reads: Semaphore, topic: Topic, positions: readonly number[]) {
    this.snapshots = snapshots;
    this.reads = reads;
    this.userIds = topic.userIds;
    this.reflects = [...positions];
  }

  async read(): Promise<readonly string[] | undefined> {
    const from = this.sequences.size;
    if (from >= this.userIds.length) return undefined;
    const asked = this.userIds.slice(from, from + USERS_AT_ONCE);
    const answers: Snapshot[] = await this.reads.run(() =>
      Promise.all(asked.map((userId) => this.snapshots.ofUser(userId))),
    );
    for (const [i, { shard, sequence }] of answers.entries()) {
      this.sequences.set(asked[i] as string, sequence);
      this.reflects[shard] = Math.max(this.reflects[shard] ?? 0, sequence);
    }
    return answers.flatMap(({ sessions }) => sessions.map(sessionText));
  }

  has(change: Change): boolean {
    return change.sequence <= (this.sequences.get(change.userId) ?? 0);
  }
}
