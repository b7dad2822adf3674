/**
 * The one face of presence: who is live, on how many screens, and whether one more is allowed.
 *
 * `MemoryStore` and `RedisStore` implement it and pass one contract suite (tests/contract/store/store-contract.ts)
 * whose tests cite the rules P1… of SPEC.md. Ids must satisfy P13 (`checkId`): a store trusts its caller there.
 * Every method may reject with `StoreError`: `store_unavailable` (retryable, outcome unknown: verbs are idempotent, P7)
 * or `store_misconfigured`.
 */
import type { Attributes, Change, CloseReason, Displaced, Owner, Session, SocketOwner } from './session.ts';

export interface OpenRequest {
  readonly userId: string;
  readonly sessionId: string;
  readonly attributes: Attributes;
  readonly owner: Owner;
  readonly leaseMs: number;
  /** From the token; else the per-user override counts, else the store's default (P6). */
  readonly limit?: number;
  readonly onLimit?: 'reject' | 'evict-oldest';
  /** Sessions of the same user to end in the same step (P5). */
  readonly replace?: readonly string[];
  /**
   * `fresh` clears a tombstone (a hello); `resume` and `beat` are answered `ended` by one (P5).
   * `return` is a resume of a live session only: it never admits, and is answered `gone` when there is none.
   * `beat` leaves a session that a socket holds as it is.
   * `restore` re-opens what the store forgot, with its `startedAt` and segment, above the limit if need be (P10).
   */
  readonly intent: 'fresh' | 'resume' | 'return' | 'beat' | 'restore';
  /** With `restore`: as the store last told of the session. */
  readonly startedAt?: number;
  readonly segment?: number;
  readonly segmentStartedAt?: number;
}

/** `current` counts the user's live sessions after the act, presence-only marks left out. */
export type OpenResult =
  | {
      /** `held`: a beat for a session that a socket holds; nothing was changed. */
      readonly outcome: 'opened' | 'renewed' | 'held';
      readonly current: number;
      readonly max: number;
      readonly startedAt: number;
      /** As in `Change`. */
      readonly segment: number;
      readonly segmentStartedAt: number;
      readonly expiresAt: number;
      /** Sessions this act ended, and the same session's former socket when it moved. */
      readonly displaced: readonly Displaced[];
    }
  | {
      readonly outcome: 'refused';
      readonly current: number;
      readonly max: number;
      /** Who holds the slots, oldest first. */
      readonly conflicts: readonly Session[];
      /** When the first of them could free, if nobody renews it. */
      readonly nextFreeAt: number;
      /** What `replace` ended although there was still no room. */
      readonly displaced: readonly Displaced[];
    }
  | { readonly outcome: 'ended'; readonly reason: CloseReason }
  | { readonly outcome: 'fenced' }
  /** Only to the intent `return`. */
  | { readonly outcome: 'gone' };

export interface SessionRef {
  readonly userId: string;
  readonly sessionId: string;
}

export interface OwnedRef extends SessionRef {
  /** The act changes nothing and answers `moved` when another owner holds the session (P7). */
  readonly owner: Owner;
}

export interface RenewRequest extends OwnedRef {
  readonly leaseMs: number;
}

/** Why an act on a session changed nothing. `gone`: not live. `ended`: a tombstone tells why. */
export type Miss =
  | { readonly outcome: 'gone' | 'moved' | 'fenced' }
  | { readonly outcome: 'ended'; readonly reason: CloseReason };

export type RenewResult = { readonly outcome: 'renewed'; readonly expiresAt: number } | Miss;
export type DetachResult = { readonly outcome: 'detached'; readonly expiresAt: number } | Miss;

export interface UpdateRequest extends SessionRef {
  /** Checked when given. */
  readonly owner?: Owner;
  readonly attributes: Attributes;
}

export type UpdateResult =
  | {
      readonly outcome: 'updated' | 'unchanged';
      /** The session's, after the act. */
      readonly segment: number;
      readonly segmentStartedAt: number;
    }
  | Miss;

export interface CloseRequest extends SessionRef {
  /** Checked when given. */
  readonly owner?: Owner;
  /** `kicked` leaves a tombstone. */
  readonly reason: 'left' | 'timeout' | 'kicked';
}

export type CloseResult = { readonly outcome: 'closed'; readonly displaced: Displaced } | Miss;

export interface UserStatus {
  readonly userId: string;
  readonly online: boolean;
  readonly sessions: number;
  /** Online: now. Never seen, or longer ago than is kept: null (P15). */
  readonly lastSeenAt: number | null;
}

