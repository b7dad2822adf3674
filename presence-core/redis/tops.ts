/**
 * The most watched streams, device types and places, at a bounded cost (P12, P14).
 *
 * While the shards have few counts in all, every one is read. Else a walk over them tells which keys may be at the top, some
 * thousand counts each time it is asked, and of those the counts are read.
 */
import type { TopBy, TopItem } from '../store/reads.ts';
import { SharedRead } from '../toolkit/single-flight.ts';
import { topOf } from '../top-of.ts';
import type { RedisClient } from './connection.ts';
import { countOf, facetField, facetOf } from './counts.ts';
import { countsKey } from './keys.ts';
import { Ranking } from './ranking.ts';

export interface RedisTopsOptions {
  /** Up to so many counts in all shards are read whole. */
  readonly maxWhole?: number;
  /** An answer out of the walk serves for so long. */
  readonly freshMs?: number;
  /** So long after there were too many counts to read them whole, they are not numbered again. */
  readonly manyMs?: number;
}

const MAX_WHOLE = 10_000;
const FRESH_MS = 1_000;
const MANY_MS = 10_000;
/** Counts that the walk looks at for one answer, and for the first, which is to know one shard whole. */
const STEP_COUNTS = 4_000;
const FIRST_COUNTS = 100_000;
const SCAN_COUNTS = 1_000;
/** Keys that are counted for a top of `limit`: those around its end may be in another order than they were found in. */
const candidatesFor = (limit: number): number => limit + Math.max(20, Math.ceil(limit / 2));

type Items = Record<TopBy, TopItem[]>;

interface Fresh {
  readonly limit: number;
  readonly madeAt: number;
  readonly items: TopItem[];
}

const FACETS = ['stream', 'deviceType', 'country', 'state'] as const satisfies readonly TopBy[];

export class RedisTops {
  private readonly client: RedisClient;
  private readonly keys: readonly string[];
  private readonly maxWhole: number;
  private readonly freshMs: number;
  private readonly manyMs: number;
  private readonly rankings: Readonly<Record<TopBy, Ranking>>;
  private readonly fresh = new Map<TopBy, Fresh>();
  private readonly whole = new SharedRead((_: 'whole') => this.readWhole());
  private readonly steps = new SharedRead((_: 'step') => this.step());
  /** Up to which place each was asked for since the newest counting began; one call a shard is to count them all. */
  private wanted = new Map<TopBy, number>();
  private counting: Promise<unknown> = Promise.resolve();
  private next: Promise<Partial<Items>> | undefined;
  private manyUntil = Number.NEGATIVE_INFINITY;
  private shard = 0;
  private scan = '0';
  private isBegun = false;

  constructor(client: RedisClient, prefixes: readonly string[], options: RedisTopsOptions = {}) {
    this.client = client;
    this.keys = prefixes.map(countsKey);
    this.maxWhole = options.maxWhole ?? MAX_WHOLE;
    this.freshMs = options.freshMs ?? FRESH_MS;
    this.manyMs = options.manyMs ?? MANY_MS;
    const ranking = (): Ranking => new Ranking(prefixes.length);
    this.rankings = { stream: ranking(), deviceType: ranking(), country: ranking(), state: ranking() };
  }

  /** Most sessions first, then by key. */
  async top(by: TopBy, limit: number): Promise<TopItem[]> {
    const fresh = this.fresh.get(by);
    if (fresh && fresh.limit >= limit && performance.now() - fresh.madeAt < this.freshMs) {
      return fresh.items.slice(0, limit);
    }
    const whole = performance.now() < this.manyUntil ? undefined : await this.whole.ask('whole');
    if (whole) return topOf(whole[by], limit);
    await this.steps.ask('step');
    return ((await this.counted(by, limit))[by] as TopItem[]).slice(0, limit);
  }

