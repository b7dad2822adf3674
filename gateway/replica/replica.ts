/**
 * The read replica: a copy of who is live, built from a snapshot and the log, that answers reads without the store.
 *
 * It answers only while its copy is whole and not older than a bound; else it says nothing, and the store is asked. A
 * copy that is lost is made anew after a pause that grows while copies do not last. With a `Demand` there is a copy only
 * while it is worth its cost.
 */
import {
  type Count,
  type Dimension,
  pause,
  type Repeating,
  repeating,
  type TopBy,
  type TopItem,
} from '../../presence-core/index.ts';
import type { SessionCopy } from '../subscriptions/copy-source.ts';
import { Copy, type CopyOptions, type Loss } from './copy.ts';
import { type Demand, LOOK_MS, type Unwanted } from './demand.ts';
import type { KnownStatuses, View, Viewing } from './view.ts';

export interface ReplicaOptions extends CopyOptions {
  readonly log: CopyOptions['log'] & { info(fields: object, message: string): void };
  /** The oldest view that is served. */
  readonly maxLagMs: number;
  /** The first pause before a copy is made anew, spread by chance from 0. */
  readonly pauseMs?: number;
  /** Undefined: there is always to be a copy. */
  readonly demand?: Pick<Demand, 'reads' | 'look'>;
}

/** Why the store was asked: no copy is wanted, there is none yet, it was lost, or it is too old. */
export type Fallback = 'building' | 'gap' | 'mismatch' | 'lag' | Unwanted;

export interface ReplicaReport {
  readonly serving: boolean;
  /** How old the view is at the most; infinite while there is none. */
  readonly lagMs: number;
  readonly sessions: number;
  readonly users: number;
  /** Copies begun after the first. */
  readonly rebuilds: number;
  /** Reads answered by the view alone. */
  readonly hits: number;
  /** Reads for which the store was asked about users that the view does not know. */
  readonly misses: number;
  /** Reads left to the store. */
  readonly fallbacks: Readonly<Record<Fallback, number>>;
}

/** What was read, and how old it may be, in ms. */
export interface Aged<T> {
  readonly value: T;
  readonly ageMs: number;
}

const PAUSE_MS = 1_000;
const PAUSE_MAX_FACTOR = 32;
/** A copy that lasted so long was a good one: the next loss is answered as if it were the first. */
const LASTING_MS = 60_000;

/** Reads other than of users count as so many users: a call to the store costs more than its items. */
const READ_COSTS = 10;

/** A list of tops serves for so long, and so many times as long as it took: making it looks at every stream. */
const TOP_FRESH_MS = 100;
const TOP_FRESH_FACTOR = 20;
/** Tops of fewer are cut from a list of so many. */
const TOP_MIN_ITEMS = 100;

interface Tops {
  readonly items: readonly TopItem[];
  readonly limit: number;
  readonly madeAt: number;
  readonly tookMs: number;
  readonly asOf: number;
}

/** What is logged when that changes. */
const LOOKED = {
  wanted: 'replica wanted: much is read',
  idle: 'replica given up: little is read',
  memory: 'no replica: it would take more than its share of memory',
};

export class Replica {
  private readonly options: ReplicaOptions;
  private readonly stopping = new AbortController();
  private copy: Copy | undefined;
  private why: Fallback = 'building';
  private tops = new Map<TopBy, Tops>();
  private rebuilds = 0;
  private hits = 0;
  private misses = 0;
  private readonly fallbacks = { building: 0, gap: 0, mismatch: 0, lag: 0, idle: 0, memory: 0 };
  private isWanted = true;
  private isRunning = false;
  /** The copy is too old, and the log tells so. */
  private isLate = false;
  private looking: Repeating | undefined;

  constructor(options: ReplicaOptions) {
    this.options = options;
  }

  /** Begins to follow the store, which must have started, until `stop`; with a demand, while it is wanted. */
  start(): void {
    const { demand } = this.options;
    if (!demand) {
      void this.run();
      return;
    }
    this.isWanted = false;
    this.why = 'idle';
    this.looking = repeating({ everyMs: LOOK_MS }, () => this.look(demand));
  }

  stop(): void {
    void this.looking?.stop();
    this.stopping.abort();
    this.copy?.stop();
  }

  /** In the order asked for. Users that the view does not know must be asked of the store. */
  status(userIds: readonly string[]): Aged<KnownStatuses> | undefined {
    const now = Date.now();
    this.options.demand?.reads(READ_COSTS + userIds.length);
    const answer = this.read((view) => view.status(userIds, now));
    if (answer?.value.unknown.length === 0) this.hits += 1;
    else if (answer) this.misses += 1;
    return answer;
  }

  count(dimension: Dimension): Aged<Count> | undefined {
    return this.hit((view) => view.count(dimension));
  }

  viewing(userId: string): Aged<Viewing> | undefined {
    return this.hit((view) => view.viewing(userId));
  }

