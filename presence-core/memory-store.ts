/**
 * The embedded store: one process, one shard, no Redis; the same rules and the same contract suite.
 *
 * Verbs are synchronous inside, hence atomic. Nothing here runs by itself: the caller sweeps every second.
 */
import { randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { byAge } from './admission.ts';
import { ChangeGroupMember } from './change-group.ts';
import { type Clock, systemClock } from './clock.ts';
import { partOf } from './keys.ts';
import { MemoryAnalytics } from './memory-analytics.ts';
import { MemoryChangeGroup } from './memory-change-group.ts';
import { MemoryNodes } from './memory-nodes.ts';
import { openSession } from './memory-open.ts';
import { type Holder, type NodeLease, SessionRow, slots } from './memory-session.ts';
import { MemoryShard } from './memory-shard.ts';
import { PARTS } from './memory-users.ts';
import type {
  BeatResult,
  ChangeGroup,
  CloseRequest,
  CloseResult,
  Count,
  CountedEvent,
  DetachResult,
  Dimension,
  HourAnalytics,
  HourCounts,
  HourRecord,
  InboxMessage,
  LogPage,
  Miss,
  OpenRequest,
  OpenResult,
  OwnedRef,
  PresenceStore,
  RenewRequest,
  RenewResult,
  ServerStats,
  SessionRef,
  Snapshot,
  SweepResult,
  TopItem,
  UpdateRequest,
  UpdateResult,
  UserSessions,
  UserStatus,
} from './presence-store.ts';
import type { Displaced, Owner } from './session.ts';

/** How long a sweep may hold the event loop before it lets others in. */
const SLICE_MS = 4;
/** Sessions looked at between two looks at the clock. */
const SLICE_STEP = 64;

export interface MemoryStoreOptions {
  readonly clock?: Clock;
  readonly defaultLimit?: number;
  readonly tombstoneMs?: number;
  readonly seenTtlMs?: number;
  readonly seenMax?: number;
  readonly logMax?: number;
  /** What leases are given after everybody was silent, as a suspended process is (P9). */
  readonly stallGraceMs?: number;
  /** What a member of a change group was given and has not acknowledged for so long goes to another (P17). */
  readonly claimMs?: number;
}

export class MemoryStore implements PresenceStore {
  readonly kind = 'memory';
  readonly parts = PARTS;
  readonly #clock: Clock;
  readonly #defaultLimit: number;
  readonly #stallGraceMs: number;
  readonly #claimMs: number;
  readonly #epoch = randomBytes(8).toString('hex');
  readonly #secret = randomBytes(32).toString('hex');
  readonly #shard: MemoryShard;
  readonly #nodes = new MemoryNodes();
  readonly #analytics = new MemoryAnalytics(this.#epoch);
  readonly #overrides = new Map<string, number>();
  readonly #changeGroups = new Map<string, MemoryChangeGroup>();
  readonly #inboxes = new Map<string, (message: InboxMessage) => void>();
  #sweeping: Promise<SweepResult> | undefined;

  constructor(options: MemoryStoreOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#defaultLimit = options.defaultLimit ?? 3;
    this.#stallGraceMs = options.stallGraceMs ?? 30_000;
    this.#claimMs = options.claimMs ?? 8_000;
    this.#shard = new MemoryShard({
      epoch: this.#epoch,
      tombstoneMs: options.tombstoneMs ?? 600_000,
      seenTtlMs: options.seenTtlMs ?? 86_400_000,
      seenMax: options.seenMax ?? 100_000,
      logMax: options.logMax ?? 100_000,
    });
  }

  async start(): Promise<void> {}

  /** What is live ends with the process. All of it stays in the log, for readers that have yet to save it. */
  async stop(): Promise<void> {
    const now = this.#answerSilence();
    const rows = this.#shard.all();
    this.#shard.log.makeRoom(rows.length);
    await inSlices(() => {
      const row = rows.pop();
      if (row === undefined) return false;
      if (this.#shard.members(row.userId).includes(row)) this.#shard.endWithStore(row, now);
      return true;
    });
    this.#shard.log.wake();
  }

  async ping(): Promise<void> {}

  secret(): string {
    return this.#secret;
  }

  async open(request: OpenRequest): Promise<OpenResult> {
    const now = this.#clock();
    const holder = this.#holder(request.owner, now);
    if (holder === undefined) return { outcome: 'fenced' };
    const max = request.limit ?? this.#overrides.get(request.userId) ?? this.#defaultLimit;
    return openSession(this.#shard, request, holder, max, now);
  }

  async renew(requests: readonly RenewRequest[]): Promise<RenewResult[]> {
    const now = this.#clock();
    return requests.map((request) => {
      const row = this.#held(request, request.owner, now);
      if (!(row instanceof SessionRow)) return row;
      row.expiresAt = Math.max(row.expiresAt, now + request.leaseMs);
      return { outcome: 'renewed', expiresAt: row.expiresAt };
    });
  }

  async update(request: UpdateRequest): Promise<UpdateResult> {
    const now = this.#clock();
    const row = this.#held(request, request.owner, now);
    if (!(row instanceof SessionRow)) return row;
    const outcome = this.#shard.change(row, request.attributes, now) ? 'updated' : 'unchanged';
    return { outcome, segment: row.segment, segmentStartedAt: row.segmentStartedAt };
  }

  async detach(requests: readonly OwnedRef[], graceMs: number): Promise<DetachResult[]> {
    const now = this.#clock();
    return requests.map((request) => {
      const row = this.#held(request, request.owner, now);
      if (!(row instanceof SessionRow)) return row;
      row.hold('none', 'none');
      this.#shard.shorten(row, now + graceMs);
      return { outcome: 'detached', expiresAt: row.expiresAt };
    });
  }

  async close(request: CloseRequest): Promise<CloseResult> {
    const now = this.#clock();
    this.#shard.live(request.userId, now);
    const row = this.#held(request, request.owner, now);
    if (!(row instanceof SessionRow)) return row;
    const displaced = row.displaced(request.reason);
    this.#shard.end(row, request.reason, now);
    return { outcome: 'closed', displaced };
  }

  async kick(userId: string): Promise<readonly Displaced[]> {
    const now = this.#clock();
    return this.#shard
      .live(userId, now)
      .toSorted(byAge)
      .map((row) => {
        const displaced = row.displaced('kicked');
        this.#shard.end(row, 'kicked', now);
        return displaced;
      });
  }

  async status(userIds: readonly string[]): Promise<UserStatus[]> {
    const now = this.#clock();
    return userIds.map((userId) => {
      const live = this.#shard.members(userId).filter((row) => row.expiresAt > now);
      const online = live.length > 0;
      const lastSeenAt = online ? now : this.#shard.lastSeenAt(userId, now);
      return { userId, online, sessions: slots(live).length, lastSeenAt };
    });
  }

  async sessions(userIds: readonly string[]): Promise<UserSessions[]> {
    const now = this.#clock();
    return userIds.map((userId) => {
      const live = slots(this.#shard.members(userId))
        .filter((row) => row.expiresAt > now)
        .sort(byAge);
      const max = this.#overrides.get(userId) ?? live.at(-1)?.limit ?? this.#defaultLimit;
      return { userId, max, sessions: live.map((row) => row.session()) };
    });
  }

  async counts(dimensions: readonly Dimension[]): Promise<Count[]> {
    return dimensions.map((dimension) => this.#shard.counts.count(dimension));
  }

  async top(by: 'stream' | 'deviceType' | 'country' | 'state', limit: number): Promise<TopItem[]> {
    return this.#shard.counts.top(by, limit);
  }

  async limitOverride(userId: string): Promise<number | null> {
    return this.#overrides.get(userId) ?? null;
  }

  async setLimitOverride(userId: string, max: number | null): Promise<void> {
    if (max === null) this.#overrides.delete(userId);
    else this.#overrides.set(userId, max);
  }

  async join(nodeId: string, leaseMs: number): Promise<BeatResult> {
    const now = this.#answerSilence();
    return this.#beaten(this.#nodes.join(nodeId, leaseMs, now), now);
  }

  async beat(nodeId: string, leaseMs: number): Promise<BeatResult> {
    const now = this.#answerSilence();
    return this.#beaten(this.#nodes.beat(nodeId, leaseMs, now), now);
  }

  async quit(nodeId: string): Promise<void> {
    const now = this.#clock();
    const lease = this.#nodes.get(nodeId);
    if (lease === undefined) return;
    lease.endsAt = Math.min(lease.endsAt, now);
    await this.#endNode(lease, now);
  }

  /** A sweep that is asked for while one runs is that one. */
  sweep(): Promise<SweepResult> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined;
    });
    return this.#sweeping;
  }

  async tail(): Promise<string> {
    return this.#shard.log.tail();
  }

  async head(): Promise<string> {
    return this.#shard.log.head();
  }

  readLog(cursor: string, limit: number, waitMs: number): Promise<LogPage> {
    return this.#shard.log.read(cursor, limit, waitMs);
  }

  positions(cursor: string): readonly number[] {
    return [this.#shard.log.positionOf(cursor)];
  }

  changeGroup(name: string): ChangeGroup {
    let group = this.#changeGroups.get(name);
    if (group === undefined) {
      group = new MemoryChangeGroup(this.#shard.log, this.#clock, this.#claimMs);
      this.#changeGroups.set(name, group);
    }
    return new ChangeGroupMember(group);
  }

  partOf(userId: string): number {
    return partOf(userId, PARTS);
  }

  async snapshot(part: number): Promise<Snapshot> {
    return this.#snapshot(this.#shard.membersInPart(part));
  }

  async snapshotOf(userId: string): Promise<Snapshot> {
    return this.#snapshot(this.#shard.members(userId));
  }

  async countEvent(event: CountedEvent): Promise<void> {
    this.#analytics.count(event, this.#clock());
  }

  async analytics(at: number): Promise<HourAnalytics> {
    return this.#analytics.read(at, this.#clock());
  }

  async hourRecords(): Promise<HourCounts[]> {
    return this.#analytics.records(this.#clock());
  }

  async hourRecord(at: number): Promise<HourRecord | null> {
    return this.#analytics.record(at, this.#clock());
  }

  async serverStats(): Promise<readonly ServerStats[]> {
    return [];
  }

  async notify(displaced: readonly Displaced[], by?: InboxMessage['by']): Promise<void> {
    for (const { session, owner, reason } of displaced) {
      if (typeof owner === 'string') continue;
      const { userId, sessionId } = session;
      this.#inboxes.get(owner.nodeId)?.({ userId, sessionId, connection: owner.connection, reason, by });
    }
  }

  onInbox(nodeId: string, deliver: (message: InboxMessage) => void): void {
    this.#inboxes.set(nodeId, deliver);
  }

  #snapshot(rows: Iterable<SessionRow>): Snapshot {
    return { sessions: Array.from(rows, (row) => row.session()), shard: 0, sequence: this.#shard.log.last };
  }

  /** Who would hold for this owner; undefined when it is a socket of a generation whose lease does not run. */
  #holder(owner: Owner, now: number): Holder | undefined {
    return typeof owner === 'string' ? owner : this.#nodes.running(owner.nodeId, now);
  }

  /** The live session, if the owner may act on it, or why nothing is done. */
  #held({ userId, sessionId }: SessionRef, owner: Owner | undefined, now: number): SessionRow | Miss {
    if (owner !== undefined && this.#holder(owner, now) === undefined) return { outcome: 'fenced' };
    const row = this.#shard.find(userId, sessionId, now);
    if (row === undefined) {
      const reason = this.#shard.tombstone(userId, sessionId, now);
      return reason === undefined ? { outcome: 'gone' } : { outcome: 'ended', reason };
    }
    return owner === undefined || row.isHeldBy(owner) ? row : { outcome: 'moved' };
  }

  /** Before any lease is judged: those that ran when everybody fell silent run on (P9). */
  #answerSilence(): number {
    const now = this.#clock();
    const since = this.#nodes.takeSilence(now);
    if (since !== undefined) {
      this.#nodes.extend(since, now + this.#stallGraceMs);
      this.#shard.extend(since, now + this.#stallGraceMs);
    }
    return now;
  }

  #beaten(accepted: boolean, now: number): BeatResult {
    return { outcome: accepted ? 'alive' : 'fenced', epoch: this.#epoch, now };
  }

  async #sweep(): Promise<SweepResult> {
    const now = this.#answerSilence();
    const due = this.#shard.takeDue(now);
    let ended = 0;
    let oldest = now;
    await inSlices(() => {
      const row = due.first();
      if (row === undefined) return false;
      oldest = Math.min(oldest, row.expiresAt);
      ended += this.#shard.settle(row, now);
      return true;
    });
    for (const lease of this.#nodes.lapsed(now)) {
      const lost = await this.#endNode(lease, now);
      if (lost > 0) oldest = Math.min(oldest, lease.endsAt);
      ended += lost;
    }
    this.#shard.trim(now);
    this.#analytics.trim(now);
    return { ended, lagMs: now - oldest };
  }

  /** Forgets a node, so that nothing can be added to it or revive it, then ends what it holds. */
  async #endNode(lease: NodeLease, now: number): Promise<number> {
    this.#nodes.remove(lease);
    this.#inboxes.delete(lease.nodeId);
    let ended = 0;
    await inSlices(() => {
      const row = lease.sessions.first();
      if (row === undefined) return false;
      ended += this.#shard.endLost(row, lease, now);
      return true;
    });
    return ended;
  }
}

/** Repeats a step until it says false, letting others in when a slice is used up. */
async function inSlices(step: () => boolean): Promise<void> {
  let sliceEndsAt = performance.now() + SLICE_MS;
  for (let steps = 1; step(); steps += 1) {
    if (steps % SLICE_STEP === 0 && performance.now() >= sliceEndsAt) {
      await nextTurn();
      sliceEndsAt = performance.now() + SLICE_MS;
    }
  }
}
