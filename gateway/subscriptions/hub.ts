/**
 * What one process knows of the log: one reader for all its subscriptions, running only while there are any. Each
 * batch is matched to topics by its changes' keys and written out once per topic.
 */
import { type Change, type LogPage, type PresenceStore, Semaphore } from '../../presence-core/index.ts';
import { LogReader } from '../node/log-reader.ts';
import type { StoreMemory } from '../node/restoring.ts';
import type { PresenceReads } from '../replica/reads.ts';
import { CopySource, type SessionCopy } from './copy-source.ts';
import { changesFrames, changeText } from './frames.ts';
import { type Batch, RecentBatches } from './recent-batches.ts';
import { StoreSource, UsersSource } from './snapshot-source.ts';
import { StatsTicker } from './stats-ticker.ts';
import { Summaries } from './summaries.ts';
import { TopicGroup, type TopicGroupOptions, type TopicSubscriber } from './topic-group.ts';
import { TopicIndex } from './topic-index.ts';
import { TopicSnapshot } from './topic-snapshot.ts';
import type { Topic } from './topics.ts';

export interface HubOptions extends TopicGroupOptions {
  /** Users that the topics of one socket, and of all sockets, may name. */
  readonly topicUsersPerSocket: number;
  readonly topicUsersPerNode: number;
  readonly node: Pick<StoreMemory, 'isRestoring' | 'check' | 'restored'>;
  readonly store: PresenceStore;
  readonly reads: PresenceReads;
  /** This process' copy of who is live, while it is whole and fresh. */
  readonly copy?: () => SessionCopy | undefined;
  readonly log: { error(fields: object, message: string): void };
}

/** Reads of subscribers that begin or catch up: a whole fleet may come back at once. */
const READS_AT_ONCE = 4;
const READ_LIMIT = 1_024;
/** Of more shards than these all are read: each that is added makes the reader begin anew. */
const FEW_SHARDS = 8;

export class Hub {
  readonly store: PresenceStore;
  readonly semaphore = new Semaphore(READS_AT_ONCE);
  readonly stats: StatsTicker;
  readonly topicUsersPerSocket: number;
  readonly log: HubOptions['log'];
  /** Another one when the hub lost its place: what was read before says nothing about what comes after. */
  generation = {};
  cursor = '';
  positions: readonly number[] = [];
  /** Shards that are read: those of all topics so far. Of the others positions are of when they were last read. */
  private reading = new Set<number>();
  /** How often the hub lost its place. */
  gaps = 0;
  private readonly options: HubOptions;
  private readonly reader: LogReader;
  private readonly groups = new Map<string, TopicGroup>();
  private readonly summaries: Summaries;
  private readonly index = new TopicIndex();
  private recent = new RecentBatches([]);
  private entered = 0;
  private starting: Promise<void> | undefined;
  /** Of the question whether the store forgot, since the place was last lost. */
  private checked: Promise<void> | undefined;
  private run: object | undefined;
  private waiting: (() => void)[] = [];

  constructor(options: HubOptions) {
    this.options = options;
    const { store, reads, node, log, summaryIntervalMs } = options;
    const isQuiet = (): boolean => node.isRestoring;
    this.store = store;
    this.log = log;
    this.topicUsersPerSocket = options.topicUsersPerSocket;
    this.stats = new StatsTicker(reads, summaryIntervalMs, isQuiet);
    this.summaries = new Summaries(store, this.groups, summaryIntervalMs, isQuiet, log);
    this.reader = new LogReader(store, {
      batch: (changes, cursor) => this.dispatch(changes, cursor),
      gap: (cursor) => this.lose(cursor),
      failed: (error) => log.error({ err: error }, 'could not read the change log: subscriptions are delayed'),
    });
  }

  /**
   * Every call is matched by one of `leave`, also when it rejects.
   * @throws StoreError when the store does not answer.
   */
  async enter(topic: Topic): Promise<void> {
    this.entered += 1;
    this.starting ??= this.start(topic);
    await this.starting;
    await this.widen(topic);
  }

  /** Where the changes of a topic are logged; undefined: everywhere. */
  shardsOf(topic: Topic): readonly number[] | undefined {
    return topic.kind === 'users' ? this.store.log.shardsOf(topic.userIds) : undefined;
  }

  leave(): void {
    this.entered -= 1;
    if (this.entered > 0) return;
    this.reader.stop();
    this.starting = undefined;
    this.run = undefined;
    this.release();
  }

  joinGroup(topic: Topic, member: TopicSubscriber): TopicGroup {
    let group = this.groups.get(topic.text);
    if (!group) {
      group = new TopicGroup(this.index.sharing(topic), this.options);
      this.groups.set(topic.text, group);
      this.summaries.start();
      this.index.add(group);
    }
    group.members.add(member);
    return group;
  }

  leaveGroup(group: TopicGroup, member: TopicSubscriber): void {
    group.members.delete(member);
    group.live.delete(member);
    group.summarised.delete(member);
    if (group.members.size > 0) return;
    this.groups.delete(group.topic.text);
    if (this.groups.size === 0) this.summaries.stop();
    this.index.delete(group);
  }

  concerns(group: TopicGroup, change: Change): boolean {
    return this.index.concerns(group, change);
  }

  /** Whether a topic may come to those that are subscribed to (P14). */
  hasRoomFor(topic: Topic): boolean {
    return this.groups.has(topic.text) || this.index.userCount + topic.userIds.length <= this.options.topicUsersPerNode;
  }

