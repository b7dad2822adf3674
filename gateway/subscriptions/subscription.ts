/**
 * One socket's subscription to one topic. It reads until it has reached the hub's place in the log, and from then on
 * gets the frames that the hub sends to all.
 *
 * Why nothing is missed or doubled (P11): a snapshot's parts are read after the hub's place was noted, so the log from
 * that place on holds all that a part does not; of it, changes that a part reflects already are dropped. Whoever
 * catches up joins the hub in the same turn in which it has delivered all up to the hub's place.
 */
import { type Change, isRetryable, retrying } from '../../presence-core/index.ts';
import { catchUp, type Following, type Listener, pageOut, type Task, takeSnapshot } from './catch-up.ts';
import { type ChangesFrame, NO_PLACE, statsFrame } from './frames.ts';
import type { Hub } from './hub.ts';
import type { SendQueue } from './send-queue.ts';
import { countsOf } from './summaries.ts';
import type { TopicGroup, TopicSubscriber } from './topic-group.ts';
import type { Topic } from './topics.ts';

/** A cursor further behind is answered with a snapshot: a long log costs more. */
const MAX_BEHIND_CHANGES = 100_000;
const BACK_OFF = { firstMs: 50, maxMs: 2_000 };

export class Subscription implements TopicSubscriber {
  readonly mode: TopicSubscriber['mode'];
  private readonly hub: Hub;
  /** As all of its subscribers share it. */
  private readonly topic: Topic;
  private readonly queue: SendQueue;
  private readonly group: TopicGroup;
  private readonly failed: (error: unknown) => void;
  private entered = false;
  private ended = false;
  /** Where to go on once the socket takes messages again. */
  private lagging: Following | undefined;
  /** The work that may go on; a newer one takes its place. */
  private work: object | undefined;

  constructor(
    hub: Hub,
    topic: Topic,
    mode: TopicSubscriber['mode'],
    queue: SendQueue,
    failed: (error: unknown) => void,
  ) {
    this.hub = hub;
    this.mode = mode;
    this.queue = queue;
    this.failed = failed;
    this.group = hub.joinGroup(topic, this);
    this.topic = this.group.topic;
  }

  /**
   * @param begun called with whether it resumes at the cursor; what follows is sent without further calls.
   * @throws StoreError when the store does not answer, or `invalid_cursor`: the subscription is then to be ended.
   */
  async begin(cursor: string | undefined, begun: (resumed: boolean) => void): Promise<void> {
    this.entered = true;
    await this.hub.enter(this.topic);
    const isPlace = cursor !== undefined && cursor !== NO_PLACE;
    const known = isPlace ? await this.hub.store.log.resolve(cursor) : undefined;
    // A client that resumes would not be told when nobody is missing any more.
    const place = this.hub.snapshots.isDegraded ? undefined : known;
    if (this.ended) return;
    if (this.wantsSummaries()) {
      const [counts] = await countsOf(this.hub.store, [this.topic]);
      if (this.ended) return;
      begun(false);
      this.queue.send(statsFrame(this.topic.text, counts as object, this.hub.snapshots.isDegraded));
      this.settle();
      return;
    }
    const task = await this.firstTask(place);
    if (this.ended) return;
    begun(task.what === 'follow');
    void this.run(task);
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    this.hub.leaveGroup(this.group, this);
    if (this.entered) this.hub.leave();
  }

  /** The socket takes messages again. */
  drained(): void {
    const { lagging } = this;
    this.lagging = undefined;
    if (lagging && !this.ended) void this.run(lagging);
  }

  deliver(frames: readonly ChangesFrame[], changes: readonly Change[], before: string): void {
    let sent = 0;
    for (const frame of frames) {
      if (!this.queue.send(frame.text)) {
        this.lag(changes.slice(0, sent), before);
        return;
      }
      sent += frame.changes;
    }
  }

  send(frame: string): void {
    this.queue.send(frame);
  }

  change(fast: boolean): void {
    if (fast && this.group.live.delete(this)) this.group.summarised.add(this);
    else if (!fast && this.group.summarised.delete(this)) void this.run({ what: 'begin' });
  }

  restart(): void {
    this.lagging = undefined;
    this.group.live.delete(this);
    void this.run({ what: 'begin' });
  }

  private wantsSummaries(): boolean {
    return this.mode === 'interval' || (this.mode === 'auto' && this.group.fast);
  }

  /** It stands where the hub stands. */
  private settle(): void {
    if (this.wantsSummaries()) this.group.summarised.add(this);
    else this.group.live.add(this);
  }

  private lag(sent: readonly Change[], before: string): void {
    this.group.live.delete(this);
    const delivered = [...this.hub.store.log.positions(before)];
    for (const { shard, sequence } of sent) delivered[shard] = sequence;
    this.lagging = { what: 'follow', generation: this.hub.generation, cursor: before, delivered };
  }

  /** @param cursor upheld by the store a moment ago. */
  private async firstTask(cursor: string | undefined): Promise<Task> {
    const { generation, positions } = this.hub;
    if (cursor !== undefined) {
      const shards = this.hub.shardsOf(this.topic);
      const delivered = this.hub.store.log.positions(cursor);
      const behind = positions.reduce((sum, position, shard) => {
        if (shards && !shards.includes(shard)) return sum;
        return sum + Math.max(0, position - (delivered[shard] ?? 0));
      }, 0);
      const page = behind <= MAX_BEHIND_CHANGES ? await this.hub.read(cursor, shards) : undefined;
      if (page && !page.gap) return { what: 'follow', generation, cursor, delivered, page };
    }
    return takeSnapshot(this.hub, this.group);
  }

  /** Works until it stands where the hub stands. While the store is away it keeps its place. */
  private async run(first: Task): Promise<void> {
    const work = {};
    this.work = work;
    const { group, queue } = this;
    const listener: Listener = { group, queue, listens: () => !this.ended && this.work === work };
    let task: Task | undefined = first;
    const step = async (): Promise<void> => {
      task = await this.advance(listener, task as Task);
    };
    const failed = (): void => {
      // Half of a snapshot is on its way: the client begins anew with its page 0.
      if (task?.what === 'snapshot') task = { what: 'begin' };
    };
    try {
      while (task && listener.listens()) {
        await retrying({ ...BACK_OFF, wanted: listener.listens, passes: isRetryable, failed }, step);
      }
    } catch (error) {
      if (listener.listens()) this.failed(error);
    }
  }

  /** @returns what comes next; undefined when it has joined the hub, in the same turn in which it stood there. */
  private async advance(listener: Listener, task: Task): Promise<Task | undefined> {
    if (task.what === 'begin') return takeSnapshot(this.hub, this.group);
    if (task.what === 'snapshot') return pageOut(this.hub, listener, task);
    if (!(await catchUp(this.hub, listener, task))) {
      // The log leads on from it no more.
      this.group.drop(task.snapshot);
      return { what: 'begin' };
    }
    this.settle();
    return undefined;
  }
}
