/**
 * The one reader of the log in this process, for all who follow it: it runs while anybody does, and reads the shards that
 * they want. One that is added is read from its newest entry on.
 */
import type { Change, PresenceStore } from '../../presence-core/index.ts';
import { GATHER_MS, LogReader, WAIT_MS } from './log-reader.ts';

export interface LogFollower {
  /** How long a read may wait for news, and the least time between two batches; of all followers the least holds. */
  readonly waitMs?: number;
  readonly gatherMs?: number | undefined;
  /** Shards that it wants now; undefined: all. They change when users are placed anew (P18). */
  shards(): readonly number[] | undefined;
  /** It stands here from now on, and nothing was lost to it: it has just come, or shards were added. */
  moved(cursor: string): void;
  /** The next changes, in order and without a gap, up to `cursor`. Of shards that others want, too. */
  batch(changes: readonly Change[], cursor: string): void;
  /** Changes were lost: it stands here from now on. */
  gap(cursor: string): void;
  /** See `LogReaderHandlers`. */
  reached?(at: number): void;
}

/** Of more shards than these all are read: each that is added makes the reader begin anew. */
const FEW_SHARDS = 8;

export class LogFeed {
  /** Of shards that are not read, the place where they were left. */
  cursor = '';
  private readonly store: PresenceStore;
  private readonly reader: LogReader;
  private readonly followers = new Set<LogFollower>();
  private reading: ReadonlySet<number> = new Set();
  private starting: Promise<void> | undefined;
  /** While there are followers. */
  private run: object | undefined;
  private isPlaced = false;
  /** All that was acknowledged then has been handed on, by `performance.now()`; of the present run. */
  private reachedAt = Number.NEGATIVE_INFINITY;
  /** How often the place was lost. */
  private gaps = 0;

  constructor(store: PresenceStore, log: { error(fields: object, message: string): void }) {
    this.store = store;
    const least = (name: 'waitMs' | 'gatherMs', otherwise: number): number => {
      if (this.followers.size === 0) return otherwise;
      return Math.min(...Array.from(this.followers, (follower) => follower[name] ?? otherwise));
    };
    const options = {
      get waitMs() {
        return least('waitMs', WAIT_MS);
      },
      get gatherMs() {
        return least('gatherMs', GATHER_MS);
      },
    };
    const handlers = {
      batch: (changes: readonly Change[], cursor: string) => {
        this.cursor = cursor;
        for (const follower of this.followers) follower.batch(changes, cursor);
      },
      gap: (cursor: string) => this.lose(cursor),
      failed: (error: unknown) =>
        log.error({ err: error }, 'could not read the change log: subscriptions and the replica are late'),
      reached: (at: number) => {
        this.reachedAt = Math.max(this.reachedAt, at);
        for (const follower of this.followers) follower.reached?.(at);
      },
    };
    this.reader = new LogReader(store, handlers, options);
  }

  /**
   * Follows the log in these shards, too; again for more of them. Undone by `leave`, also when it rejects.
   * @param shards undefined: all.
   * @throws StoreError when the store does not answer.
   */
  async enter(follower: LogFollower, shards: readonly number[] | undefined): Promise<void> {
    const isNew = !this.followers.has(follower);
    this.followers.add(follower);
    if (isNew && this.isPlaced) follower.moved(this.cursor);
    this.starting ??= this.start(shards);
    await this.starting;
    await this.widen(shards);
  }

  leave(follower: LogFollower): void {
    if (!this.followers.delete(follower)) return;
    if (this.followers.size > 0) {
      this.narrow();
      return;
    }
    this.reader.stop();
    this.starting = undefined;
    this.run = undefined;
    this.isPlaced = false;
  }

  /** For so long changes may have waited to be handed on, a second at most in quiet times; undefined while nobody follows. */
  get lagMs(): number | undefined {
    return this.isPlaced ? performance.now() - this.reachedAt : undefined;
  }

  /** @returns how many entries of the log it has not read yet; undefined while nobody follows. */
  async behind(): Promise<number | undefined> {
    const { run, store } = this;
    if (!run) return undefined;
    const tail = store.log.positions(await store.log.tail());
    if (this.run !== run || !this.isPlaced) return undefined;
    const positions = store.log.positions(this.cursor);
    let sum = 0;
    for (const shard of this.reading) sum += Math.max(0, (tail[shard] as number) - (positions[shard] as number));
    return sum;
  }

  private get allShards(): readonly number[] {
    return Array.from({ length: this.store.snapshots.shards }, (_, shard) => shard);
  }

  /** A start that everybody left meanwhile changes nothing. */
  private async start(shards: readonly number[] | undefined): Promise<void> {
    const run = {};
    this.run = run;
    try {
      const askedAt = performance.now();
      const cursor = await this.store.log.tail();
      if (this.run !== run) return;
      this.isPlaced = true;
      this.reachedAt = askedAt;
      this.stand(cursor, shards ?? this.allShards);
    } catch (error) {
      if (this.run === run) this.starting = undefined;
      throw error;
    }
  }

  private async widen(shards: readonly number[] | undefined): Promise<void> {
    const missing = (): readonly number[] => (shards ?? this.allShards).filter((shard) => !this.reading.has(shard));
    while (this.run && missing().length > 0) {
      const { run, gaps } = this;
      const tail = await this.store.log.tail();
      // What was read when the place was lost is newer.
      if (this.run !== run || this.gaps !== gaps) continue;
      const added = missing();
      const isFew = this.reading.size + added.length <= FEW_SHARDS;
      const wanted = isFew ? added : this.allShards.filter((shard) => !this.reading.has(shard));
      this.stand(this.store.log.moved(this.cursor, tail, wanted), [...this.reading, ...wanted]);
    }
  }

  /** Whoever leaves may have wanted shards that nobody else wants. */
  private narrow(): void {
    const wanted = this.wanted();
    if (wanted.size > FEW_SHARDS) return;
    const reading = [...this.reading].filter((shard) => wanted.has(shard));
    if (reading.length < this.reading.size && reading.length > 0) this.readOn(reading);
  }

  private lose(cursor: string): void {
    this.gaps += 1;
    this.cursor = cursor;
    // Users are in other shards when the deployment has lost its seed.
    const wanted = this.wanted();
    if ([...wanted].some((shard) => !this.reading.has(shard))) this.readOn([...wanted]);
    for (const follower of this.followers) follower.gap(cursor);
  }

  private wanted(): ReadonlySet<number> {
    const wanted = new Set<number>();
    for (const follower of this.followers) for (const shard of follower.shards() ?? this.allShards) wanted.add(shard);
    return wanted;
  }

  private stand(cursor: string, reading: readonly number[]): void {
    this.cursor = cursor;
    this.readOn(reading);
    for (const follower of this.followers) follower.moved(cursor);
  }

  private readOn(reading: readonly number[]): void {
    this.reading = new Set(reading);
    this.reader.start(this.cursor, reading.length < this.store.snapshots.shards ? reading : undefined);
  }
}
