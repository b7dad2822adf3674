/**
 * The truth of the memory store and all that follows from it. Every step here is synchronous and leaves users, counts,
 * expiry, log, last seen and tombstones in agreement; the acts of the memory store are made of these steps.
 */
import type { Clock } from '../clock.ts';
import type { Attributes, CloseReason, Displaced, Session } from '../session.ts';
import { trueEnd } from '../silence.ts';
import { type DueList, DueWheel } from '../toolkit/due-wheel.ts';
import { ExpiringMap } from '../toolkit/expiring-map.ts';
import { MemoryCounts } from './counts.ts';
import type { LeaseTable } from './leases.ts';
import { MemoryLog } from './log.ts';
import type { NodeLease, SessionRow } from './session-row.ts';
import { MemoryTombstones } from './tombstones.ts';
import { MemoryUsers } from './users.ts';

/** Sessions are filed by the second in which their lease would run out: renewing one writes one number. */
const WHEEL_TICK_MS = 1_000;
const WAS_ONLINE = {};
const CAME_ONLINE = { transition: 'online' } as const;

export interface ShardOptions {
  readonly epoch: string;
  readonly tombstoneMs: number;
  readonly leftTombstoneMs: number;
  readonly seenTtlMs: number;
  readonly seenMax: number;
  readonly logMax: number;
  readonly clock: Clock;
  readonly leases: LeaseTable;
}

/** What a session was that the store forgot (P10). */
export interface Former {
  readonly startedAt: number;
  readonly segment: number;
  readonly segmentStartedAt: number;
}

export class MemoryShard {
  readonly log: MemoryLog;
  readonly counts = new MemoryCounts();
  readonly #users = new MemoryUsers<SessionRow>();
  readonly #wheel = new DueWheel<SessionRow>(WHEEL_TICK_MS);
  readonly tombstones: MemoryTombstones;
  /** When users who went offline were last live, by their id. */
  readonly #seen: ExpiringMap<number>;
  readonly #seenTtlMs: number;
  readonly #leases: LeaseTable;

  constructor(options: ShardOptions) {
    this.log = new MemoryLog(options.epoch, options.logMax, options.clock);
    this.tombstones = new MemoryTombstones(options.tombstoneMs, options.leftTombstoneMs);
    this.#seen = new ExpiringMap(options.seenMax, (at) => at + options.seenTtlMs);
    this.#seenTtlMs = options.seenTtlMs;
    this.#leases = options.leases;
  }

  /** The instant until which a session runs: the end of its lease, or of the extension that covers it (P9). */
  expiresAt(row: SessionRow, now: number): number {
    return this.#leases.runsUntil(row.leaseEndsAt, now);
  }

  isLive(row: SessionRow, now: number): boolean {
    return row.leaseEndsAt > now || this.expiresAt(row, now) > now;
  }

  sessionOf(row: SessionRow, now: number): Session {
    return row.session(this.expiresAt(row, now));
  }

  displaced(row: SessionRow, reason: Displaced['reason'], now: number): Displaced {
    return row.displaced(reason, this.expiresAt(row, now));
  }

  /** Members of a user, live or expired. */
  members(userId: string): readonly SessionRow[] {
    return this.#users.of(userId);
  }

  /** How many members all users have. */
  get size(): number {
    return this.#users.size;
  }

  /** Members of all users, found as they are asked for. */
  allMembers(): Iterator<SessionRow> {
    return this.#users.all();
  }

  /** Members of one part's users. */
  membersInPart(part: number): Iterable<SessionRow> {
    return this.#users.inPart(part);
  }

  /** Live members, after the expired ones were ended. */
  liveMembers(userId: string, now: number): readonly SessionRow[] {
    const members = this.#users.of(userId);
    if (members.every((row) => this.isLive(row, now))) return members;
    this.endExpired(userId, now);
    return this.#users.of(userId);
  }

  find(userId: string, sessionId: string, now: number): SessionRow | undefined {
    return this.#users.of(userId).find((row) => row.sessionId === sessionId && this.isLive(row, now));
  }

  /**
   * Adds an opened session; its holder is set already.
   * @param wasOnline the user had sessions before this step, maybe such as the step has ended.
   */
  addSession(row: SessionRow, now: number, wasOnline: boolean): void {
    const others = this.#users.of(row.userId);
    this.counts.add(row, others);
    const cameOnline = others.length === 0 && !wasOnline;
    this.#users.add(row);
    this.#wheel.file(row, row.leaseEndsAt);
    if (cameOnline) this.#seen.delete(row.userId);
    this.log.append('open', now, row, cameOnline ? CAME_ONLINE : WAS_ONLINE);
  }

