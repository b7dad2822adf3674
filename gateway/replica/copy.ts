/**
 * One copy of what the store holds: its snapshot page by page, and from before it on the log, until the copy is lost.
 *
 * The log is read from the first, so a snapshot may take as long as it needs. A change of a shard that was not asked for
 * yet is dropped, for the answer will have it; of what is being asked for it waits, and is passed over when the answer
 * has it already (P11), or does not reach that far.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type Change,
  isRetryable,
  type PresenceStore,
  pause,
  retrying,
  type Session,
  type SnapshotPage,
  StoreError,
} from '../../presence-core/index.ts';
import type { LogFeed, LogFollower } from '../node/log-feed.ts';
import { View } from './view.ts';

/**
 * Why a copy ended. `gap`: the log no longer leads on from it, or the store has lost some of it; `mismatch`: a change
 * did not follow from what the copy held.
 */
export type Loss = 'gap' | 'mismatch' | 'stopped';

export interface CopyOptions {
  readonly store: PresenceStore;
  readonly feed: Pick<LogFeed, 'enter' | 'leave'>;
  readonly log: { error(fields: object, message: string): void };
  /** See `View`. */
  readonly leftMax: number;
}

const SHARDS_AT_ONCE = 2;
/** Sessions added between two turns of the event loop: about a millisecond. */
const SLICE_SESSIONS = 1_000;
/** How long a read of the log waits, and the time between two checks: together with the answers, the age of a view. */
const WAIT_MS = 250;
/** A status may be this much later than the store's; the fewer reads are for all nodes. */
const GATHER_MS = 20;
const CHECK_MS = 500;
const FIRST_READ_POLL_MS = 10;
const BACK_OFF = { firstMs: 100, maxMs: 5_000 };

interface Asked {
  /** The part it begins with. */
  readonly first: number;
  /** Changes of that part and later ones. */
  readonly later: Change[];
}

export class Copy {
  readonly view: View;
  /** Resolves once, whenever the copy is lost. */
  readonly lost: Promise<Loss>;
  /** All parts are in, and it is known as of when. */
  whole = false;
  private readonly options: CopyOptions;
  private readonly follower: LogFollower;
  private readonly stopping = new AbortController();
  private end: (loss: Loss) => void = () => {};
  /** Of the snapshot of each part; nothing is newer than infinity. */
  private readonly sequences: Float64Array;
  /** The page of each shard that is being read: of a few shards, for no longer than the store may take to answer. */
  private readonly asked = new Map<number, Asked>();
  private nextShard = 0;
  private hasBegun = false;
  /** The place in the log that the view shows once it is whole. */
  cursor = '';
  private readAt = Number.NEGATIVE_INFINITY;
  private checkedAt = Number.NEGATIVE_INFINITY;

  constructor(options: CopyOptions) {
    this.options = options;
    this.view = new View(options.leftMax);
    this.sequences = new Float64Array(options.store.snapshots.parts).fill(Number.POSITIVE_INFINITY);
    this.lost = new Promise((resolve) => {
      this.end = resolve;
    });
    this.follower = {
      waitMs: WAIT_MS,
      gatherMs: GATHER_MS,
      shards: () => undefined,
      moved: (cursor) => {
        this.cursor = cursor;
      },
      batch: (changes, cursor) => this.take(changes, cursor),
      gap: (cursor) => {
        // Before it has begun it has lost nothing.
        if (this.hasBegun) this.lose('gap');
        else this.cursor = cursor;
      },
      reached: (at) => {
        this.readAt = at;
      },
    };
  }

  /** All that had happened at this instant, by `performance.now()`, is in the view, and nothing of it was lost. */
  get asOf(): number {
    return Math.min(this.readAt, this.checkedAt);
  }

  /** Resolves when the view is whole, or the copy is lost. */
  async build(): Promise<void> {
    await this.begin();
    if (this.isLost) return;
    void this.check();
    await Promise.all(Array.from({ length: SHARDS_AT_ONCE }, () => this.readShards()));
    while (this.asOf === Number.NEGATIVE_INFINITY && !this.isLost) await this.pause(FIRST_READ_POLL_MS);
    this.whole = !this.isLost;
  }

  stop(): void {
    this.lose('stopped');
  }

  get isLost(): boolean {
    return this.stopping.signal.aborted;
  }

  private lose(loss: Loss): void {
    this.whole = false;
    this.options.feed.leave(this.follower);
    this.stopping.abort();
    this.end(loss);
  }

  /** Follows the log from a place that the store stands by: after a failover that is after the next beat. */
  private async begin(): Promise<void> {
    const { store, feed } = this.options;
    await this.persist(async () => {
      try {
        await feed.enter(this.follower, undefined);
        if (!(await store.log.upholds(this.cursor)))
          throw new StoreError('store_unavailable', 'the newest entry is not upheld yet');
        this.hasBegun = true;
      } catch (error) {
        feed.leave(this.follower);
        throw error;
      }
    });
  }

  private async check(): Promise<void> {
    const { store } = this.options;
    while (!this.isLost) {
      const at = performance.now();
      try {
        if (await store.log.upholds(this.cursor)) this.checkedAt = at;
        else this.lose('gap');
      } catch (error) {
        this.fault(error);
      }
      await this.pause(CHECK_MS);
    }
  }

  private async readShards(): Promise<void> {
    const { parts, shards } = this.options.store.snapshots;
    const size = parts / shards;
    while (this.nextShard < shards && !this.isLost) {
      const shard = this.nextShard;
      this.nextShard += 1;
      for (let first = shard * size; first < (shard + 1) * size && !this.isLost; ) {
        await this.persist(async () => {
          first = await this.readPage(shard, first);
        });
      }
    }
  }

  /** Returns the first part that is not in the page. */
  private async readPage(shard: number, first: number): Promise<number> {
    const later: Change[] = [];
    this.asked.set(shard, { first, later });
    let page: SnapshotPage;
    try {
      page = await this.options.store.snapshots.page(first);
      await this.add(page.sessions);
      this.sequences.fill(page.sequence, first, page.next);
    } finally {
      this.asked.delete(shard);
    }
    for (const change of later) this.apply(change, this.partOf(change));
    return page.next;
  }

  private partOf(change: Change): number {
    return this.options.store.snapshots.partOf(change.userId);
  }

  private async add(sessions: readonly Session[]): Promise<void> {
    for (let i = 0; i < sessions.length; i += 1) {
      this.view.add(sessions[i] as Session);
      if (i % SLICE_SESSIONS === SLICE_SESSIONS - 1) await nextTurn();
    }
  }

  private take(changes: readonly Change[], cursor: string): void {
    for (const change of changes) {
      const part = this.partOf(change);
      const asked = this.asked.get(change.shard);
      if (asked && part >= asked.first) asked.later.push(change);
      else this.apply(change, part);
    }
    this.cursor = cursor;
  }

  private apply(change: Change, part: number): void {
    if (change.sequence <= (this.sequences[part] as number) || this.isLost) return;
    if (!this.view.apply(change)) this.lose('mismatch');
  }

  /** Repeats an act until it succeeds or the copy is lost. */
  private async persist(act: () => Promise<void>): Promise<void> {
    const { signal } = this.stopping;
    await retrying({ ...BACK_OFF, signal, failed: (error) => this.fault(error) }, act);
  }

  private fault(error: unknown): void {
    if (!isRetryable(error)) this.options.log.error({ err: error }, 'replica error, retrying');
  }

  private pause(ms: number): Promise<void> {
    return pause(ms, this.stopping.signal);
  }
}