export interface UserSessions {
  readonly userId: string;
  /** The override, else the limit at the newest live session's admission, else the default. */
  readonly max: number;
  /** Live sessions, oldest first, presence-only marks left out. */
  readonly sessions: readonly Session[];
}

/** One thing that is counted (P12). `total` counts presence-only users in `users` and not in `sessions`. */
export type Dimension =
  | { readonly by: 'total' }
  | { readonly by: 'stream' | 'deviceType' | 'country'; readonly key: string }
  | { readonly by: 'state'; readonly country: string; readonly state: string };

export interface Count {
  readonly users: number;
  readonly sessions: number;
}

export interface TopItem extends Count {
  /** Stream id, device type, country, or `country/state`. */
  readonly key: string;
}

export interface BeatResult {
  /** `fenced`: this generation's lease lapsed in at least one shard; the node must go on as a new one (P9). */
  readonly outcome: 'alive' | 'fenced';
  /** Changes when the store was emptied or another master took over: what sockets hold must be restored (P10). */
  readonly epoch: string;
  readonly now: number;
}

export interface SweepResult {
  readonly ended: number;
  /** How long the oldest entry had been due, in ms. */
  readonly lagMs: number;
}

export interface LogPage {
  /** In order within each shard, hence per user. */
  readonly changes: readonly Change[];
  /** Opaque; where to go on. */
  readonly cursor: string;
  /** Entries after the given cursor are no longer there (trimmed, or a new epoch): take a fresh snapshot. */
  readonly gap: boolean;
  /** The page was full in at least one shard: more may be there already. Else all that was there at the call is told. */
  readonly more: boolean;
}

/** Changes that one member of a group was given. */
export interface TakenChanges {
  /** In order within each shard. */
  readonly changes: readonly Change[];
  /**
   * Entries that were trimmed away before any member was given them, or while nobody acknowledged them in time, and
   * entries that cannot be read. Told once, to one member, unless that answer is lost.
   */
  readonly lost: number;
  /** Of the fullest shard: entries since the oldest one not acknowledged, as part of what is kept; at 1 the next go. */
  readonly backlog: number;
  /** What `acknowledge` needs to know; of no use to others. */
  readonly receipt: unknown;
}

/** A member of a group that shares the changes of the log (P17). */
export interface ChangeGroup {
  /**
   * Takes up to about `limit` changes that no other member has, fewer when a store bounds its calls; waits up to
   * `waitMs` for some. May be answered with none before that, when nothing of what there was to take can be read.
   */
  take(limit: number, waitMs: number): Promise<TakenChanges>;
  /** What is not acknowledged within the store's `claimMs` is given to a member again. */
  acknowledge(taken: TakenChanges): Promise<void>;
  /** Gives the membership up; what was not acknowledged goes to others. Ends a waiting `take`. */
  leave(): Promise<void>;
}

/**
 * Sessions as of a place in their shard's log: a change of the same users with a greater sequence is news, one with a
 * lesser or equal is already in here. So a snapshot followed by the log has no gap and no double (P11). One that has
 * expired and was not swept yet is among them, as its close is still to come.
 */
export interface Snapshot {
  /** Presence-only marks among them. */
  readonly sessions: readonly Session[];
  readonly shard: number;
  readonly sequence: number;
}

export type EventKind = 'click' | 'impression';

export interface CountedEvent {
  readonly userId: string;
  readonly kind: EventKind;
  /** Decides the hour it counts for; at most a day away from now. */
  readonly at: number;
}

/**
 * What was counted for an hour, UTC (P16), since its counters were begun. They are begun anew, as another generation,
 * when the store forgot them: what a history keeps of an hour is the sum over its generations, of each the most seen.
 */
export interface HourCounts {
  readonly hourAt: number;
  readonly generation: string;
  readonly clicks: number;
  readonly impressions: number;
}

export interface HourRecord extends HourCounts {
  /** Sketch of the users, at most 80,004 bytes: for `mergeSketches` and `countSketches`. */
  readonly users: Uint8Array;
}

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

/** A message to a node about sessions of its sockets (P5): delivered at most once, renewal is the backstop. */
export interface InboxMessage {
  readonly userId: string;
  readonly sessionId: string;
  readonly connection: number;
  readonly reason: CloseReason | 'moved';
  /** The session that took the slot. */
  readonly by?: { readonly sessionId: string; readonly deviceType?: string };
}

export interface PresenceStore {
  readonly kind: 'memory' | 'redis';