  /** @returns undefined when there are too many. */
  private async readWhole(): Promise<Items | undefined> {
    const sizes = await Promise.all(this.keys.map((key) => this.client.hlen(key)));
    if (sizes.reduce((sum, size) => sum + size, 0) > this.maxWhole) {
      this.manyUntil = performance.now() + this.manyMs;
      return undefined;
    }
    const totals = { stream: new Totals(), deviceType: new Totals(), country: new Totals(), state: new Totals() };
    for (const table of await Promise.all(this.keys.map((key) => this.client.hgetall(key)))) {
      for (const [field, text] of Object.entries(table)) {
        const facet = facetOf(field);
        if (facet) totals[facet.by].add(facet.key, text);
      }
    }
    const { stream, deviceType, country, state } = totals;
    return { stream: stream.items(), deviceType: deviceType.items(), country: country.items(), state: state.items() };
  }

  /** Walks on. */
  private async step(): Promise<void> {
    let left = this.isBegun ? STEP_COUNTS : FIRST_COUNTS;
    while (left > 0) {
      const [next, found] = await this.client.hscan(this.keys[this.shard] as string, this.scan, 'COUNT', SCAN_COUNTS);
      for (let i = 0; i < found.length; i += 2) {
        const facet = facetOf(found[i] as string);
        if (facet) this.rankings[facet.by].add(facet.key, countOf(found[i + 1] as string).sessions);
      }
      // A hash without such counts costs a call, too.
      left -= Math.max(SCAN_COUNTS / 10, found.length / 2);
      this.scan = next;
      if (next !== '0') continue;
      for (const by of FACETS) this.rankings[by].shardEnded();
      this.shard = (this.shard + 1) % this.keys.length;
      if (!this.isBegun) break;
    }
    this.isBegun = true;
  }

  /** One counting at a time; all who ask while it runs share the next. */
  private counted(by: TopBy, limit: number): Promise<Partial<Items>> {
    this.wanted.set(by, Math.max(limit, this.wanted.get(by) ?? 0));
    this.next ??= this.counting.then(() => {
      const { wanted } = this;
      this.wanted = new Map();
      this.next = undefined;
      const result = this.count(wanted);
      this.counting = result.catch(() => {});
      return result;
    });
    return this.next;
  }

  /** Reads the counts of what may be at the top. */
  private async count(wanted: ReadonlyMap<TopBy, number>): Promise<Partial<Items>> {
    const candidates = Array.from(wanted, ([by, limit]) => {
      const keys = this.rankings[by].candidates(candidatesFor(limit));
      return { by, limit, keys, totals: new Totals() };
    });
    const fields = candidates.flatMap(({ by, keys }) => keys.map((key) => facetField(by, key)));
    const madeAt = performance.now();
    if (fields.length > 0) {
      for (const texts of await Promise.all(this.keys.map((key) => this.client.hmget(key, ...fields)))) {
        let at = 0;
        for (const { keys, totals } of candidates) {
          for (const key of keys) {
            const text = texts[at++] as string | null;
            if (text !== null) totals.add(key, text);
          }
        }
      }
    }
    const result: Partial<Items> = {};
    for (const { by, limit, keys, totals } of candidates) {
      const items = topOf(totals.items(), keys.length);
      this.rankings[by].know(items.map(({ key, sessions }) => [key, sessions]));
      result[by] = items.slice(0, limit);
      this.fresh.set(by, { limit, madeAt, items: items.slice(0, limit) });
    }
    return result;
  }
}

/** Sums over shards. */
class Totals {
  private readonly totals = new Map<string, { key: string; users: number; sessions: number }>();

  add(key: string, text: string): void {
    const { users, sessions } = countOf(text);
    const total = this.totals.get(key);
    if (total) {
      total.users += users;
      total.sessions += sessions;
    } else {
      this.totals.set(key, { key, users, sessions });
    }
  }

  items(): TopItem[] {
    return [...this.totals.values()];
  }
}
