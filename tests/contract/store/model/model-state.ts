/**
 * The rules of SPEC.md once more, as plainly as they can be said: arrays, scanned from the front, nothing kept that
 * could be looked up. Stores are compared with it act by act; where they differ one of the two is wrong.
 *
 * Its clock is stepped by the commands. Against a store in real time it stands still between waits, and the instants
 * that only the store knows (`startedAt`) are taken over from its answers.
 */

import type {
  CloseRequest,
  OpenRequest,
  OwnedRef,
  RenewRequest,
  SessionRef,
  UpdateRequest,
} from '../../../../presence-core/index.ts';
import type { Attributes, Change, CloseReason, Owner, Session, Via } from '../../../../presence-core/session.ts';
import { PRESENCE_ONLY } from '../../../../presence-core/session.ts';

/** All users of a run: few, so that acts collide. */
export const USERS = ['u', 'v'];
export const DEFAULT_LIMIT = 3;
export const TOMBSTONE_MS = 600_000;
/** Longer than a run in real time lasts. */
export const LEFT_TOMBSTONE_MS = 60_000;
export const SEEN_TTL_MS = 86_400_000;
export const STALL_GRACE_MS = 30_000;

/** Of a session or a node. */
interface Lease {
  /** Its true end, whatever extends it. */
  endsAt: number;
  /** The silence that does not extend it: it was set in it by somebody new, or in its extension. */
  exemptFrom?: Silence;
}

/** Extends leases that ended after it began; `till` is 0 until a witness has answered it. */
interface Silence {
  beganAt: number;
  till: number;
  /** In whose extension it began: what that one extended runs on. */
  before?: Silence;
}

interface Node extends Lease {
  nodeId: string;
}

interface Member extends Lease {
  userId: string;
  sessionId: string;
  via: Via;
  owner: Owner;
  limit: number;
  startedAt: number;
  segment: number;
  segmentStartedAt: number;
  attributes: Attributes;
}

type Former = Pick<Member, 'startedAt' | 'segment' | 'segmentStartedAt'>;

type LoggedChange = Omit<Change, 'sequence' | 'shard'>;

export class PresenceModel {
  now: number;
  log: LoggedChange[] = [];
  /** Members of the users' sets: some may have expired. */
  #members: Member[] = [];
  #nodes: Node[] = [];
  #overrides: { userId: string; max: number }[] = [];
  #tombstones: { userId: string; sessionId: string; reason: CloseReason; at: number; until: number }[] = [];
  #seen: { userId: string; at: number }[] = [];
  #heard: { at: number; leaseMs: number } | undefined;
  /** The newest that was answered. */
  #silence: Silence = { beganAt: 0, till: 0 };
  /** The one that lasts, or comes next. */
  #nextSilence: Silence = { beganAt: 0, till: 0 };
  /** The generation that joined last: who acts is taken for it. */
  #caller: string | undefined;

  constructor(now: number) {
    this.now = now;
  }

