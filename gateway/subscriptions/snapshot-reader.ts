/** Reads the live sessions of a topic part by part, and keeps the place in the log that each part shows. */
import type { Change, PresenceStore, Semaphore, Session, Snapshot } from '../../presence-core/index.ts';
import { shows, type Topic } from './topics.ts';

/** Parts are asked for together while they are small; the answers to one batch are held at once. */
const FIRST_BATCH = 8;
const MAX_BATCH = 64;
const FEW_SESSIONS = 500;

export class SnapshotReader {
  /** Positions in the log that all parts together reflect at most. */
  readonly reflects: number[];
  private readonly store: PresenceStore;
  private readonly gate: Semaphore;
  private readonly topic: Topic;
  private readonly count: number;
  private readonly sequences: number[] = [];
  /** Places of a `users` topic in the order of its ids. */
  private readonly places: ReadonlyMap<string, number>;
  private next = 0;
  private batch = FIRST_BATCH;

  constructor(store: PresenceStore, gate: Semaphore, topic: Topic, positions: readonly number[]) {
    this.store = store;
    this.gate = gate;
    this.topic = topic;
    this.reflects = [...positions];
    this.count = topic.kind === 'users' ? topic.userIds.length : store.snapshots.parts;
    this.places = new Map(topic.userIds.map((userId, place) => [userId, place]));
  }

  /** @returns undefined when all has been read. */
  async read(): Promise<Session[] | undefined> {
    if (this.next >= this.count) return undefined;
    const from = this.next;
    const places = Array.from({ length: Math.min(this.batch, this.count - from) }, (_, i) => from + i);
    const parts = await this.gate.run(() => Promise.all(places.map((place) => this.part(place))));
    const sessions = parts.flatMap((part) => part.sessions.filter((session) => shows(this.topic, session)));
    const read = parts.reduce((sum, part) => sum + part.sessions.length, 0);
    for (const [i, { shard, sequence }] of parts.entries()) {
      this.sequences[from + i] = sequence;
      this.reflects[shard] = Math.max(this.reflects[shard] ?? 0, sequence);
    }
    this.next += parts.length;
    this.batch = Math.max(1, Math.min(MAX_BATCH, read < FEW_SESSIONS ? this.batch * 2 : Math.floor(this.batch / 2)));
    return sessions;
  }

  /** Whether what was read has this change in it already. */
  has(change: Change): boolean {
    const place =
      this.topic.kind === 'users' ? this.places.get(change.userId) : this.store.snapshots.partOf(change.userId);
    return change.sequence <= (this.sequences[place ?? -1] ?? 0);
  }

  private part(place: number): Promise<Snapshot> {
    if (this.topic.kind !== 'users') return this.store.snapshots.ofPart(place);
    return this.store.snapshots.ofUser(this.topic.userIds[place] as string);
  }
}