  /** See `RecentBatches.since`. */
  since(positions: readonly number[], shards?: readonly number[]): readonly Batch[] | undefined {
    return this.recent.since(positions, shards);
  }

  /** Reads what is no longer at hand. */
  read(cursor: string, shards?: readonly number[]): Promise<LogPage> {
    return this.semaphore.run(() => this.store.log.read(cursor, READ_LIMIT, 0, shards));
  }

  /** @returns how many entries of the log it has not read yet; undefined while nobody subscribes. */
  async behind(): Promise<number | undefined> {
    const { run } = this;
    if (!run) return undefined;
    const tail = this.store.log.positions(await this.store.log.tail());
    if (this.run !== run || this.positions.length === 0) return undefined;
    const behind = (shard: number): number => Math.max(0, (tail[shard] as number) - (this.positions[shard] as number));
    return [...this.reading].reduce((sum, shard) => sum + behind(shard), 0);
  }

  /** Resolves when the store shows all sessions: what it forgot, nodes have opened again (P10). */
  async settled(): Promise<void> {
    await this.checked;
    await this.options.node.restored();
  }

  /** Begins a snapshot: out of this process' copy, or by the store, from the place where the hub stands. */
  async snapshotOf(topic: Topic): Promise<TopicSnapshot> {
    const { log, snapshots } = this.store;
    const { generation } = this;
    const copy = this.options.copy?.();
    // The copy may not have heard yet that the store forgot what it shows.
    if (copy && (await log.upholds(copy.cursor)) && !copy.isLost) {
      const source = new CopySource(copy, topic, (cursor) => log.positions(cursor));
      return new TopicSnapshot(topic.text, source, generation, copy.cursor);
    }
    const Source = topic.kind === 'users' ? UsersSource : StoreSource;
    const source = new Source(snapshots, this.semaphore, topic, this.positions);
    return new TopicSnapshot(topic.text, source, this.generation, this.cursor);
  }

  /** Resolves when the hub has read on, lost its place, or stopped. */
  moved(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** A start that everybody left meanwhile changes nothing. */
  private async start(topic: Topic): Promise<void> {
    const run = {};
    this.run = run;
    try {
      const cursor = await this.store.log.tail();
      if (this.run !== run) return;
      this.place(cursor);
      this.reading = new Set(this.shardsOf(topic) ?? this.positions.keys());
      this.readOn();
    } catch (error) {
      if (this.run === run) this.starting = undefined;
      throw error;
    }
  }

  /** Reads the topic's shards too, from their newest entries on. */
  private async widen(topic: Topic): Promise<void> {
    const missing = (): number[] =>
      [...(this.shardsOf(topic) ?? this.positions.keys())].filter((shard) => !this.reading.has(shard));
    while (this.run && missing().length > 0) {
      const { run, generation } = this;
      const tail = await this.store.log.tail();
      // What was read when the place was lost is newer.
      if (this.run !== run || this.generation !== generation) continue;
      const wanted = [...this.reading, ...missing()];
      const reading = new Set(wanted.length > FEW_SHARDS ? this.positions.keys() : wanted);
      const added = [...reading].filter((shard) => !this.reading.has(shard));
      this.standAt(this.store.log.moved(this.cursor, tail, added));
      this.reading = reading;
      this.readOn();
      this.release();
    }
  }

  private readOn(): void {
    const { reading } = this;
    this.reader.start(this.cursor, reading.size < this.positions.length ? [...reading] : undefined);
  }

  private place(cursor: string): void {
    this.generation = {};
    this.standAt(cursor);
  }

  /** What lies before is no longer told from memory. */
  private standAt(cursor: string): void {
    this.cursor = cursor;
    this.positions = this.store.log.positions(cursor);
    this.recent = new RecentBatches(this.positions);
  }

  private lose(cursor: string): void {
    this.gaps += 1;
    // A store that forgot is a way to lose the place.
    this.checked = this.options.node.check();
    this.place(cursor);
    this.readWhatIsWanted();
    for (const group of this.groups.values()) for (const member of [...group.live]) member.restart();
    this.release();
  }

  /** Users are in other shards when the deployment has lost its seed (P18). */
  private readWhatIsWanted(): void {
    const wanted = new Set<number>();
    for (const { topic } of this.groups.values()) {
      for (const shard of this.shardsOf(topic) ?? this.positions.keys()) wanted.add(shard);
    }
    if ([...wanted].every((shard) => this.reading.has(shard))) return;
    this.reading = wanted;
    this.readOn();
  }

  private dispatch(changes: readonly Change[], cursor: string): void {
    const before = this.cursor;
    this.cursor = cursor;
    this.positions = this.store.log.positions(cursor);
    this.recent.add({ changes, cursor, positions: this.positions });
    const ofGroup = new Map<TopicGroup, Change[]>();
    for (const change of changes) {
      for (const group of this.index.groupsOf(change)) {
        const theirs = ofGroup.get(group);
        if (theirs) theirs.push(change);
        else ofGroup.set(group, [change]);
      }
    }
    const rows = new Map<Change, string>();
    const rowOf = (change: Change): string => {
      const row = rows.get(change) ?? changeText(change);
      rows.set(change, row);
      return row;
    };
    let place: string | undefined;
    for (const [group, theirs] of ofGroup) {
      group.count(theirs);
      if (group.live.size === 0) continue;
      place ??= this.store.log.shorten(cursor);
      const frames = changesFrames(group.topic.text, theirs.map(rowOf), place);
      for (const member of group.live) member.deliver(frames, theirs, before);
    }
    this.release();
  }

  private release(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
