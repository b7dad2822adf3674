/** Summaries of topics for those who do not want each change: few questions to the store for all topics together. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Count, isRetryable, type PresenceStore } from '../../presence-core/index.ts';
import { problemBody, storeProblem } from '../problem.ts';
import { intervalFrame, problemFrame } from './frames.ts';
import type { TopicGroup } from './topic-group.ts';
import { dimensionOf, type Topic } from './topics.ts';

/** Topics, and the users of topics, that are asked for at once. */
const SLICE_TOPICS = 200;
const SLICE_USERS = 1_000;

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

/** What the store is to be trusted with now (P10). */
export interface Moment {
  /** It has not all sessions of sockets again: nothing is said. */
  readonly isQuiet: () => boolean;
  /** It may lack sessions without a socket: counts are marked. */
  readonly isDegraded: () => boolean;
}

type SummariesLog = { error(fields: object, message: string): void };

export class Summaries {
  private readonly store: PresenceStore;
  private readonly groups: ReadonlyMap<string, TopicGroup>;
  private readonly intervalMs: number;
  private readonly moment: Moment;
  private readonly log: SummariesLog;
  private timer: NodeJS.Timeout | undefined;
  private asking = false;

  constructor(
    store: PresenceStore,
    groups: ReadonlyMap<string, TopicGroup>,
    intervalMs: number,
    moment: Moment,
    log: SummariesLog,
  ) {
    this.store = store;
    this.groups = groups;
    this.intervalMs = intervalMs;
    this.moment = moment;
    this.log = log;
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
    if (wanted.length === 0 || this.asking || this.moment.isQuiet()) return;
    this.asking = true;
    void this.send(wanted).finally(() => {
      this.asking = false;
    });
  }

  /** In slices, so that many topics of many users fit what may be in flight, and one that fails fails alone. */
  private async send(groups: readonly TopicGroup[]): Promise<void> {
    for (const slice of slicesOf(groups)) {
      // Who was missing when it was read may be back by the answer.
      const wasDegraded = this.moment.isDegraded();
      try {
        const counts = await countsOf(
          this.store,
          slice.map((group) => group.topic),
        );
        for (const [i, group] of slice.entries()) {
          this.tell(group, counts[i] as Count, wasDegraded || this.moment.isDegraded());
        }
      } catch (error) {
        // Opens and closes are counted on for the next summary.
        for (const group of slice) this.fail(group, error);
      }
      await nextTurn();
    }
  }

  private tell(group: TopicGroup, count: Count, isDegraded: boolean): void {
    group.isFaulty = false;
    const frame = intervalFrame(group.topic.text, count, group.takeFlow(), isDegraded);
    for (const member of group.summarised) member.send(frame);
  }

  /** Once, until it can be counted again. */
  private fail(group: TopicGroup, error: unknown): void {
    if (!isRetryable(error)) this.log.error({ err: error, topic: group.topic.text }, 'could not count a topic');
    if (group.isFaulty) return;
    group.isFaulty = true;
    const { code, detail } = storeProblem(error);
    const frame = problemFrame(problemBody(code, detail, { topic: group.topic.text }));
    for (const member of group.summarised) member.send(frame);
  }
}

/** Topics with at most so many users together, or one with more. */
function* slicesOf(groups: readonly TopicGroup[]): Generator<readonly TopicGroup[]> {
  let slice: TopicGroup[] = [];
  let users = 0;
  for (const group of groups) {
    const { length } = group.topic.userIds;
    if (users + length > SLICE_USERS || slice.length === SLICE_TOPICS) {
      yield slice;
      slice = [];
      users = 0;
    }
    slice.push(group);
    users += length;
  }
  if (slice.length > 0) yield slice;
}
