/**
 * Which topics a change concerns. Of topics of users every id is held once, with the topics that name it; most are named
 * by one, which is held without a list.
 */
import type { Change } from '../../presence-core/index.ts';
import type { TopicGroup } from './topic-group.ts';
import { streamsOf, type Topic } from './topics.ts';

interface Named {
  readonly userId: string;
  by: TopicGroup | readonly TopicGroup[];
}

const NONE: readonly never[] = [];

export class TopicIndex {
  private readonly users = new Map<string, Named>();
  private readonly streams = new Map<string, TopicGroup>();
  private all: TopicGroup | undefined;
  private named = 0;

  /** Ids in all topics, each as often as topics name it. */
  get userCount(): number {
    return this.named;
  }

  /** The topic with the ids that are held here already. */
  sharing(topic: Topic): Topic {
    if (topic.kind !== 'users') return topic;
    return { ...topic, userIds: topic.userIds.map((userId) => this.users.get(userId)?.userId ?? flat(userId)) };
  }

  /** @param group of a topic that is `sharing`. */
  add(group: TopicGroup): void {
    const { kind, userIds, streamId } = group.topic;
    if (kind === 'all') this.all = group;
    if (streamId !== undefined) this.streams.set(streamId, group);
    for (const userId of userIds) {
      const named = this.users.get(userId);
      if (named) named.by = groupsIn(named).concat(group);
      else this.users.set(userId, { userId, by: group });
    }
    this.named += userIds.length;
  }

  delete(group: TopicGroup): void {
    const { kind, userIds, streamId } = group.topic;
    if (kind === 'all') this.all = undefined;
    if (streamId !== undefined) this.streams.delete(streamId);
    for (const userId of userIds) {
      const named = this.users.get(userId);
      const others = groupsIn(named).filter((other) => other !== group);
      if (!named || others.length === 0) this.users.delete(userId);
      else named.by = others.length === 1 ? (others[0] as TopicGroup) : others;
    }
    this.named -= userIds.length;
  }

  /** Each once. */
  groupsOf(change: Change): readonly TopicGroup[] {
    const named = groupsIn(this.users.get(change.userId));
    const found = this.all ? [this.all, ...named] : [...named];
    for (const streamId of streamsOf(change)) {
      const group = this.streams.get(streamId);
      if (group) found.push(group);
    }
    return found;
  }

  concerns(group: TopicGroup, change: Change): boolean {
    const { kind, streamId } = group.topic;
    if (kind === 'users') return groupsIn(this.users.get(change.userId)).includes(group);
    return kind === 'all' || (streamId !== undefined && streamsOf(change).includes(streamId));
  }
}

function groupsIn(named: Named | undefined): readonly TopicGroup[] {
  if (!named) return NONE;
  return Array.isArray(named.by) ? named.by : [named.by as TopicGroup];
}

/** An id cut from a longer text keeps all of that in memory; its copy does not. */
function flat(userId: string): string {
  return Buffer.from(userId).toString();
}
