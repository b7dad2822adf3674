/**
 * The embedded store: one process, one shard, no Redis; the same rules and the same contract suite.
 *
 * Verbs are synchronous inside, hence atomic. Nothing here runs by itself: the caller sweeps every second.
 */
import { randomBytes } from 'node:crypto';
import { byAge } from '../admission.ts';
import { ChangeGroupMember } from '../change-group.ts';
import { type Clock, systemClock } from '../clock.ts';
import { partOf } from '../keys.ts';
import type * as api from '../presence-store.ts';
import type { Displaced, Owner } from '../session.ts';
import { MemoryAnalytics } from './analytics.ts';
import { MemoryChangeGroup } from './change-group.ts';
import { MemoryNodes } from './nodes.ts';
import { openSession } from './open.ts';
import { type Holder, SessionRow, slots } from './session-row.ts';
import { MemoryShard } from './shard.ts';
import { MemorySweep } from './sweep.ts';
import { PARTS } from './users.ts';

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

export class MemoryStore implements api.PresenceStore {
  readonly kind = 'memory';
  readonly parts = PARTS;
  readonly #clock: Clock;
  readonly #defaultLimit: number;
  readonly #claimMs: number;
  readonly #epoch = randomBytes(8).toString('hex');
  readonly #secret = randomBytes(32).toString('hex');
  readonly #shard: MemoryShard;
  readonly #nodes = new MemoryNodes();
  readonly #sweep: MemorySweep;
  readonly #analytics = new MemoryAnalytics(this.#epoch);
  readonly #overrides = new Map<string, number>();
  readonly #changeGroups = new Map<string, MemoryChangeGroup>();
  readonly #inboxes = new Map<string, (message: api.InboxMessage) => void>();
  #sweeping: Promise<api.SweepResult> | undefined;