  /** Connects, checks the deployment's configuration and reads it. Rejects until the store can serve. */
  start(): Promise<void>;
  /**
   * Ends connections and timers. In Redis sessions stay; those of the memory store end with it, as `node_lost` at that
   * instant, and its log can be read on, by `readLog` and by change groups.
   */
  stop(): Promise<void>;
  /** Resolves when the store answers within its time bound. */
  ping(): Promise<void>;
  /** Secret of the deployment for resume tokens: the same on every node. */
  secret(): string;

  /** Admission (P4–P7): one atomic step. */
  open(request: OpenRequest): Promise<OpenResult>;
  /** Extends leases; results in the order of the requests. Writes the users' sets only. */
  renew(requests: readonly RenewRequest[]): Promise<RenewResult[]>;
  update(request: UpdateRequest): Promise<UpdateResult>;
  /** Leaves sessions to the resume grace, without an owner (P8). */
  detach(requests: readonly OwnedRef[], graceMs: number): Promise<DetachResult[]>;
  close(request: CloseRequest): Promise<CloseResult>;
  /** Ends all live sessions of a user with reason `kicked`, each leaving a tombstone. */
  kick(userId: string): Promise<readonly Displaced[]>;

  /** In the order and with the duplicates asked for. */
  status(userIds: readonly string[]): Promise<UserStatus[]>;
  sessions(userIds: readonly string[]): Promise<UserSessions[]>;
  counts(dimensions: readonly Dimension[]): Promise<Count[]>;
  /** Most sessions first, then by key; at most `limit`. */
  top(by: 'stream' | 'deviceType' | 'country' | 'state', limit: number): Promise<TopItem[]>;

  limitOverride(userId: string): Promise<number | null>;
  /** `null` removes the override. */
  setLimitOverride(userId: string, max: number | null): Promise<void>;

  /** Takes a lease for a new node generation in every shard. */
  join(nodeId: string, leaseMs: number): Promise<BeatResult>;
  /** Renews the lease of a node generation in every shard (P9). Never revives a lapsed one. */
  beat(nodeId: string, leaseMs: number): Promise<BeatResult>;
  /** Gives a node's lease up after all its sessions were closed or detached. What it still owns is ended. */
  quit(nodeId: string): Promise<void>;
  /** Ends what has expired and what lapsed nodes held, in bounded slices that let others in between. */
  sweep(): Promise<SweepResult>;

  /** Cursor of the newest entry: what comes after it is new. */
  tail(): Promise<string>;
  /** Cursor before the oldest entry kept. */
  head(): Promise<string>;
  /**
   * Reads on from `cursor`: at most about `limit` changes; waits up to `waitMs` when there are none.
   * @throws StoreError `invalid_cursor` for a text that is no cursor of this deployment.
   */
  readLog(cursor: string, limit: number, waitMs: number): Promise<LogPage>;
  /**
   * Whether the store still stands by all that was read up to `cursor`. False when its log ends before, or is another
   * master's that no beat has given a new epoch yet: it may have lost changes and then counted others alike (P10).
   * @throws StoreError `invalid_cursor`
   */
  upholds(cursor: string): Promise<boolean>;

  /** For each shard, the sequence up to which a reader at this cursor has read. @throws StoreError `invalid_cursor` */
  positions(cursor: string): readonly number[];

  /**
   * Joins those that share the log under a name. Members of all nodes that give the same name are one group; a new
   * group begins at the oldest entry kept.
   * @param member unique in the group at any time.
   */
  changeGroup(name: string, member: string): ChangeGroup;

  /** All users are divided into so many parts, each within one shard. */
  readonly parts: number;
  partOf(userId: string): number;
  /** All sessions of one part's users. */
  snapshot(part: number): Promise<Snapshot>;
  /** One user's. */
  snapshotOf(userId: string): Promise<Snapshot>;

  /** Adds to the analytics of an hour (P16). The one act that counts twice when repeated after an unknown outcome. */
  countEvent(event: CountedEvent): Promise<void>;
  /** Of all hours kept, oldest first: when an hour's counts are as they were, so are its users. */
  hourRecords(): Promise<HourCounts[]>;
  /** Of the hour that contains `at`; null when nothing is kept of it. */
  hourRecord(at: number): Promise<HourRecord | null>;

  /** One for each server that answers within the time bound; none for the embedded store. */
  serverStats(): Promise<readonly ServerStats[]>;

  /** Tells the node that owns each displaced socket. */
  notify(displaced: readonly Displaced[], by?: InboxMessage['by']): Promise<void>;
  /** Starts to deliver this node's inbox; replaces an earlier subscription. */
  onInbox(nodeId: string, deliver: (message: InboxMessage) => void): void;
}

export type { SocketOwner };
