/** The act `open` over a shard (P4–P7): renews what is live, else admits or refuses, in one synchronous step. */
import { admit, byAge, MAX_SESSIONS, nextFreeAt } from '../admission.ts';
import { isNewer } from '../connection-numbers.ts';
import { type CloseReason, type Displaced, PRESENCE_ONLY } from '../session.ts';
import type { OpenRequest, OpenResult } from '../store/sessions.ts';
import { type Holder, SessionRow, slots } from './session-row.ts';
import type { Former, MemoryShard } from './shard.ts';

/** One open, with all it is decided by. */
export interface Opening {
  readonly shard: MemoryShard;
  readonly request: OpenRequest;
  readonly holder: Holder;
  /** The limit that counts for this request (P6). */
  readonly max: number;
  readonly now: number;
}

export function openSession(opening: Opening): OpenResult {
  const { shard, request, now } = opening;
  const { userId, sessionId } = request;
  const former = formerOf(request, now);
  const tombstone = shard.tombstones.get(userId, sessionId, now);
  if (tombstone !== undefined) {
    const isOfEarlier = former !== undefined && former.startedAt > tombstone.at;
    if (request.intent !== 'fresh' && !isOfEarlier) {
      return { outcome: 'ended', reason: tombstone.reason, retryAfterMs: Math.max(0, tombstone.until - now) };
    }
    shard.tombstones.clear(userId, sessionId);
  }
  const live = shard.liveMembers(userId, now);
  const row = live.find((member) => member.sessionId === sessionId);
  if (request.intent === 'return' && !isIncarnation(row, request)) return { outcome: 'gone' };
  if (row && former && row.startedAt < former.startedAt) return restoreAfter(opening, row, former.startedAt);
  if (row !== undefined && isHeldElsewhere(row, request, now)) return { outcome: 'moved' };
  if (row === undefined) return admitSession(opening, slots(live), { displaced: [], wasOnline: live.length > 0 });
  return renewSession(opening, row, slots(live).length);
}

/** Opens a session after an earlier one, of which the store forgot the end (P10). */
function restoreAfter(opening: Opening, earlier: SessionRow, startedAt: number): OpenResult {
  const { shard, request, now } = opening;
  const isTaken = typeof earlier.holder !== 'string' && !earlier.isHeldBy(request.owner);
  const displaced = isTaken ? [shard.displaced(earlier, 'moved', now)] : [];
  shard.endSession(earlier, 'timeout', startedAt, true);
  return admitSession(opening, slots(shard.members(request.userId)), { displaced, wasOnline: true });
}

/** Opening what is live is a renewal, maybe by a new owner, also above the limit. */
function renewSession({ shard, request, holder, max, now }: Opening, row: SessionRow, current: number): OpenResult {
  const isSocketHeld = typeof row.holder !== 'string';
  const isHeld = request.intent === 'beat' && isSocketHeld;
  const displaced: Displaced[] = [];
  if (!isHeld) {
    if (!row.isHeldBy(request.owner)) {
      if (isSocketHeld) displaced.push(shard.displaced(row, 'moved', now));
      row.hold(holder, request.owner);
    }
    row.limit = max;
    const leaseEndsAt = now + request.leaseMs;
    // Who beats does not keep the long lease of the socket that had it (P2).
    const isShorter = isSocketHeld && typeof holder === 'string' && leaseEndsAt < row.leaseEndsAt;
    if (isShorter) shard.shortenLease(row, leaseEndsAt);
    else shard.renewLease(row, leaseEndsAt);
    shard.applyAttributes(row, request.attributes, now, formerOf(request, now));
  }
  const expiresAt = shard.expiresAt(row, now);
  return opened(isHeld ? 'held' : 'renewed', row, expiresAt, { current, max, displaced });
}

/** What the same step did before. */
interface Before {
  readonly displaced: Displaced[];
  readonly wasOnline: boolean;
}

