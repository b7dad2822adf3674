/** The subscribers of one topic on this node: who gets each change, who gets summaries, and when `auto` changes over. */
import type { Change } from '../../presence-core/index.ts';
import type { ChangesFrame } from './frames.ts';
import type { TopicSnapshot } from './topic-snapshot.ts';
import { type Flow, flowOf, type Topic } from './topics.ts';

/** A subscription as its group sees it. */
export interface TopicSubscriber {
  readonly mode: 'events' | 'interval' | 'auto';
  /** One batch: its frames, the changes in them, and the cursor before it. */
  deliver(frames: readonly ChangesFrame[], changes: readonly Change[], before: string): void;
  /** A frame that says all by itself: a slow socket misses it. */
  send(frame: string): void;
  /** `auto`: the topic became fast, or slow again. */
  change(fast: boolean): void;
  /** Changes were lost: it must begin again with a snapshot. */
  restart(): void;
}

export interface TopicGroupOptions {
  readonly summaryIntervalMs: number;
  readonly autoIntervalAbove: number;
}

export class TopicGroup {
  readonly topic: Topic;
  /** All that subscribe, whatever they are at. */
  readonly members = new Set<TopicSubscriber>();
  readonly live = new Set<TopicSubscriber>();
  readonly summarised = new Set<TopicSubscriber>();
  fast = false;
  /** Its subscribers were told that it cannot be counted. */
  isFaulty = false;
  /** The newest one that was begun. */
  private snapshot: TopicSnapshot | undefined;
  private beginning: Promise<TopicSnapshot> | undefined;
  private changes = 0;
  private opened = 0;
  private closed = 0;
  private readonly above: number;

  constructor(topic: Topic, options: TopicGroupOptions) {
    this.topic = topic;
    this.above = (options.autoIntervalAbove * options.summaryIntervalMs) / 1_000;
  }

  count(changes: readonly Change[]): void {
    this.changes += changes.length;
    for (const change of changes) {
      const flow = flowOf(this.topic, change);
      this.opened += flow.opened;
      this.closed += flow.closed;
    }
    if (!this.fast && this.changes > this.above) this.turn(true);
  }

  /** Once an interval. Back below half of the threshold a topic is slow again. */
  tick(): void {
    if (this.fast && this.changes < this.above / 2) this.turn(false);
    this.changes = 0;
    if (!this.snapshot?.isOpen) this.snapshot = undefined;
    if (this.summarised.size === 0) this.takeFlow();
  }

  /** The snapshot of this generation that may still be joined, else a new one. */
  async sharedSnapshot(generation: object, begin: () => Promise<TopicSnapshot>): Promise<TopicSnapshot> {
    const { snapshot } = this;
    if (snapshot?.isOpen && snapshot.generation === generation) return snapshot;
    this.beginning ??= begin().finally(() => {
      this.beginning = undefined;
    });
    this.snapshot = await this.beginning;
    return this.snapshot;
  }

  /** All that get changes begin again with a new snapshot. */
  restart(): void {
    this.snapshot = undefined;
    for (const member of [...this.members]) if (!this.summarised.has(member)) member.restart();
  }

  /** Nobody is to join it any more. */
  drop(snapshot: TopicSnapshot | undefined): void {
    if (this.snapshot === snapshot) this.snapshot = undefined;
  }

  /** Sessions that came and went since it was last taken. */
  takeFlow(): Flow {
    const { opened, closed } = this;
    this.opened = 0;
    this.closed = 0;
    return { opened, closed };
  }

  private turn(fast: boolean): void {
    this.fast = fast;
    for (const member of [...this.members]) if (member.mode === 'auto') member.change(fast);
  }
}