  open(request: OpenRequest) {
    const { userId } = request;
    this.#answerSilence();
    if (this.#isFenced(request.owner)) return { outcome: 'fenced' };
    const former = formerOf(request);
    const tomb = this.#tombstone(request);
    const isBarred = tomb !== undefined && request.intent !== 'fresh' && !(former && former.startedAt > tomb.at);
    if (isBarred) return { outcome: 'ended', reason: tomb.reason, retryAfterMs: tomb.until - this.now };
    this.#tombstones = this.#tombstones.filter((tomb) => !isSame(tomb, request));
    this.#endExpired(userId);
    const override = this.#overrides.find((one) => one.userId === userId)?.max;
    const max = request.limit ?? override ?? DEFAULT_LIMIT;
    const member = this.#members.find((one) => isSame(one, request));
    if (member === undefined) return this.#admit(request, max);
    if (former !== undefined && former.startedAt > member.startedAt) return this.#restoreAfter(request, member, max);
    return isKept(member.owner, request) ? { outcome: 'moved' } : this.#reopen(request, member, max);
  }

  renew(request: RenewRequest) {
    this.#answerSilence();
    const found = this.#actOn(request, request.owner);
    if (!('member' in found)) return found;
    this.#renewLease(found.member, request.leaseMs);
    return { outcome: 'renewed', expiresAt: this.#runsUntil(found.member) };
  }

  detach(request: OwnedRef, graceMs: number) {
    this.#answerSilence();
    const found = this.#actOn(request, request.owner);
    if (!('member' in found)) return found;
    this.#setLease(found.member, graceMs);
    found.member.owner = 'none';
    return { outcome: 'detached', expiresAt: this.now + graceMs };
  }

  update(request: UpdateRequest) {
    this.#answerSilence();
    const found = this.#actOn(request, request.owner);
    if (!('member' in found)) return found;
    const outcome = this.#change(found.member, request.attributes) ? 'updated' : 'unchanged';
    const { segment, segmentStartedAt } = found.member;
    return { outcome, segment, segmentStartedAt };
  }

  close(request: CloseRequest) {
    this.#answerSilence();
    this.#endExpired(request.userId);
    const found = this.#actOn(request, request.owner);
    if (!('member' in found)) {
      if (found.outcome === 'gone' && request.reason === 'left') this.#bury(request, request.reason);
      return found;
    }
    const displaced = this.#displace(found.member, request.reason);
    this.#end(found.member, request.reason, this.now);
    return { outcome: 'closed', displaced };
  }

  kick(userId: string) {
    this.#answerSilence();
    this.#endExpired(userId);
    const members = this.#members.filter((member) => member.userId === userId).sort(byAge);
    const displaced = members.map((member) => this.#displace(member, 'kicked'));
    for (const member of members) this.#end(member, 'kicked', this.now);
    return displaced;
  }

  status(userId: string) {
    const members = this.#members.filter((member) => member.userId === userId);
    const live = members.filter((member) => this.#runs(member));
    const sessions = live.filter((member) => member.sessionId !== PRESENCE_ONLY).length;
    if (live.length > 0) return { userId, online: true, sessions, lastSeenAt: this.now };
    const lastAt =
      members.length > 0
        ? Math.max(...members.map((member) => member.endsAt))
        : this.#seen.find((seen) => seen.userId === userId)?.at;
    const lastSeenAt = lastAt !== undefined && lastAt + SEEN_TTL_MS > this.now ? lastAt : null;
    return { userId, online: false, sessions, lastSeenAt };
  }

  sessions(userId: string) {
    const live = this.#slots(userId)
      .filter((member) => this.#runs(member))
      .sort(byAge);
    const override = this.#overrides.find((one) => one.userId === userId)?.max;
    return {
      userId,
      max: override ?? live.at(-1)?.limit ?? DEFAULT_LIMIT,
      sessions: live.map((member) => this.#toSession(member)),
    };
  }

  setLimitOverride(userId: string, max: number | null): void {
    this.#overrides = this.#overrides.filter((one) => one.userId !== userId);
    if (max !== null) this.#overrides.push({ userId, max });
  }

  holderOf(ref: SessionRef): Owner | undefined {
    return this.#members.find((member) => isSame(member, ref))?.owner;
  }

  /** A generation may be joined when it is not known or its lease runs. */
  canJoin(nodeId: string): boolean {
    const node = this.#nodes.find((one) => one.nodeId === nodeId);
    return node === undefined || this.#runs(node);
  }

  join(nodeId: string, leaseMs: number): 'alive' | 'fenced' {
    this.#answerSilenceAs(nodeId);
    if (!this.#nodes.some((node) => node.nodeId === nodeId)) {
      this.#nodes.push({ nodeId, endsAt: this.now + leaseMs, exemptFrom: this.#nextSilence });
    }
    const outcome = this.#renewNode(nodeId, leaseMs);
    if (outcome === 'alive') this.#caller = nodeId;
    return outcome;
  }

  beat(nodeId: string, leaseMs: number): 'alive' | 'fenced' {
    this.#answerSilenceAs(nodeId);
    return this.#renewNode(nodeId, leaseMs);
  }

  quit(nodeId: string): void {
    const node = this.#nodes.find((one) => one.nodeId === nodeId);
    if (node === undefined) return;
    if (this.#caller === nodeId) this.#caller = undefined;
    this.#nodes = this.#nodes.filter((one) => one !== node);
    if (!this.#hasWitness()) this.#endSilence();
    this.#endHeldBy(node, Math.min(node.endsAt, this.now));
  }

  sweep(): void {
    this.#answerSilence();
    for (const userId of new Set(this.#members.map((member) => member.userId))) this.#endExpired(userId);
    for (const node of this.#nodes.filter((one) => !this.#runs(one))) {
      this.#nodes = this.#nodes.filter((one) => one !== node);
      if (this.#isSilent() && !this.#hasWitness()) this.#endSilence();
      this.#endHeldBy(node, node.endsAt);
    }
  }

  /** Takes over from the store when the session that was opened last started. */
  adoptStart(startedAt: number): void {
    const opened = this.log.at(-1);
    const member = this.#members.at(-1);
    if (opened === undefined || member === undefined) return;
    this.log[this.log.length - 1] = { ...opened, startedAt };
    member.startedAt = startedAt;
  }

  #reopen(request: OpenRequest, member: Member, max: number) {
    const isSocketHeld = typeof member.owner !== 'string';
    const isHeld = request.intent === 'beat' && isSocketHeld;
    const moves = !isHeld && isSocketHeld && !isSameOwner(member.owner, request.owner);
    const displaced = moves ? [this.#displace(member, 'moved')] : [];
    if (!isHeld) {
      member.owner = request.owner;
      member.via = viaOf(request.owner);
      member.limit = max;
      if (isSocketHeld && typeof request.owner === 'string') this.#setLease(member, request.leaseMs);
      else this.#renewLease(member, request.leaseMs);
      this.#change(member, request.attributes, formerOf(request));
    }
    const { startedAt, segment, segmentStartedAt } = member;
    const expiresAt = this.#runsUntil(member);
    const current = this.#slots(request.userId).length;
    const outcome = isHeld ? 'held' : 'renewed';
    return { outcome, current, max, startedAt, segment, segmentStartedAt, expiresAt, displaced };
  }

  #restoreAfter(request: OpenRequest, earlier: Member, max: number) {
    const isTaken = typeof earlier.owner !== 'string' && !isSameOwner(earlier.owner, request.owner);
    const displaced = isTaken ? [this.#displace(earlier, 'moved')] : [];
    this.#end(earlier, 'timeout', request.startedAt as number, true);
    const opened = this.#admit(request, max, true);
    return { ...opened, displaced: [...displaced, ...opened.displaced] };
  }

  #admit(request: OpenRequest, max: number, wasJustOnline = false) {
    const { userId, sessionId } = request;
    const free = request.intent === 'restore' || sessionId === PRESENCE_ONLY;
    const room = request.returns ? 2 * max : max;
    const replaced = [...new Set(request.replace)].flatMap(
      (name) => this.#slots(userId).find((member) => member.sessionId === name) ?? [],
    );
    const stay = this.#slots(userId).filter((member) => !replaced.includes(member));
    const tooMany = free ? 0 : Math.max(0, stay.length + 1 - room);
    const isAdmitted = tooMany === 0 || (request.onLimit === 'evict-oldest' && !request.returns);
    const evicted = isAdmitted ? stay.sort(byAge).slice(0, tooMany) : [];
    const displaced = [
      ...replaced.map((member) => this.#displace(member, 'replaced')),
      ...evicted.map((member) => this.#displace(member, 'evicted')),
    ];
    const wasOnline = wasJustOnline || this.#members.some((member) => member.userId === userId);
    for (const member of replaced) this.#end(member, 'replaced', this.now, isAdmitted);
    for (const member of evicted) this.#end(member, 'evicted', this.now, isAdmitted);
    if (!isAdmitted) {
      const conflicts = this.#slots(userId)
        .sort(byAge)
        .map((member) => this.#toSession(member));
      const nextFreeAt = Math.min(...conflicts.map((session) => session.expiresAt));
      return { outcome: 'refused', current: conflicts.length, max, conflicts, nextFreeAt, displaced };
    }
    const { startedAt, segment, segmentStartedAt } = beginningOf(request) ?? {
      startedAt: this.now,
      segment: 0,
      segmentStartedAt: this.now,
    };
    const expiresAt = this.now + request.leaseMs;
    const member: Member = {
      userId,
      sessionId,
      via: viaOf(request.owner),
      owner: request.owner,
      limit: max,
      startedAt,
      endsAt: 0,
      segment,
      segmentStartedAt,
      attributes: request.attributes,
    };
    this.#setLease(member, request.leaseMs);
    this.#members.push(member);
    this.#record('open', member, this.now, { transition: wasOnline ? undefined : 'online' });
    const current = this.#slots(userId).length;
    return { outcome: 'opened', current, max, startedAt, segment, segmentStartedAt, expiresAt, displaced };
  }

  #change(member: Member, attributes: Attributes, former?: Former): boolean {
    const isBehind = former?.startedAt === member.startedAt && former.segment > member.segment;
    const { streamId, deviceType, country, state } = member.attributes;
    const previous = { streamId, deviceType, country, state, segment: member.segment };
    const before = { ...previous, segmentStartedAt: member.segmentStartedAt };
    const after = { ...member.attributes, ...JSON.parse(JSON.stringify(attributes)) } as Attributes;
    const isChanged = JSON.stringify(sorted(after)) !== JSON.stringify(sorted(member.attributes));
    member.attributes = after;
    if (isBehind) {
      member.segment = former.segment;
      member.segmentStartedAt = former.segmentStartedAt;
    } else if (after.streamId !== streamId) {
      member.segment += 1;
      member.segmentStartedAt = this.now;
    }
    if (isBehind || isChanged) this.#record('update', member, this.now, { previous: before });
    return isChanged || isBehind;
  }

  #end(member: Member, reason: CloseReason, endedAt: number, isFollowed = false): void {
    const at = Math.max(endedAt, member.segmentStartedAt);
    const { userId } = member;
    this.#members = this.#members.filter((other) => other !== member);
    const goesOffline = !isFollowed && !this.#members.some((other) => other.userId === userId);
    if (goesOffline) this.#seen = [...this.#seen.filter((seen) => seen.userId !== userId), { userId, at }];
    if (reason === 'evicted' || reason === 'replaced' || reason === 'kicked' || reason === 'left') {
      this.#bury(member, reason);
    }
    this.#record('close', member, at, { reason, transition: goesOffline ? 'offline' : undefined });
  }

  #bury({ userId, sessionId }: SessionRef, reason: CloseReason): void {
    const until = this.now + (reason === 'left' ? LEFT_TOMBSTONE_MS : TOMBSTONE_MS);
    this.#tombstones.push({ userId, sessionId, reason, at: this.now, until });
  }

  #endExpired(userId: string): void {
    const expired = this.#members.filter((member) => member.userId === userId && !this.#runs(member));
    expired.sort((a, b) => a.endsAt - b.endsAt || compare(a.sessionId, b.sessionId));
    for (const member of expired) this.#end(member, 'timeout', member.endsAt);
  }

  #endHeldBy({ nodeId }: Node, at: number): void {
    const held = this.#members.filter(({ owner }) => typeof owner !== 'string' && owner.nodeId === nodeId);
    for (const member of held.filter((one) => !this.#runs(one))) this.#endExpired(member.userId);
    for (const member of held.filter((one) => this.#members.includes(one))) this.#end(member, 'node_lost', at);
  }

  #renewNode(nodeId: string, leaseMs: number): 'alive' | 'fenced' {
    const node = this.#nodes.find((one) => one.nodeId === nodeId && this.#runs(one));
    if (node === undefined) return 'fenced';
    const isUnanswered = this.#isSilent() && this.#hasWitness();
    if (this.#isSilent() && !isUnanswered) this.#endSilence();
    const isLonger = this.now + leaseMs > node.endsAt;
    if (isLonger || node.exemptFrom === this.#nextSilence) {
      node.endsAt = Math.max(node.endsAt, this.now + leaseMs);
      this.#exempt(node);
      if (isUnanswered) node.exemptFrom = this.#nextSilence;
    }
    if (!isUnanswered) this.#heard = { at: this.now, leaseMs };
    return 'alive';
  }

  #renewLease(lease: Lease, leaseMs: number): void {
    if (this.now + leaseMs > lease.endsAt) this.#setLease(lease, leaseMs);
  }

  #setLease(lease: Lease, leaseMs: number): void {
    lease.endsAt = this.now + leaseMs;
    this.#exempt(lease);
  }

  /** What is set in an extension ends when it says. */
  #exempt(lease: Lease): void {
    lease.exemptFrom = this.#silence.till > lease.endsAt ? this.#silence : undefined;
  }

  #runs(lease: Lease): boolean {
    return this.#runsUntil(lease) > this.now;
  }

  #runsUntil(lease: Lease): number {
    const { endsAt, exemptFrom } = lease;
    if (endsAt > this.now) return endsAt;
    // Reads see the answer that an act of the same caller would give.
    const isAnswered = this.#canAnswer(this.#caller);
    const silence = isAnswered ? this.#answeredNow(this.#nextSilence) : this.#silence;
    if (silence.till <= this.now) return endsAt;
    const exempt = exemptFrom === this.#nextSilence && isAnswered ? silence : exemptFrom;
    for (let one: Silence | undefined = silence; one && one !== exempt; one = one.before) {
      if (endsAt > one.beganAt) return silence.till;
    }
    return endsAt;
  }

  #isSilent(): boolean {
    return this.#heard !== undefined && this.now - this.#heard.at > this.#heard.leaseMs / 2;
  }

  /** A generation whose lease ran when the silence began. */
  #isWitness(node: Node): boolean {
    return this.#heard !== undefined && node.endsAt > this.#heard.at && node.exemptFrom !== this.#nextSilence;
  }

  #hasWitness(): boolean {
    return this.#nodes.some((node) => this.#isWitness(node));
  }

  #canAnswer(nodeId: string | undefined): boolean {
    return this.#isSilent() && this.#nodes.some((node) => node.nodeId === nodeId && this.#isWitness(node));
  }

  #answerSilence(): void {
    this.#answerSilenceAs(this.#caller);
  }

  #answerSilenceAs(nodeId: string | undefined): void {
    if (!this.#canAnswer(nodeId)) return;
    // The same object, as leases are exempt from it.
    this.#silence = Object.assign(this.#nextSilence, this.#answeredNow(this.#nextSilence));
    this.#endSilence();
  }

  #answeredNow(silence: Silence): Silence {
    const beganAt = this.#heard?.at ?? this.now;
    const isInExtension = this.#silence.till > beganAt;
    return { ...silence, beganAt, till: this.now + STALL_GRACE_MS, ...(isInExtension && { before: this.#silence }) };
  }

  #endSilence(): void {
    this.#heard = undefined;
    this.#nextSilence = { beganAt: 0, till: 0 };
  }

  #actOn(ref: SessionRef, owner: Owner | undefined): { member: Member } | { outcome: string; reason?: CloseReason } {
    if (owner !== undefined && this.#isFenced(owner)) return { outcome: 'fenced' };
    const member = this.#members.find((one) => isSame(one, ref) && this.#runs(one));
    const tomb = this.#tombstone(ref);
    if (member === undefined) return tomb ? { outcome: 'ended', reason: tomb.reason } : { outcome: 'gone' };
    if (owner !== undefined && !isSameOwner(member.owner, owner)) return { outcome: 'moved' };
    return { member };
  }

  #isFenced(owner: Owner): boolean {
    if (typeof owner === 'string') return false;
    return !this.#nodes.some((node) => node.nodeId === owner.nodeId && this.#runs(node));
  }

  #tombstone(ref: SessionRef): { reason: CloseReason; at: number; until: number } | undefined {
    return this.#tombstones.findLast((tomb) => isSame(tomb, ref) && tomb.until > this.now);
  }

  #slots(userId: string): Member[] {
    return this.#members.filter((member) => member.userId === userId && member.sessionId !== PRESENCE_ONLY);
  }

