/** Summaries of topics for those who do not want each change: one question to the store for all topics together. */
import type { Count, PresenceStore } from '../../presence-core/index.ts';
import { intervalFrame } from './frames.ts';
import type { TopicGroup } from './topic-group.ts';
import { dimensionOf, type Topic } from './topics.ts';

/** Live users and sessions of each topic. */
export async function countsOf(store: PresenceStore, topics: readonly Topic[]): Promise<Count[]> {
  const dimensions = topics.map(dimensionOf).filter((dimension) => dimension !== undefined);
  const userIds = [...new Set(topics.flatMap((topic) => topic.userIds))];
  const [counts, statuses] = await Promise.all([
    dimensions.length > 0 ? store.reads.counts(dimensions) : [],
    userIds.length > 0 ? store.reads.status(userIds) : [],
  ]);
  const statusOf = new Map(statuses.map((status) => [status.userId, status]));
  let counted = 0;
  return topics.map((topic) => {
    if (dimensionOf(topic)) return counts[counted++] as Count;
    const users = topic.userIds.map((userId) => statusOf.get(userId)).filter((status) => status?.online);
    return { users: users.length, sessions: users.reduce((sum, status) => sum + (status?.sessions ?? 0), 0) };
  });
}

export class Summaries {
  private readonly store: PresenceStore;
  private readonly groups: ReadonlyMap<string, TopicGroup>;
  private readonly intervalMs: number;
  private readonly isQuiet: () => boolean;
  private timer: NodeJS.Timeout | undefined;
  private asking = false;

  /** @param isQuiet while the store has not all sessions again nothing is said. */
  constructor(
    store: PresenceStore,
    groups: ReadonlyMap<string, TopicGroup>,
    intervalMs: number,
    isQuiet: () => boolean,
  ) {
    this.store = store;
    this.groups = groups;
    this.intervalMs = intervalMs;
    this.isQuiet = isQuiet;
  }

  start(): void {
    this.timer ??= setInterval(() => this.tick(), this.intervalMs);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private tick(): void {
    for (const group of this.groups.values()) group.tick();
    const wanted = [...this.groups.values()].filter((group) => group.summarised.size > 0);
    if (wanted.length === 0 || this.asking || this.isQuiet()) return;
    this.asking = true;
    void this.send(wanted).finally(() => {
      this.asking = false;
    });
  }

  private async send(groups: readonly TopicGroup[]): Promise<void> {
    const counts = await countsOf(
      this.store,
      groups.map((group) => group.topic),
    ).catch(() => undefined);
    // While the store is away nothing is sent; opens and closes are counted on for the next summary.
    if (!counts) return;
    for (const [i, group] of groups.entries()) {
      const frame = intervalFrame(group.topic.text, counts[i] as Count, group.takeFlow());
      for (const member of group.summarised) member.summarise(frame);
    }
  }
}
