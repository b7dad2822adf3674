/**
 * The embedded store: one process, one shard, no Redis; the same rules and the same contract suite.
 *
 * Acts are synchronous inside, hence atomic. Nothing here runs by itself: the caller sweeps every second.
 */
import { randomBytes } from 'node:crypto';
import { type Clock, systemClock } from '../clock.ts';
import type { PresenceStore, ServerStats } from '../presence-store.ts';
import { MemoryAnalytics } from './analytics.ts';
import { MemoryGroups } from './groups.ts';
import { MemoryInbox } from './inbox.ts';
import { LeaseTable } from './leases.ts';
import { MemoryLimits } from './limits.ts';
import type { MemoryLog } from './log.ts';
import { MemoryNodes } from './nodes.ts';
import { MemoryReads } from './reads.ts';
import { MemorySessions } from './sessions.ts';
import { MemoryShard } from './shard.ts';
import { MemorySnapshots } from './snapshots.ts';
import { MemorySweep } from './sweep.ts';

export interface MemoryStoreOptions {
  readonly clock?: Clock;
  readonly defaultLimit?: number;
  readonly tombstoneMs?: number;
  /** How long a session that left is not opened anew by a late beat, resume or refresh (P8). */
  readonly leftTombstoneMs?: number;
  readonly seenTtlMs?: number;
  readonly seenMax?: number;
  readonly logMax?: number;
  /** How long leases run on after a silence was answered, as of a suspended process (P9). */
  readonly stallGraceMs?: number;
  /** What a member of a change group was given and has not acknowledged for so long goes to another (P17). */
  readonly claimMs?: number;
}

export class MemoryStore implements PresenceStore {
  readonly name = 'memory';
  readonly isShared = false;
  readonly outlivesProcess = false;
  readonly sessions: MemorySessions;
  readonly reads: MemoryReads;
  readonly limits: MemoryLimits;
  readonly nodes: MemoryNodes;
  readonly log: MemoryLog;
  readonly snapshots: MemorySnapshots;
  readonly groups: MemoryGroups;
  readonly analytics: MemoryAnalytics;
  readonly inbox = new MemoryInbox();
  readonly #clock: Clock;
  readonly #secret = randomBytes(32).toString('hex');
  readonly #sweep: MemorySweep;

  constructor(options: MemoryStoreOptions = {}) {
    const clock = options.clock ?? systemClock;
    const epoch = randomBytes(8).toString('hex');
    const leases = new LeaseTable(options.stallGraceMs ?? 30_000);
    const shard = new MemoryShard({
      epoch,
      tombstoneMs: options.tombstoneMs ?? 600_000,
      leftTombstoneMs: options.leftTombstoneMs ?? 10_000,
      seenTtlMs: options.seenTtlMs ?? 86_400_000,
      seenMax: options.seenMax ?? 1_000_000,
      logMax: options.logMax ?? 100_000,
      clock,
      leases,
    });
    const sweep = new MemorySweep(shard, leases);
    this.#clock = clock;
    this.#sweep = sweep;
    this.limits = new MemoryLimits(options.defaultLimit ?? 3);
    this.sessions = new MemorySessions(shard, leases, this.limits, clock);
    this.reads = new MemoryReads(shard, this.limits, clock);
    this.log = shard.log;
    this.snapshots = new MemorySnapshots(shard, clock);
    this.groups = new MemoryGroups(shard.log, clock, options.claimMs ?? 8_000);
    this.analytics = new MemoryAnalytics(epoch, clock);
    this.nodes = new MemoryNodes({ epoch, leases, sweep, inbox: this.inbox, analytics: this.analytics, clock });
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    await this.#sweep.endAll(this.#clock());
    this.log.wake();
  }

  async ping(): Promise<void> {}

  secret(): string {
    return this.#secret;
  }

  async serverStats(): Promise<readonly ServerStats[]> {
    return [];
  }
}