  #toSession(member: Member): Session {
    const { userId, sessionId, via, startedAt, attributes, owner } = member;
    const expiresAt = this.#runsUntil(member);
    return { userId, sessionId, via, startedAt, expiresAt, ...attributes, ...(owner === 'none' && { detached: true }) };
  }

  #displace(member: Member, reason: CloseReason | 'moved') {
    return { session: this.#toSession(member), owner: member.owner, reason };
  }

  #record(kind: Change['kind'], member: Member, at: number, more: Partial<LoggedChange>): void {
    const { userId, sessionId, via, startedAt, segment, segmentStartedAt } = member;
    const { streamId, deviceType, country, state, ...device } = member.attributes;
    const place = { streamId, deviceType, country, state, ...(kind !== 'close' && device) };
    this.log.push({ kind, at, userId, sessionId, via, ...place, startedAt, segment, segmentStartedAt, ...more });
  }
}

/** What a restored session was. */
function formerOf(request: OpenRequest): Former | undefined {
  return request.intent === 'restore' ? beginningOf(request) : undefined;
}

/** With what a session begins, or goes on. */
function beginningOf({ intent, startedAt, segment, segmentStartedAt }: OpenRequest): Former | undefined {
  if (intent === 'return' || startedAt === undefined) return undefined;
  return { startedAt, segment: segment ?? 0, segmentStartedAt: Math.max(startedAt, segmentStartedAt ?? startedAt) };
}

function isSame(a: SessionRef, b: SessionRef): boolean {
  return a.userId === b.userId && a.sessionId === b.sessionId;
}

function isSameOwner(a: Owner, b: Owner): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function viaOf(owner: Owner): Via {
  return typeof owner === 'string' && owner !== 'none' ? owner : 'socket';
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function byAge(a: Member, b: Member): number {
  return a.startedAt - b.startedAt || compare(a.sessionId, b.sessionId);
}

function sorted(attributes: Attributes): object {
  return Object.fromEntries(Object.entries(attributes).sort(([a], [b]) => compare(a, b)));
}

/** Whether whoever holds a session keeps it from a socket (P7). */
function isKept(holder: Owner, { owner, socketWas, intent }: OpenRequest): boolean {
  if (!socketWas || typeof owner === 'string' || holder === 'none') return false;
  if (typeof holder === 'string') return socketWas === 'held' && intent !== 'restore';
  return holder.connection > owner.connection;
}
