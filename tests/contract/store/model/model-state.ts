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

interface Member {
  userId: string;
  sessionId: string;
  via: Via;
  owner: Owner;
  limit: number;
  startedAt: number;
  expiresAt: number;
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
  #nodes: { nodeId: string; endsAt: number }[] = [];
  #overrides: { userId: string; max: number }[] = [];
  #tombstones: { userId: string; sessionId: string; reason: CloseReason; until: number }[] = [];
  #seen: { userId: string; at: number }[] = [];
  #heard: { at: number; leaseMs: number } | undefined;

  constructor(now: number) {
    this.now = now;
  }

  open(request: OpenRequest) {
    const { userId } = request;
    if (this.#isFenced(request.owner)) return { outcome: 'fenced' };
    const reason = this.#tombstone(request);
    if (reason !== undefined && request.intent !== 'fresh') return { outcome: 'ended', reason };
    this.#tombstones = this.#tombstones.filter((tomb) => !isSame(tomb, request));
    this.#endExpired(userId);
    const override = this.#overrides.find((one) => one.userId === userId)?.max;
    const max = request.limit ?? override ?? DEFAULT_LIMIT;
    const member = this.#members.find((one) => isSame(one, request));
    if (member === undefined) return this.#admit(request, max);
    const mayHold = ['none' as const, request.owner, ...(request.formerOwners ?? [])];
    const isElsewhere = request.formerOwners && !mayHold.some((owner) => isSameOwner(owner, member.owner));
    return isElsewhere ? { outcome: 'moved' } : this.#reopen(request, member, max);
  }

  renew(request: RenewRequest) {
    const found = this.#actOn(request, request.owner);
    if (!('member' in found)) return found;
    found.member.expiresAt = Math.max(found.member.expiresAt, this.now + request.leaseMs);
    return { outcome: 'renewed', expiresAt: found.member.expiresAt };
  }

  detach(request: OwnedRef, graceMs: number) {
    const found = this.#actOn(request, request.owner);
    if (!('member' in found)) return found;
    found.member.expiresAt = this.now + graceMs;
    found.member.owner = 'none';
    return { outcome: 'detached', expiresAt: found.member.expiresAt };
  }

  update(request: UpdateRequest) {
    const found = this.#actOn(request, request.owner);
    if (!('member' in found)) return found;
    const outcome = this.#change(found.member, request.attributes) ? 'updated' : 'unchanged';
    const { segment, segmentStartedAt } = found.member;
    return { outcome, segment, segmentStartedAt };
  }

  close(request: CloseRequest) {
    this.#endExpired(request.userId);
    const found = this.#actOn(request, request.owner);
    if (!('member' in found)) return found;
    const displaced = displace(found.member, request.reason);
    this.#end(found.member, request.reason, this.now);
    return { outcome: 'closed', displaced };
  }

  kick(userId: string) {
    this.#endExpired(userId);
    const members = this.#members.filter((member) => member.userId === userId).sort(byAge);
    const displaced = members.map((member) => displace(member, 'kicked'));
    for (const member of members) this.#end(member, 'kicked', this.now);
    return displaced;
  }

  status(userId: string) {
    const members = this.#members.filter((member) => member.userId === userId);
    const live = members.filter((member) => member.expiresAt > this.now);
    const sessions = live.filter((member) => member.sessionId !== PRESENCE_ONLY).length;
    if (live.length > 0) return { userId, online: true, sessions, lastSeenAt: this.now };
    const lastAt =
      members.length > 0
        ? Math.max(...members.map((member) => member.expiresAt))
        : this.#seen.find((seen) => seen.userId === userId)?.at;
    const lastSeenAt = lastAt !== undefined && lastAt + SEEN_TTL_MS > this.now ? lastAt : null;
    return { userId, online: false, sessions, lastSeenAt };
  }

  sessions(userId: string) {
    const live = this.#slots(userId)
      .filter((member) => member.expiresAt > this.now)
      .sort(byAge);
    const override = this.#overrides.find((one) => one.userId === userId)?.max;
    return { userId, max: override ?? live.at(-1)?.limit ?? DEFAULT_LIMIT, sessions: live.map(toSession) };
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
    return node === undefined || node.endsAt > this.now;
  }

  join(nodeId: string, leaseMs: number): 'alive' | 'fenced' {
    this.#answerSilence();
    if (!this.#nodes.some((node) => node.nodeId === nodeId)) this.#nodes.push({ nodeId, endsAt: this.now + leaseMs });
    return this.#renewNode(nodeId, leaseMs);
  }

  beat(nodeId: string, leaseMs: number): 'alive' | 'fenced' {
    this.#answerSilence();
    return this.#renewNode(nodeId, leaseMs);
  }

  quit(nodeId: string): void {
    for (const node of this.#nodes) if (node.nodeId === nodeId) node.endsAt = Math.min(node.endsAt, this.now);
    this.#endLapsed((node) => node.nodeId === nodeId);
  }

  sweep(): void {
    this.#answerSilence();
    for (const userId of new Set(this.#members.map((member) => member.userId))) this.#endExpired(userId);
    this.#endLapsed((node) => node.endsAt <= this.now);
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
    const displaced = moves ? [displace(member, 'moved')] : [];
    if (!isHeld) {
      member.owner = request.owner;
      member.via = viaOf(request.owner);
      member.limit = max;
      member.expiresAt = Math.max(member.expiresAt, this.now + request.leaseMs);
      this.#change(member, request.attributes, formerOf(request));
    }
    const { startedAt, segment, segmentStartedAt, expiresAt } = member;
    const current = this.#slots(request.userId).length;
    const outcome = isHeld ? 'held' : 'renewed';
    return { outcome, current, max, startedAt, segment, segmentStartedAt, expiresAt, displaced };
  }

  #admit(request: OpenRequest, max: number) {
    const { userId, sessionId } = request;
    const free = request.intent === 'restore' || sessionId === PRESENCE_ONLY;
    const replaced = [...new Set(request.replace)].flatMap(
      (name) => this.#slots(userId).find((member) => member.sessionId === name) ?? [],
    );
    const stay = this.#slots(userId).filter((member) => !replaced.includes(member));
    const tooMany = free ? 0 : Math.max(0, stay.length + 1 - max);
    const isAdmitted = tooMany === 0 || request.onLimit === 'evict-oldest';
    const evicted = isAdmitted ? stay.sort(byAge).slice(0, tooMany) : [];
    const displaced = [
      ...replaced.map((member) => displace(member, 'replaced')),
      ...evicted.map((member) => displace(member, 'evicted')),
    ];
    const wasOnline = this.#members.some((member) => member.userId === userId);
    for (const member of replaced) this.#end(member, 'replaced', this.now, isAdmitted);
    for (const member of evicted) this.#end(member, 'evicted', this.now, isAdmitted);
    if (!isAdmitted) {
      const conflicts = this.#slots(userId).sort(byAge).map(toSession);
      const nextFreeAt = Math.min(...conflicts.map((session) => session.expiresAt));
      return { outcome: 'refused', current: conflicts.length, max, conflicts, nextFreeAt, displaced };
    }
    const { startedAt, segment, segmentStartedAt } = formerOf(request) ?? {
      startedAt: this.now,
      segment: 0,
      segmentStartedAt: this.now,
    };
    const expiresAt = this.now + request.leaseMs;
    const member = {
      userId,
      sessionId,
      via: viaOf(request.owner),
      owner: request.owner,
      limit: max,
      startedAt,
      expiresAt,
      segment,
      segmentStartedAt,
      attributes: request.attributes,
    };
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
    const isLogged =
      isBehind ||
      after.streamId !== streamId ||
      after.deviceType !== deviceType ||
      after.country !== country ||
      after.state !== state;
    if (isLogged) this.#record('update', member, this.now, { previous: before });
    return isChanged || isBehind;
  }

  #end(member: Member, reason: CloseReason, at: number, isFollowed = false): void {
    const { userId, sessionId } = member;
    this.#members = this.#members.filter((other) => other !== member);
    const goesOffline = !isFollowed && !this.#members.some((other) => other.userId === userId);
    if (goesOffline) this.#seen = [...this.#seen.filter((seen) => seen.userId !== userId), { userId, at }];
    if (reason === 'evicted' || reason === 'replaced' || reason === 'kicked' || reason === 'left') {
      const until = this.now + (reason === 'left' ? LEFT_TOMBSTONE_MS : TOMBSTONE_MS);
      this.#tombstones.push({ userId, sessionId, reason, until });
    }
    this.#record('close', member, at, { reason, transition: goesOffline ? 'offline' : undefined });
  }

  #endExpired(userId: string): void {
    const expired = this.#members.filter((member) => member.userId === userId && member.expiresAt <= this.now);
    expired.sort((a, b) => a.expiresAt - b.expiresAt || compare(a.sessionId, b.sessionId));
    for (const member of expired) this.#end(member, 'timeout', member.expiresAt);
  }

  #endLapsed(isLapsed: (node: { nodeId: string; endsAt: number }) => boolean): void {
    for (const node of this.#nodes.filter(isLapsed)) {
      const held = this.#members.filter(
        (member) => typeof member.owner !== 'string' && member.owner.nodeId === node.nodeId,
      );
      for (const member of held.filter((one) => one.expiresAt <= this.now)) this.#endExpired(member.userId);
      for (const member of held.filter((one) => this.#members.includes(one)))
        this.#end(member, 'node_lost', node.endsAt);
    }
    this.#nodes = this.#nodes.filter((node) => !isLapsed(node));
  }

  #renewNode(nodeId: string, leaseMs: number): 'alive' | 'fenced' {
    const node = this.#nodes.find((one) => one.nodeId === nodeId && one.endsAt > this.now);
    if (node === undefined) return 'fenced';
    node.endsAt = Math.max(node.endsAt, this.now + leaseMs);
    this.#heard = { at: this.now, leaseMs };
    return 'alive';
  }

  #answerSilence(): void {
    const heard = this.#heard;
    if (heard === undefined || this.#nodes.length === 0 || this.now - heard.at <= heard.leaseMs / 2) return;
    this.#heard = undefined;
    const until = this.now + STALL_GRACE_MS;
    for (const node of this.#nodes) if (node.endsAt > heard.at) node.endsAt = Math.max(node.endsAt, until);
    for (const one of this.#members) if (one.expiresAt > heard.at) one.expiresAt = Math.max(one.expiresAt, until);
  }

  #actOn(ref: SessionRef, owner: Owner | undefined): { member: Member } | { outcome: string; reason?: CloseReason } {
    if (owner !== undefined && this.#isFenced(owner)) return { outcome: 'fenced' };
    const member = this.#members.find((one) => isSame(one, ref) && one.expiresAt > this.now);
    const reason = this.#tombstone(ref);
    if (member === undefined) return reason === undefined ? { outcome: 'gone' } : { outcome: 'ended', reason };
    if (owner !== undefined && !isSameOwner(member.owner, owner)) return { outcome: 'moved' };
    return { member };
  }

  #isFenced(owner: Owner): boolean {
    if (typeof owner === 'string') return false;
    return !this.#nodes.some((node) => node.nodeId === owner.nodeId && node.endsAt > this.now);
  }

  #tombstone(ref: SessionRef): CloseReason | undefined {
    return this.#tombstones.findLast((tomb) => isSame(tomb, ref) && tomb.until > this.now)?.reason;
  }

  #slots(userId: string): Member[] {
    return this.#members.filter((member) => member.userId === userId && member.sessionId !== PRESENCE_ONLY);
  }

  #record(kind: Change['kind'], member: Member, at: number, more: Partial<LoggedChange>): void {
    const { userId, sessionId, via, startedAt, segment, segmentStartedAt } = member;
    const { streamId, deviceType, country, state } = member.attributes;
    const place = { streamId, deviceType, country, state };
    this.log.push({ kind, at, userId, sessionId, via, ...place, startedAt, segment, segmentStartedAt, ...more });
  }
}

/** What a restored session was. */
function formerOf({ intent, startedAt, segment, segmentStartedAt }: OpenRequest): Former | undefined {
  if (intent !== 'restore' || startedAt === undefined) return undefined;
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

function toSession({ userId, sessionId, via, startedAt, expiresAt, attributes }: Member): Session {
  return { userId, sessionId, via, startedAt, expiresAt, ...attributes };
}

function displace(member: Member, reason: CloseReason | 'moved') {
  return { session: toSession(member), owner: member.owner, reason };
}