  /** @param staysOnline the same step admits another session of the user, who does not go offline in between. */
  endSession(row: SessionRow, reason: CloseReason, endedAt: number, staysOnline = false): void {
    // In an extension a session may begin, or switch, after its lease, or its node's, was over.
    const at = Math.max(endedAt, row.segmentStartedAt);
    const others = this.#users.remove(row);
    this.counts.remove(row, others);
    row.leaveLists();
    const wentOffline = others.length === 0 && !staysOnline;
    if (wentOffline) this.#seen.set(row.userId, at);
    this.tombstones.set(row.userId, row.sessionId, reason, at);
    this.log.append('close', at, row, { reason, transition: wentOffline ? 'offline' : undefined });
  }

  /** Ends a user's expired sessions in the order in which they expired; returns how many. */
  endExpired(userId: string, now: number): number {
    const expired = this.#users.of(userId).filter((row) => !this.isLive(row, now));
    for (const row of expired.sort(byLeaseEnd)) this.endSession(row, 'timeout', trueEnd(row.leaseEndsAt));
    return expired.length;
  }

  /** Ends a session of a lapsed node; one that expired by itself timed out. Returns how many ended. */
  endLost(row: SessionRow, lease: NodeLease, now: number): number {
    if (!this.isLive(row, now)) return this.endExpired(row.userId, now);
    this.endSession(row, 'node_lost', trueEnd(lease.endsAt));
    return 1;
  }

  /** Ends a session as the store stops. */
  endWithStore(row: SessionRow, now: number): void {
    if (!this.isLive(row, now)) this.endExpired(row.userId, now);
    else this.endSession(row, 'node_lost', now);
  }

  /**
   * Takes attributes over and logs a change of them. Returns whether anything changed.
   * @param former the segment of a session that is restored over an earlier state of itself (P10).
   */
  applyAttributes(row: SessionRow, attributes: Attributes, now: number, former?: Former): boolean {
    const isBehind = former !== undefined && former.startedAt === row.startedAt && former.segment > row.segment;
    if (!isBehind && !row.isChange(attributes)) return false;
    const { streamId, deviceType, country, state, segment, segmentStartedAt } = row;
    const others = this.#users.of(row.userId).filter((other) => other !== row);
    this.counts.remove(row, others);
    row.assign(attributes);
    this.counts.add(row, others);
    if (isBehind) {
      row.segment = former.segment;
      row.segmentStartedAt = former.segmentStartedAt;
    } else if (row.streamId !== streamId) {
      row.segment += 1;
      row.segmentStartedAt = now;
    }
    const previous = { streamId, deviceType, country, state, segment, segmentStartedAt };
    this.log.append('update', now, row, { previous });
    return true;
  }

  /** What to keep of a lease that is set now. */
  leaseUntil(expiresAt: number): number {
    return this.#leases.leaseUntil(expiresAt);
  }

  /** Sets a lease anew; one that ends later stays (P2). */
  renewLease(row: SessionRow, expiresAt: number): void {
    if (expiresAt <= row.leaseEndsAt) return;
    row.leaseEndsAt = this.leaseUntil(expiresAt);
    // Set in an extension, it may end before that, for which the row was filed.
    if (row.leaseEndsAt !== expiresAt) this.#wheel.file(row, row.leaseEndsAt);
  }

  /** Moves the end of a lease backwards, when a socket no longer holds it: it must be looked at earlier. */
  shortenLease(row: SessionRow, expiresAt: number): void {
    row.leaseEndsAt = this.leaseUntil(expiresAt);
    this.#wheel.file(row, row.leaseEndsAt);
  }

  /** When a user without live sessions was last live (P15). */
  lastSeenAt(userId: string, now: number): number | null {
    const members = this.#users.of(userId);
    if (members.length === 0) return this.#seen.get(userId, now) ?? null;
    const at = Math.max(...members.map((row) => trueEnd(row.leaseEndsAt)));
    return at + this.#seenTtlMs > now ? at : null;
  }

  /** Sessions to look at now; each is to be handed to `endOrRefile`. */
  takeDue(now: number): DueList<SessionRow> {
    return this.#wheel.take(now);
  }

  /** Ends a due session with all of its user's that expired, or files it again. Returns how many ended. */
  endOrRefile(row: SessionRow, now: number): number {
    const expiresAt = this.expiresAt(row, now);
    if (expiresAt <= now) return this.endExpired(row.userId, now);
    this.#wheel.file(row, expiresAt);
    return 0;
  }

  /** Drops a little of what has expired. Returns whether there may be more. */
  trimOne(now: number): boolean {
    const isOfTombstones = this.tombstones.trimOne(now);
    return this.#seen.trim(now, 1) || isOfTombstones;
  }
}

/** In the order in which leases ran out. */
function byLeaseEnd(a: SessionRow, b: SessionRow): number {
  return trueEnd(a.leaseEndsAt) - trueEnd(b.leaseEndsAt) || (a.sessionId < b.sessionId ? -1 : 1);
}