  constructor(options: MemoryStoreOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.#defaultLimit = options.defaultLimit ?? 3;
    this.#claimMs = options.claimMs ?? 8_000;
    this.#shard = new MemoryShard({
      epoch: this.#epoch,
      tombstoneMs: options.tombstoneMs ?? 600_000,
      seenTtlMs: options.seenTtlMs ?? 86_400_000,
      seenMax: options.seenMax ?? 100_000,
      logMax: options.logMax ?? 100_000,
    });
    this.#sweep = new MemorySweep(this.#shard, this.#nodes, options.stallGraceMs ?? 30_000);
  }

  async start(): Promise<void> {}

  async stop(): Promise<void> {
    await this.#sweep.endAll(this.#clock());
    this.#shard.log.wake();
  }

  async ping(): Promise<void> {}

  secret(): string {
    return this.#secret;
  }

  async open(request: api.OpenRequest): Promise<api.OpenResult> {
    const now = this.#clock();
    const holder = this.#holder(request.owner, now);
    if (holder === undefined) return { outcome: 'fenced' };
    const max = request.limit ?? this.#overrides.get(request.userId) ?? this.#defaultLimit;
    return openSession(this.#shard, request, holder, max, now);
  }

  async renew(requests: readonly api.RenewRequest[]): Promise<api.RenewResult[]> {
    const now = this.#clock();
    return requests.map((request) => {
      const row = this.#held(request, request.owner, now);
      if (!(row instanceof SessionRow)) return row;
      row.expiresAt = Math.max(row.expiresAt, now + request.leaseMs);
      return { outcome: 'renewed', expiresAt: row.expiresAt };
    });
  }

  async update(request: api.UpdateRequest): Promise<api.UpdateResult> {
    const now = this.#clock();
    const row = this.#held(request, request.owner, now);
    if (!(row instanceof SessionRow)) return row;
    const outcome = this.#shard.change(row, request.attributes, now) ? 'updated' : 'unchanged';
    return { outcome, segment: row.segment, segmentStartedAt: row.segmentStartedAt };
  }

  async detach(requests: readonly api.OwnedRef[], graceMs: number): Promise<api.DetachResult[]> {
    const now = this.#clock();
    return requests.map((request) => {
      const row = this.#held(request, request.owner, now);
      if (!(row instanceof SessionRow)) return row;
      row.hold('none', 'none');
      this.#shard.shorten(row, now + graceMs);
      return { outcome: 'detached', expiresAt: row.expiresAt };
    });
  }

  async close(request: api.CloseRequest): Promise<api.CloseResult> {
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

  async status(userIds: readonly string[]): Promise<api.UserStatus[]> {
    const now = this.#clock();
    return userIds.map((userId) => {
      const live = this.#shard.members(userId).filter((row) => row.expiresAt > now);
      const online = live.length > 0;
      const lastSeenAt = online ? now : this.#shard.lastSeenAt(userId, now);
      return { userId, online, sessions: slots(live).length, lastSeenAt };
    });
  }

  async sessions(userIds: readonly string[]): Promise<api.UserSessions[]> {
    const now = this.#clock();
    return userIds.map((userId) => {
      const live = slots(this.#shard.members(userId))
        .filter((row) => row.expiresAt > now)
        .sort(byAge);
      const max = this.#overrides.get(userId) ?? live.at(-1)?.limit ?? this.#defaultLimit;
      return { userId, max, sessions: live.map((row) => row.session()) };
    });
  }

  async counts(dimensions: readonly api.Dimension[]): Promise<api.Count[]> {
    return dimensions.map((dimension) => this.#shard.counts.count(dimension));
  }

  async top(by: 'stream' | 'deviceType' | 'country' | 'state', limit: number): Promise<api.TopItem[]> {
    return this.#shard.counts.top(by, limit);
  }

  async limitOverride(userId: string): Promise<number | null> {
    return this.#overrides.get(userId) ?? null;
  }

  async setLimitOverride(userId: string, max: number | null): Promise<void> {
    if (max === null) this.#overrides.delete(userId);
    else this.#overrides.set(userId, max);
  }

  async join(nodeId: string, leaseMs: number): Promise<api.BeatResult> {
    const now = this.#judgedAt();
    return this.#beaten(this.#nodes.join(nodeId, leaseMs, now), now);
  }

  async beat(nodeId: string, leaseMs: number): Promise<api.BeatResult> {
    const now = this.#judgedAt();
    return this.#beaten(this.#nodes.beat(nodeId, leaseMs, now), now);
  }

  async quit(nodeId: string): Promise<void> {
    const now = this.#clock();
    const lease = this.#nodes.get(nodeId);
    if (lease === undefined) return;
    lease.endsAt = Math.min(lease.endsAt, now);
    this.#inboxes.delete(nodeId);
    await this.#sweep.endNode(lease, now);
  }

  /** A sweep that is asked for while one runs is that one. */
  sweep(): Promise<api.SweepResult> {
    const now = this.#clock();
    this.#analytics.trim(now);
    this.#sweeping ??= this.#sweep
      .run(now, ({ nodeId }) => this.#inboxes.delete(nodeId))
      .finally(() => {
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

  readLog(cursor: string, limit: number, waitMs: number): Promise<api.LogPage> {
    return this.#shard.log.read(cursor, limit, waitMs);
  }

  async upholds(cursor: string): Promise<boolean> {
    return this.#shard.log.upholds(cursor);
  }

  positions(cursor: string): readonly number[] {
    return [this.#shard.log.positionOf(cursor)];
  }

  changeGroup(name: string): api.ChangeGroup {
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

  async snapshot(part: number): Promise<api.Snapshot> {
    return this.#snapshot(this.#shard.membersInPart(part));
  }

  async snapshotOf(userId: string): Promise<api.Snapshot> {
    return this.#snapshot(this.#shard.members(userId));
  }

  async countEvent(event: api.CountedEvent): Promise<void> {
    this.#analytics.count(event, this.#clock());
  }

  async hourRecords(): Promise<api.HourCounts[]> {
    return this.#analytics.records(this.#clock());
  }

  async hourRecord(at: number): Promise<api.HourRecord | null> {
    return this.#analytics.record(at, this.#clock());
  }

  async serverStats(): Promise<readonly api.ServerStats[]> {
    return [];
  }

  async notify(displaced: readonly Displaced[], by?: api.InboxMessage['by']): Promise<void> {
    for (const { session, owner, reason } of displaced) {
      if (typeof owner === 'string') continue;
      const { userId, sessionId } = session;
      this.#inboxes.get(owner.nodeId)?.({ userId, sessionId, connection: owner.connection, reason, by });
    }
  }

  onInbox(nodeId: string, deliver: (message: api.InboxMessage) => void): void {
    this.#inboxes.set(nodeId, deliver);
  }

  #snapshot(rows: Iterable<SessionRow>): api.Snapshot {
    return { sessions: Array.from(rows, (row) => row.session()), shard: 0, sequence: this.#shard.log.last };
  }

  /** Who would hold for this owner; undefined when it is a socket of a generation whose lease does not run. */
  #holder(owner: Owner, now: number): Holder | undefined {
    return typeof owner === 'string' ? owner : this.#nodes.running(owner.nodeId, now);
  }

  /** The live session, if the owner may act on it, or why nothing is done. */
  #held({ userId, sessionId }: api.SessionRef, owner: Owner | undefined, now: number): SessionRow | api.Miss {
    if (owner !== undefined && this.#holder(owner, now) === undefined) return { outcome: 'fenced' };
    const row = this.#shard.find(userId, sessionId, now);
    if (row === undefined) {
      const reason = this.#shard.tombstone(userId, sessionId, now);
      return reason === undefined ? { outcome: 'gone' } : { outcome: 'ended', reason };
    }
    return owner === undefined || row.isHeldBy(owner) ? row : { outcome: 'moved' };
  }

  /** Now, after a silence was answered (P9). */
  #judgedAt(): number {
    const now = this.#clock();
    this.#sweep.answerSilence(now);
    return now;
  }

  #beaten(accepted: boolean, now: number): api.BeatResult {
    return { outcome: accepted ? 'alive' : 'fenced', epoch: this.#epoch, now };
  }
}
