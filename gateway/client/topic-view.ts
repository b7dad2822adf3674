/** The live sessions of one topic, built from its messages. Pure. */
import type { ChangeView, SessionView } from '../protocol/messages.ts';

/** No id holds a slash. */
export const keyOf = ({ userId, sessionId }: { userId: string; sessionId: string }): string => `${userId}/${sessionId}`;

const STREAM = 'stream:';

export class TopicView {
  /** By `userId/sessionId`; another map after each snapshot. */
  sessions: ReadonlyMap<string, SessionView> = new Map();
  /** The map is complete: a snapshot came, and every change since. */
  complete = false;
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
    return true;
  }

  /** A snapshot of which pages are missing comes to nothing. */
  abort(): void {
    this.building = undefined;
  }

  apply(change: ChangeView): void {
    const sessions = (this.building ?? this.sessions) as Map<string, SessionView>;
    const key = keyOf(change);
    const elsewhere = this.streamId !== undefined && change.streamId !== this.streamId;
    if (change.kind === 'close' || elsewhere) {
      sessions.delete(key);
      return;
    }
    const { userId, sessionId, streamId, deviceType, country, state, at } = change;
    const known = sessions.get(key);
    const { via, startedAt } = known ?? { via: undefined, startedAt: change.kind === 'open' ? at : undefined };
    sessions.set(key, { userId, sessionId, streamId, deviceType, country, state, via, startedAt } as SessionView);
  }

  /** How many users have a session here. */
  get users(): number {
    const users = new Set<string>();
    for (const { userId } of this.sessions.values()) users.add(userId);
    return users.size;
  }
}
