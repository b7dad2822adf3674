/**
 * Begins the snapshots of topics, and knows when what is read for one may be believed: the store may have forgotten (P10).
 */
import { type PresenceStore, pause, type Semaphore, StoreError, singleFlight } from '../../presence-core/index.ts';
import type { StoreMemory } from '../node/restoring.ts';
import { CopySource, type SessionCopy } from './copy-source.ts';
import { StoreSource, UsersSource } from './snapshot-source.ts';
import type { TopicGroup } from './topic-group.ts';
import { TopicSnapshot } from './topic-snapshot.ts';
import type { Topic } from './topics.ts';

/** Between two looks whether all who hold sessions are back. */
const LOOK_MS = 200;

export interface SnapshotsOptions {
  readonly store: PresenceStore;
  readonly node: Pick<StoreMemory, 'isRestoring' | 'isReturning' | 'isAwaited' | 'isSuspect' | 'check' | 'restored'>;
  /** Of reads for subscribers. */
  readonly semaphore: Semaphore;
  /** This process' copy of who is live, while it is whole and fresh. */
  readonly copy?: () => SessionCopy | undefined;
}

/** Where the hub stands in the log. */
export interface HubPlace {
  readonly generation: object;
  readonly cursor: string;
  readonly positions: readonly number[];
}

export class Snapshots {
  private readonly options: SnapshotsOptions;
  /** Of the newest question whether the store forgot. */
  private checked: Promise<void> | undefined;
  /** When the store had all that it may have forgotten again, by `performance.now()`. */
  private settledAt = Number.NEGATIVE_INFINITY;
  /** Topics of which a snapshot may lack sessions. */
  private readonly lacking = new Set<TopicGroup>();
  private readonly repeat = singleFlight(async () => {
    while (this.isDegraded) await pause(LOOK_MS);
    for (const group of this.lacking) group.restart();
    this.lacking.clear();
  });

  constructor(options: SnapshotsOptions) {
    this.options = options;
  }

  /** Sessions may be missing in what is read now (P10). */
  get isDegraded(): boolean {
    const { node } = this.options;
    return node.isRestoring || node.isReturning;
  }

  /**
   * Resolves when the store shows all sessions: what it forgot, nodes have opened again (P10).
   * @throws StoreError when it cannot be asked whether it forgot.
   */
  async settled(): Promise<void> {
    const { node } = this.options;
    await this.checked;
    for (;;) {
      await node.restored();
      if (!node.isSuspect) break;
      await node.check();
      if (node.isSuspect) throw new StoreError('store_unavailable', 'whether the store forgot is not known');
    }
    if (this.settledAt === Number.POSITIVE_INFINITY) this.settledAt = performance.now();
  }

  /** The store may have forgotten: nothing is read before it has all again. */
  doubt(): void {
    this.checked = this.options.node.check();
    this.settledAt = Number.POSITIVE_INFINITY;
  }

  /** Begins one: out of this process' copy, or by the store, from the place where the hub stands. */
  async of(topic: Topic, hub: () => HubPlace): Promise<TopicSnapshot> {
    const { store, semaphore } = this.options;
    const { generation } = hub();
    const { isDegraded } = this;
    const copy = this.options.copy?.();
    // The copy may not have heard yet that the store forgot what it shows, nor of what nodes have opened again.
    if (copy && copy.asOf >= this.settledAt && (await store.log.upholds(copy.cursor)) && !copy.isLost) {
      const source = new CopySource(copy, topic, (cursor) => store.log.positions(cursor));
      const { cursor } = copy;
      // What it shows it has not read from the store just now.
      return new TopicSnapshot(topic.text, source, { cursor, generation, isDegraded, isUpheld: async () => true });
    }
    const Source = topic.kind === 'users' ? UsersSource : StoreSource;
    const { cursor, positions, generation: newest } = hub();
    const source = new Source(store.snapshots, semaphore, topic, positions);
    const isUpheld = (): Promise<boolean> => this.upholds(cursor, topic);
    return new TopicSnapshot(topic.text, source, { cursor, generation: newest, isDegraded, isUpheld });
  }

  /** Sends another one to the topic as soon as nobody is missing any more. */
  repeatWhenWhole(group: TopicGroup): void {
    this.lacking.add(group);
    void this.repeat();
  }

  /** Whether the store forgot nothing of the topic since this place. If it may have, `settled` waits for what it forgot. */
  private async upholds(cursor: string, topic: Topic): Promise<boolean> {
    const { node, store } = this.options;
    const shards = topic.kind === 'users' ? store.log.shardsOf(topic.userIds) : undefined;
    const isUpheld = await store.log.upholds(cursor, shards);
    // Of a log that was empty the store upholds any place.
    if (isUpheld && !node.isSuspect && !node.isAwaited) return true;
    this.doubt();
    return false;
  }
}