  top(by: TopBy, limit: number): Aged<TopItem[]> | undefined {
    this.options.demand?.reads(READ_COSTS);
    const copy = this.serving();
    if (!copy) return undefined;
    this.hits += 1;
    const now = performance.now();
    let tops = this.tops.get(by);
    const freshMs = Math.max(TOP_FRESH_MS, TOP_FRESH_FACTOR * (tops?.tookMs ?? 0));
    if (!tops || tops.limit < limit || now - tops.madeAt > freshMs || now - tops.asOf > this.options.maxLagMs) {
      const size = Math.max(limit, TOP_MIN_ITEMS);
      const items = copy.view.top(by, size);
      tops = { items, limit: size, madeAt: now, tookMs: performance.now() - now, asOf: copy.asOf };
      this.tops.set(by, tops);
    }
    return { value: tops.items.slice(0, limit), ageMs: now - tops.asOf };
  }

  /** What snapshots are taken of; undefined while it is not whole, or too old. */
  current(): SessionCopy | undefined {
    return this.serving();
  }

  report(): ReplicaReport {
    const { users, sessions } = this.copy?.view.count({ by: 'total' }) ?? { users: 0, sessions: 0 };
    const lagMs = this.copy?.whole ? performance.now() - this.copy.asOf : Number.POSITIVE_INFINITY;
    const serving = lagMs <= this.options.maxLagMs;
    const { rebuilds, hits, misses } = this;
    return { serving, lagMs, sessions, users, rebuilds, hits, misses, fallbacks: { ...this.fallbacks } };
  }

  private hit<T>(ask: (view: View) => T): Aged<T> | undefined {
    this.options.demand?.reads(READ_COSTS);
    const answer = this.read(ask);
    if (answer) this.hits += 1;
    return answer;
  }

  private read<T>(ask: (view: View) => T): Aged<T> | undefined {
    const copy = this.serving();
    return copy && { value: ask(copy.view), ageMs: performance.now() - copy.asOf };
  }

  private serving(): Copy | undefined {
    const { copy } = this;
    const lagMs = copy?.whole ? performance.now() - copy.asOf : undefined;
    const isLate = lagMs !== undefined && lagMs > this.options.maxLagMs;
    if (isLate && !this.isLate) this.options.log.info({ lagMs: Math.round(lagMs) }, 'replica late: Redis is read');
    this.isLate = isLate;
    if (lagMs !== undefined && !isLate) return copy;
    this.fallbacks[isLate ? 'lag' : this.why] += 1;
    return undefined;
  }

  private async look(demand: Pick<Demand, 'look'>): Promise<void> {
    const sessions = this.isWanted ? this.report().sessions : undefined;
    const answer = await demand.look(sessions);
    if (this.stopping.signal.aborted) return;
    const isWanted = answer === 'wanted';
    const wasToFit = this.why !== 'memory';
    if (!isWanted) this.why = answer;
    else if (!this.isWanted) this.why = 'building';
    if (isWanted !== this.isWanted || (answer === 'memory' && wasToFit)) {
      this.options.log.info({ sessions }, LOOKED[answer]);
    }
    this.isWanted = isWanted;
    if (!isWanted) this.copy?.stop();
    else if (!this.isRunning) void this.run();
  }

  private async run(): Promise<void> {
    this.isRunning = true;
    await this.followAll();
    this.isRunning = false;
  }

  private async followAll(): Promise<void> {
    const { pauseMs = PAUSE_MS } = this.options;
    for (let factor = 1; this.isWanted && !this.stopping.signal.aborted; ) {
      const { loss, lastedMs } = await this.follow();
      if (loss === 'stopped') return;
      this.why = loss;
      this.rebuilds += 1;
      factor = lastedMs > LASTING_MS ? 1 : Math.min(factor * 2, PAUSE_MAX_FACTOR);
      // All processes lose their copies at the same time.
      const waitMs = Math.random() * factor * pauseMs;
      this.options.log.info({ loss, lastedMs, waitMs: Math.round(waitMs) }, 'replica lost, rebuilding');
      await pause(waitMs, this.stopping.signal);
    }
  }

  /** Makes a copy and follows the log until the copy is lost. */
  private async follow(): Promise<{ loss: Loss; lastedMs: number }> {
    const begunAt = performance.now();
    let wholeAt = Number.POSITIVE_INFINITY;
    const copy = new Copy(this.options);
    this.copy = copy;
    void copy.build().then(() => {
      if (!copy.whole) return;
      wholeAt = performance.now();
      const { sessions, users } = copy.view.count({ by: 'total' });
      this.options.log.info(
        { sessions, users, tookMs: Math.round(wholeAt - begunAt) },
        'replica ready: it answers reads',
      );
    });
    const loss = await copy.lost;
    this.copy = undefined;
    this.tops.clear();
    return { loss, lastedMs: Math.round(Math.max(0, performance.now() - wholeAt)) };
  }
}