function admitSession(
  { shard, request, holder, max, now }: Opening,
  live: readonly SessionRow[],
  { displaced, wasOnline }: Before,
): OpenResult {
  const isMark = request.sessionId === PRESENCE_ONLY;
  const wasAdmitted = request.intent === 'restore' || request.returns === true;
  // Of those who return nobody is sure: others may have their slots (P10).
  const times = request.intent === 'restore' ? Number.POSITIVE_INFINITY : request.returns ? 2 : 1;
  const { admitted, replaced, evicted, kept } = admit(live, {
    room: isMark ? Number.POSITIVE_INFINITY : Math.min(wasAdmitted ? times * Math.max(max, 1) : max, MAX_SESSIONS),
    onLimit: wasAdmitted ? 'reject' : (request.onLimit ?? 'reject'),
    replace: request.replace ?? [],
  });
  const end = (row: SessionRow, reason: CloseReason) => {
    displaced.push(shard.displaced(row, reason, now));
    shard.endSession(row, reason, now, admitted);
  };
  for (const row of replaced) end(row, 'replaced');
  for (const row of evicted) end(row, 'evicted');
  if (!admitted) {
    const conflicts = kept.toSorted(byAge).map((row) => shard.sessionOf(row, now));
    const freeAt = nextFreeAt(conflicts, now);
    return { outcome: 'refused', current: kept.length, max, conflicts, nextFreeAt: freeAt, displaced };
  }
  const begun = beginningOf(request, now);
  const expiresAt = now + request.leaseMs;
  const leaseEndsAt = shard.leaseUntil(expiresAt);
  const row = new SessionRow(request.userId, request.sessionId, max, begun?.startedAt ?? now, leaseEndsAt);
  if (begun !== undefined) Object.assign(row, begun);
  row.hold(holder, request.owner);
  row.assign(request.attributes);
  shard.addSession(row, now, wasOnline);
  const current = isMark ? kept.length : kept.length + 1;
  return opened('opened', row, expiresAt, { current, max, displaced });
}

function opened(
  outcome: 'opened' | 'renewed' | 'held',
  row: SessionRow,
  expiresAt: number,
  answer: { readonly current: number; readonly max: number; readonly displaced: readonly Displaced[] },
): OpenResult {
  const { startedAt, segment, segmentStartedAt } = row;
  return { outcome, ...answer, startedAt, segment, segmentStartedAt, expiresAt };
}

/** What a session was that the store forgot; undefined without `restore` (P10). */
function formerOf(request: OpenRequest, now: number): Former | undefined {
  return request.intent === 'restore' ? beginningOf(request, now) : undefined;
}

/** With what a session begins, or goes on; undefined: it begins now. */
function beginningOf({ intent, startedAt, segment, segmentStartedAt }: OpenRequest, now: number): Former | undefined {
  if (intent === 'return' || startedAt === undefined) return undefined;
  const beganAt = Math.min(startedAt, now);
  const at = Math.min(segmentStartedAt ?? startedAt, now);
  return { startedAt: beganAt, segment: segment ?? 0, segmentStartedAt: Math.max(beganAt, at) };
}

/** Whether a session is the one that is returned to, which began at one of these instants; without them any is. */
function isIncarnation(row: SessionRow | undefined, { startedAt, orStartedAt }: OpenRequest): boolean {
  if (row === undefined) return false;
  return startedAt === undefined || row.startedAt === startedAt || orStartedAt?.includes(row.startedAt) === true;
}

/** Whether somebody else holds the session and keeps it from this socket; nobody holds a detached one (P7). */
function isHeldElsewhere(
  { holder, connection }: SessionRow,
  { owner, socketWas, intent }: OpenRequest,
  now: number,
): boolean {
  if (socketWas === undefined || typeof owner === 'string') return false;
  if (typeof holder === 'string') return holder !== 'none' && socketWas === 'held' && intent !== 'restore';
  return isNewer(connection, owner.connection, now);
}
