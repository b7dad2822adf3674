/**
 * Who is live and how many, in memory, by the log.
 *
 * A session's lease is not known here, as renewals are not logged: it is live until the log has its close (P1).
 */
import {
  type Change,
  type Count,
  type CountedSession,
  type Dimension,
  MemoryCounts,
  MemoryUsers,
  PARTS,
  PRESENCE_ONLY,
  type Session,
  type TopBy,
  type TopItem,
} from '../../presence-core/index.ts';
import type { ShownSession } from '../subscriptions/frames.ts';
import { Occupancy } from './occupancy.ts';
import { RecentlyLeft } from './recently-left.ts';
import { OFFLINE, type Statuses } from './statuses.ts';

/** What a user watches: live sessions, distinct streams and device types among them. */
export interface Viewing {
  readonly sessions: number;
  readonly streams: number;
  readonly devices: number;
}

export interface KnownStatuses extends Statuses {
  /** Indexes of those who are neither online nor just left. */
  readonly unknown: readonly number[];
}

type Watched = Pick<Session, 'streamId' | 'deviceType'>;

export class View {
  readonly #users = new MemoryUsers<Held>(mapOf);
  readonly #occupancy = new Occupancy();
  readonly #counts = new MemoryCounts();
  readonly #left: RecentlyLeft;
  /** The sessions on each stream, in any order. */
  readonly #streams = new Map<string, Held[]>();
  readonly parts = PARTS;

  /** @param leftMax users who went offline whose last instant is kept. */
  constructor(leftMax: number) {
    this.#left = new RecentlyLeft(leftMax);
  }

  /** Adds a session that is not in yet. */
  add(session: Pick<Session, 'userId' | 'sessionId' | 'startedAt' | keyof Place>): void {
    const held = new Held(copyOf(session.userId), copyOf(session.sessionId), session.startedAt);
    held.put(session);
    const others = this.#users.of(held.userId);
    this.#counts.add(held, others);
    this.#users.add(held);
    this.#enter(held);
    this.#occupancy.set(held.userId, slotsOf(others).length + (held.isMark ? 0 : 1));
  }

  /** @returns false when the change does not fit what is here: then the view has missed something. */
  apply(change: Change): boolean {
    const { userId, sessionId, kind, transition } = change;
    const members = this.#users.of(userId);
    const held = members.find((member) => member.sessionId === sessionId);
    if ((held === undefined) !== (kind === 'open')) return false;
    if (held === undefined) {
      this.#left.delete(userId);
      this.add(change);
      return transition !== 'online' || members.length === 0;
    }
    if (kind === 'update') {
      const others = members.filter((member) => member !== held);
      this.#counts.remove(held, others);
      this.#quit(held);
      held.put(change);
      this.#counts.add(held, others);
      this.#enter(held);
      return true;
    }
    const others = this.#users.remove(held);
    this.#counts.remove(held, others);
    this.#quit(held);
    if (others.length === 0) this.#occupancy.delete(held.userId);
    else this.#occupancy.set(held.userId, slotsOf(others).length);
    if (transition === 'offline') this.#left.set(held.userId, change.at);
    return transition !== 'offline' || others.length === 0;
  }

  /** @param now `lastSeenAt` of users who are online. */
  status(userIds: readonly string[], now: number): KnownStatuses {
    const sessions = this.#occupancy.of(userIds);
    const leftAt: number[] = [];
    const unknown: number[] = [];
    for (let i = sessions.indexOf(OFFLINE); i >= 0; i = sessions.indexOf(OFFLINE, i + 1)) {
      const at = this.#left.get(userIds[i] as string);
      if (at === undefined) unknown.push(i);
      else leftAt[i] = at;
    }
    return { userIds, sessions, now, leftAt, unknown };
  }

  partOf(userId: string): number {
    return mapOf(userId);
  }

  inPart(part: number): Iterable<ShownSession> {
    return this.#users.inPart(part);
  }

  ofUser(userId: string): readonly ShownSession[] {
    return this.#users.of(userId);
  }

  /** Presence-only marks left out. */
  ofStream(streamId: string): readonly ShownSession[] {
    return this.#streams.get(streamId) ?? [];
  }

  viewing(userId: string): Viewing {
    return viewingOf(slotsOf(this.#users.of(userId)));
  }

  count(dimension: Dimension): Count {
    return this.#counts.count(dimension);
  }

  top(by: TopBy, limit: number): TopItem[] {
    return this.#counts.top(by, limit);
  }

  #enter(held: Held): void {
    if (held.streamId === undefined || held.isMark) return;
    const watching = this.#streams.get(held.streamId);
    held.at = watching?.length ?? 0;
    if (watching) watching.push(held);
    else this.#streams.set(held.streamId, [held]);
  }

  /** The last one takes its place. */
  #quit(held: Held): void {
    const watching = held.streamId === undefined || held.isMark ? undefined : this.#streams.get(held.streamId);
    const last = watching?.pop();
    if (!watching || !last) return;
    if (watching.length === 0) this.#streams.delete(held.streamId as string);
    if (last === held) return;
    watching[held.at] = last;
    last.at = held.at;
  }
}

/** What is counted of these sessions, presence-only marks left out by the caller. */
export function viewingOf(sessions: readonly Watched[]): Viewing {
  const distinct = (values: readonly (string | undefined)[]): number =>
    new Set(values.filter((value) => value !== undefined)).size;
  return {
    sessions: sessions.length,
    streams: distinct(sessions.map(({ streamId }) => streamId)),
    devices: distinct(sessions.map(({ deviceType }) => deviceType)),
  };
}

type Place = Pick<Session, 'streamId' | 'deviceId' | 'deviceType' | 'country' | 'state' | 'meta' | 'via'>;

/** A session as the answers need it; millions are held. */
class Held implements CountedSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly startedAt: number;
  readonly isMark: boolean;
  /** As of the last change: renewals by another owner are not in the log. */
  via: Session['via'] = 'socket';
  /** Its place among those of its stream. */
  at = 0;
  streamId: string | undefined;
  deviceType: string | undefined;
  country: string | undefined;
  state: string | undefined;
  deviceId: string | undefined;
  meta: Session['meta'];

  constructor(userId: string, sessionId: string, startedAt: number) {
    this.userId = userId;
    this.sessionId = sessionId;
    this.startedAt = startedAt;
    this.isMark = sessionId === PRESENCE_ONLY;
  }

  put({ streamId, deviceId, deviceType, country, state, meta, via }: Place): void {
    this.via = via;
    this.deviceId = deviceId === undefined ? undefined : copyOf(deviceId);
    this.meta = meta;
    this.streamId = streamId;
    this.deviceType = deviceType;
    this.country = country;
    this.state = state;
  }
}

function slotsOf(members: readonly Held[]): readonly Held[] {
  return members.some((member) => member.isMark) ? members.filter((member) => !member.isMark) : members;
}

/** In which map a user is: several, as a large one grows in one long go. Cheaper than the hash of the store. */
function mapOf(userId: string): number {
  let h = 0;
  for (let i = userId.length - 1; i >= 0; i -= 3) h = Math.imul(h, 31) + userId.charCodeAt(i);
  return (h >>> 0) % PARTS;
}

/** An id cut from a longer text keeps all of that text in memory; its copy does not. */
function copyOf(id: string): string {
  return Buffer.from(id).toString();
}
