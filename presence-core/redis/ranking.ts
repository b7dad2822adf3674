/**
 * Which keys have the most sessions, as far as a walk over the counts of the shards has come: the shards one after the
 * other, again and again. Users are spread over shards by a hash, so what is large in all of them is large in each.
 */
import { topOf } from '../top-of.ts';

/** Of more keys than this, the smallest are forgotten at the end of a shard: they are far from the top. */
const MAX_KEYS = 10_000;

interface Ranked {
  readonly key: string;
  readonly users: number;
  readonly sessions: number;
}

export class Ranking {
  private readonly shards: number;
  /** Sessions in the shards that this round has walked, and what the last round found. */
  private walking = new Map<string, number>();
  private walked = new Map<string, number>();
  private shardsWalked = 0;
  /** As they were last counted. */
  private counted = new Map<string, number>();

  constructor(shards: number) {
    this.shards = shards;
  }

  add(key: string, sessions: number): void {
    this.walking.set(key, (this.walking.get(key) ?? 0) + sessions);
  }

  /** A shard was walked to its end. */
  shardEnded(): void {
    this.shardsWalked += 1;
    if (this.walking.size > MAX_KEYS) this.walking = new Map(this.largest(this.walking, MAX_KEYS));
    if (this.shardsWalked < this.shards) return;
    this.walked = this.walking;
    this.walking = new Map();
    this.shardsWalked = 0;
  }

  /** What these keys were counted at just now. */
  know(counts: Iterable<readonly [key: string, sessions: number]>): void {
    this.counted = new Map(counts);
  }

  /** Keys that may be among the `limit` largest: those of the last count, of the last round, and of this one. */
  candidates(limit: number): string[] {
    const found = [this.counted, this.walked, this.walking].flatMap((counts) => this.largest(counts, limit));
    return [...new Set(found.map(([key]) => key))];
  }

  private largest(counts: ReadonlyMap<string, number>, limit: number): [string, number][] {
    const items = Array.from(counts, ([key, sessions]): Ranked => ({ key, users: 0, sessions }));
    return topOf(items, limit).map(({ key, sessions }) => [key, sessions]);
  }
}
