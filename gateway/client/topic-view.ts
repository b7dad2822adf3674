/** The live sessions of one topic, built from its messages. Pure. */
import type { ChangeView, SessionView } from '../protocol/messages.ts';

/** A blank, which no id has, stands for a slash within the user's: so the first slash ends that. */
export const keyOf = ({ userId, sessionId }: { userId: string; sessionId: string }): string =>
  `${userId.replace(/\//g, ' ')}/${sessionId}`;

export interface Count {
  readonly users: number;
  readonly sessions: number;
}

const STREAM = 'stream:';
/** Session id of a user who is online without a session. */
const PRESENCE_ONLY = '*';

export class TopicView {
  /** By `userId/sessionId`; another map after each snapshot. */
  sessions: ReadonlyMap<string, SessionView> = new Map();
  /** The map is complete: a snapshot came, and every change since. */
  complete = false;
  /** How many entries of `sessions` each user has. */
  private users = new Map<string, number>();
  private marks = 0;
  private readonly streamId: string | undefined;
  private building: Map<string, SessionView> | undefined;

  constructor(topic: string) {
    this.streamId = topic.startsWith(STREAM) ? topic.slice(STREAM.length) : undefined;
  }

  /** @returns true when with this page the new map took the place of the old one. */
  page(number: number, last: boolean, sessions: readonly SessionView[]): boolean {
    if (number === 0) this.building = new Map();
    // The rest of a snapshot whose beginning was not seen.
    if (!this.building) return false;
    for (const session of sessions) this.building.set(keyOf(session), session);
    if (!last) return false;
    this.sessions = this.building;
    this.building = undefined;
    this.complete = true;
    this.users = new Map();
    this.marks = 0;
    for (const session of this.sessions.values()) this.count(session, 1);
    return true;
  }

  /** A snapshot of which pages are missing comes to nothing. */
  abort(): void {
    this.building = undefined;
  }

  apply(change: ChangeView): void {
    const sessions = this.sessions as Map<string, SessionView>;
    const key = keyOf(change);
    const known = sessions.get(key);
    if (known) this.count(known, -1);
    if (change.kind === 'close' || (this.streamId !== undefined && change.streamId !== this.streamId)) {
      sessions.delete(key);
      return;
    }
    const { userId, sessionId, streamId, deviceId, deviceType, country, state, meta, at } = change;
    const { via = known ? known.via : 'socket', startedAt = known ? known.startedAt : at } = change;
    const session = { userId, sessionId, streamId, deviceId, deviceType, country, state, meta, via, startedAt };
    sessions.set(key, session);
    this.count(session, 1);
  }

  /** A user without a session counts as online; `sessions` has an entry for it. */
  get total(): Count {
    return { users: this.users.size, sessions: this.sessions.size - this.marks };
  }

  isOnline(userId: string): boolean {
    return this.users.has(userId);
  }

  private count({ userId, sessionId }: SessionView, by: 1 | -1): void {
    const entries = (this.users.get(userId) || 0) + by;
    if (entries > 0) this.users.set(userId, entries);
    else this.users.delete(userId);
    if (sessionId === PRESENCE_ONLY) this.marks += by;
  }
}
