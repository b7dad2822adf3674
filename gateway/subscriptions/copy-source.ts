/**
 * A snapshot out of this process' copy of who is live: it costs the store nothing.
 *
 * Between two turns of the event loop the copy stands at one place in the log. A short list is read in one turn; of a long
 * one each part is of the place at which it was read.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Change, StoreError } from '../../presence-core/index.ts';
import { type ShownSession, sessionText } from './frames.ts';
import type { SnapshotSource } from './snapshot-source.ts';
import type { Topic } from './topics.ts';

/** The copy (gateway/replica/), as far as snapshots need it. */
export interface SessionCopy {
  /** The place in the log that it shows now. */
  readonly cursor: string;
  readonly isLost: boolean;
  /** See `Copy.asOf`. */
  readonly asOf: number;
  readonly view: {
    /** Its users are divided into so many parts. */
    readonly parts: number;
    partOf(userId: string): number;
    inPart(part: number): Iterable<ShownSession>;
    ofUser(userId: string): readonly ShownSession[];
    ofStream(streamId: string): readonly ShownSession[];
  };
}

/** Sessions that are read in one turn: some milliseconds. */
const TURN_SESSIONS = 2_000;

export class CopySource implements SnapshotSource {
  private readonly copy: SessionCopy;
  private readonly topic: Topic;
  private readonly positionsOf: (cursor: string) => readonly number[];
  /** All that concerns the topic is few enough for one turn. */
  private isShort = false;
  /** Positions in the log of each part that was read; of a list, one for all. */
  private readonly places: (readonly number[])[] = [];
  private place: { readonly cursor: string; readonly positions: readonly number[] } | undefined;

  /** @param positionsOf see `StoreLog.positions`. */
  constructor(copy: SessionCopy, topic: Topic, positionsOf: (cursor: string) => readonly number[]) {
    this.copy = copy;
    this.topic = topic;
    this.positionsOf = positionsOf;
  }

  get isLost(): boolean {
    return this.copy.isLost;
  }

  get reflects(): readonly number[] {
    return this.places.at(-1) ?? [];
  }

  async read(): Promise<readonly string[] | undefined> {
    const { view } = this.copy;
    if (this.places.length === (this.isShort ? 1 : view.parts)) return undefined;
    if (this.places.length > 0) await nextTurn();
    if (this.copy.isLost) throw new StoreError('store_unavailable', 'the copy was lost');
    // From here on all is read in this turn, and made text: the copy changes its sessions in place.
    const list = this.places.length === 0 ? this.shortList() : undefined;
    if (list) {
      this.isShort = true;
      this.places.push(this.positions());
      return list.map(sessionText);
    }
    const { streamId } = this.topic;
    const rows: string[] = [];
    while (this.places.length < view.parts && rows.length < TURN_SESSIONS) {
      for (const session of view.inPart(this.places.length)) {
        if (streamId === undefined || session.streamId === streamId) rows.push(sessionText(session));
      }
      this.places.push(this.positions());
    }
    return rows;
  }

  has(change: Change): boolean {
    const place = this.places[this.isShort ? 0 : this.copy.view.partOf(change.userId)];
    return change.sequence <= (place?.[change.shard] ?? 0);
  }

  private shortList(): readonly ShownSession[] | undefined {
    const { view } = this.copy;
    const { kind, userIds, streamId } = this.topic;
    if (kind === 'users') return userIds.flatMap((userId) => view.ofUser(userId));
    if (streamId === undefined) return undefined;
    const watching = view.ofStream(streamId);
    return watching.length <= TURN_SESSIONS ? watching : undefined;
  }

  private positions(): readonly number[] {
    const { cursor } = this.copy;
    if (this.place?.cursor !== cursor) this.place = { cursor, positions: this.positionsOf(cursor) };
    return this.place.positions;
  }
}
