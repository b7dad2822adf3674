/**
 * The face of presence: who is live, on how many screens, and whether one more is allowed.
 *
 * A store is made of facets, one for each job, so that whoever needs one is given one. `MemoryStore` and `RedisStore`
 * pass one contract suite (tests/contract/store/), by subject, whose tests cite the rules P1… of SPEC.md.
 * Ids must satisfy P13 (`isId`): a store trusts its caller there. Every method may reject with `StoreError`:
 * `store_unavailable` (retryable, outcome unknown), `overloaded` (retryable, nothing was sent), `store_misconfigured`, or `internal` (a fault, never an outage).
 */
import type { StoreAnalytics } from './store/analytics.ts';
import type { StoreGroups } from './store/groups.ts';
import type { StoreInbox } from './store/inbox.ts';
import type { StoreLimits } from './store/limits.ts';
import type { StoreLog } from './store/log.ts';
import type { StoreNodes } from './store/nodes.ts';
import type { StoreReads } from './store/reads.ts';
import type { StoreSessions } from './store/sessions.ts';
import type { StoreSnapshots } from './store/snapshots.ts';

/** What a server of the store accounts of itself since it started. Bytes and seconds. */
export interface ServerStats {
  /** `host:port` */
  readonly server: string;
  readonly uptimeSeconds: number;
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
  readonly memoryBytes: number;
  readonly memoryPeakBytes: number;
  /** 0: without a bound. */
  readonly memoryMaxBytes: number;
  readonly clients: number;
  readonly commands: number;
  /** As the server measures it, over its last seconds. */
  readonly commandsPerSecond: number;
  /** Reads of keys that were there. */
  readonly hits: number;
  readonly misses: number;
  /** Changes of keys; begins anew when the server saves its data. */
  readonly writes: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly evictedKeys: number;
}

/** What is true of a store as a whole. */
export interface StoreTraits {
  /** For the log and `presence_info`; nothing is decided by it. */
  readonly name: 'memory' | 'redis';
  /** Other processes may use the same store: what one of them does shows in all. */
  readonly isShared: boolean;
  /** Sessions and the log are there after this process has ended. Else they end with it and must be saved before. */
  readonly outlivesProcess: boolean;
}

export interface PresenceStore extends StoreTraits {
  readonly sessions: StoreSessions;
  readonly reads: StoreReads;
  readonly limits: StoreLimits;
  readonly nodes: StoreNodes;
  readonly log: StoreLog;
  readonly snapshots: StoreSnapshots;
  readonly groups: StoreGroups;
  readonly analytics: StoreAnalytics;
  readonly inbox: StoreInbox;

  /** Connects, checks the deployment's configuration and reads it. Rejects until the store can serve. */
  start(): Promise<void>;
  /**
   * Ends connections and timers. Where the store does not outlive the process, live sessions end as `node_lost` at that
   * instant, and its log can be read on, by `log` and by groups.
   */
  stop(): Promise<void>;
  /** Resolves when the store answers within its time bound. */
  ping(): Promise<void>;
  /** Secret of the deployment for resume tokens, the same on every node; '' until it was read. */
  secret(): string;
  /** One for each server that answers within the time bound; none for the embedded store. */
  serverStats(): Promise<readonly ServerStats[]>;
}
