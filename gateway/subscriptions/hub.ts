/**
 * Hands what the log tells to all subscriptions of one process, which follow it only while there are any. Each batch
 * is matched to topics by its changes' keys and written out once per topic.
 */
import { type Change, type LogPage, type PresenceStore, Semaphore } from '../../presence-core/index.ts';
import type { LogFeed, LogFollower } from '../node/log-feed.ts';
import type { PresenceReads } from '../replica/reads.ts';
import { changesFrames, changeText } from './frames.ts';
import { type Batch, RecentBatches } from './recent-batches.ts';
import { Snapshots, type SnapshotsOptions } from './snapshots.ts';
import { StatsTicker } from './stats-ticker.ts';
import { Summaries } from './summaries.ts';
import { TopicGroup, type TopicGroupOptions, type TopicSubscriber } from './topic-group.ts';
import { TopicIndex } from './topic-index.ts';
import type { Topic } from './topics.ts';

export interface HubOptions extends TopicGroupOptions, Omit<SnapshotsOptions, 'semaphore'> {
  /** Users that the topics of one socket, and of all sockets, may name. */
  readonly topicUsersPerSocket: number;
  readonly topicUsersPerNode: number;
  readonly feed: Pick<LogFeed, 'enter' | 'leave' | 'lagMs' | 'behind'>;
  readonly reads: PresenceReads;
  readonly log: { error(fields: object, message: string): void };
}

/** Reads of subscribers that begin or catch up: a whole fleet may come back at once. */
const READS_AT_ONCE = 4;
/** While nobody wants each change, so many reads of the log an interval suffice: they only count. */
const COUNTS_PER_INTERVAL = 5;
const READ_LIMIT = 1_024;

export class Hub {
  readonly store: PresenceStore;
  readonly snapshots: Snapshots;
  readonly stats: StatsTicker;
  readonly topicUsersPerSocket: number;
  readonly log: HubOptions['log'];
  /** Another one when the hub lost its place: what was read before says nothing about what comes after. */
  generation = {};
  cursor = '';
  positions: readonly number[] = [];
  /** How often the hub lost its place. */
  gaps = 0;
  private readonly options: HubOptions;
  private readonly follower: LogFollower;
  private readonly groups = new Map<string, TopicGroup>();
  private readonly summaries: Summaries;
  private readonly index = new TopicIndex();
  private recent = new RecentBatches([]);
  private entered = 0;
  private waiting: (() => void)[] = [];
  private readonly semaphore = new Semaphore(READS_AT_ONCE);

  constructor(options: HubOptions) {
    this.options = options;
    const { store, reads, node, log, summaryIntervalMs } = options;
    const moment = { isQuiet: () => node.isRestoring, isDegraded: () => node.isReturning };
    this.store = store;
    this.snapshots = new Snapshots({ ...options, semaphore: this.semaphore });
    this.log = log;
    this.topicUsersPerSocket = options.topicUsersPerSocket;
    this.stats = new StatsTicker(reads, summaryIntervalMs, moment);
    this.summaries = new Summaries(store, this.groups, summaryIntervalMs, moment, log);
    const gatherMs = (): number | undefined =>
      this.areAllSummarised() ? options.summaryIntervalMs / COUNTS_PER_INTERVAL : undefined;
    this.follower = {
      get gatherMs() {
        return gatherMs();
      },
      shards: () => this.wantedShards(),
      moved: (cursor) => this.stand(cursor),
      batch: (changes, cursor) => this.dispatch(changes, cursor),
      gap: (cursor) => this.lose(cursor),
    };
  }

  /**
   * Every call is matched by one of `leave`, also when it rejects.
   * @throws StoreError when the store does not answer.
   */
  async enter(topic: Topic): Promise<void> {
    this.entered += 1;
    await this.options.feed.enter(this.follower, this.shardsOf(topic));
  }

  /** Where the changes of a topic are logged; undefined: everywhere. */
  shardsOf(topic: Topic): readonly number[] | undefined {
    return topic.kind === 'users' ? this.store.log.shardsOf(topic.userIds) : undefined;
  }

  leave(): void {
    this.entered -= 1;
    if (this.entered > 0) return;
    this.options.feed.leave(this.follower);
    // What is told until it comes back it does not hear.
    this.generation = {};
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

  /** For so long changes may have waited to be delivered; undefined while nobody subscribes. */
  get lagMs(): number | undefined {
    return this.entered > 0 ? this.options.feed.lagMs : undefined;
  }

  /** @returns how many entries of the log it has not read yet; undefined while nobody subscribes. */
  async behind(): Promise<number | undefined> {
    return this.entered > 0 ? this.options.feed.behind() : undefined;
  }

  /** Resolves when the hub has read on, lost its place, or stopped. */
  moved(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private areAllSummarised(): boolean {
    for (const { members, summarised } of this.groups.values()) if (summarised.size < members.size) return false;
    return true;
  }

  private wantedShards(): readonly number[] | undefined {
    const wanted = new Set<number>();
    for (const { topic } of this.groups.values()) {
      const shards = this.shardsOf(topic);
      if (!shards) return undefined;
      for (const shard of shards) wanted.add(shard);
    }
    return [...wanted];
  }

  /** What lies before is no longer told from memory. */
  private stand(cursor: string): void {
    this.cursor = cursor;
    this.positions = this.store.log.positions(cursor);
    this.recent = new RecentBatches(this.positions);
    this.release();
  }

  private lose(cursor: string): void {
    this.gaps += 1;
    // A store that forgot is a way to lose the place.
    this.snapshots.doubt();
    this.generation = {};
    this.stand(cursor);
    for (const group of this.groups.values()) for (const member of [...group.live]) member.restart();
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
