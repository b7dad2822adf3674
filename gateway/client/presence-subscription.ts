/** A dashboard: the live sessions of a topic, kept up to date over one connection after the other. */
import type { ChangeView, ServerMessage, SessionView, StatsView, TopicMessage } from '../protocol/messages.ts';
import { ChangeQueue } from './change-queue.ts';
import { Connected } from './connected.ts';
import { handled } from './deferred.ts';
import { connectionOf } from './presence-connection.ts';
import { errorOf, isPassing, type PresenceError } from './presence-error.ts';
import type {
  IntervalSummary,
  PresenceSubscriptionEvents,
  PresenceSubscriptionOptions,
  Resync,
  SubscriptionStatus,
  UserPresence,
} from './subscription-events.ts';
import { timeBound } from './time-bound.ts';
import { type Count, TopicView } from './topic-view.ts';

type Page = Extract<TopicMessage, { sessions: SessionView[] }>;
type Totals = Extract<TopicMessage, { stats: StatsView }>;

const RESYNC: Resync = { kind: 'resync' };
const QUEUE_LIMIT = 1_024;

export class PresenceSubscription
  extends Connected<true, SubscriptionStatus, PresenceSubscriptionEvents>
  implements AsyncIterable<ChangeView | Resync>
{
  readonly topic: string;
  /** Of the topic `stats`, and totals while the topic is summarised. */
  stats: StatsView | undefined;
  /** The last summary. */
  interval: IntervalSummary | undefined;
  /** The server lost data a moment ago: sessions may be missing, and `count` be too small. A whole snapshot follows by itself. */
  degraded = false;
  /** Where the next connection goes on; undefined when it begins with a snapshot. */
  cursor: string | undefined;
  private readonly options: PresenceSubscriptionOptions;
  private readonly view: TopicView;
  private readonly queues = new Set<ChangeQueue<ChangeView | Resync>>();
  private readonly lastSeen = new Map<string, number | null>();
  /** As last told, while `sessions` is not kept. */
  private told: Count | undefined;
  private subscribed = false;
  private resumed = false;
  private wasReady = false;
  /** Runs while a snapshot is on its way: its next page must come within. */
  private endPageBound: () => void = () => {};

  /** @throws TypeError where there is no WebSocket. */
  constructor(options: PresenceSubscriptionOptions) {
    super(connectionOf(options));
    this.options = options;
    this.topic = options.topic;
    this.cursor = options.cursor;
    this.view = new TopicView(options.topic);
  }

  /** By `userId/sessionId`. Not kept while the topic is summarised: see `complete`. */
  get sessions(): ReadonlyMap<string, SessionView> {
    return this.view.sessions;
  }

  /** `sessions` has every live session of the topic, as of the last message. */
  get complete(): boolean {
    return this.view.complete;
  }

  /** Users and sessions of the topic, in every mode; undefined until it is known. */
  get count(): Count | undefined {
    return this.view.complete ? this.view.total : this.told;
  }

  /** Distinct users of the topic. */
  get users(): number {
    return this.count ? this.count.users : 0;
  }

  /** Of a topic of users that was subscribed to with `seen`. */
  statusOf(userId: string): UserPresence {
    const online = this.view.isOnline(userId);
    return { online, lastSeenAt: online ? undefined : this.lastSeen.get(userId) || null };
  }

  /** What is known of those who are offline. */
  protected lastSeenOfAll(): { userId: string; lastSeenAt: number | null }[] {
    return Array.from(this.lastSeen, ([userId, lastSeenAt]) => ({ userId, lastSeenAt }));
  }

  /** Resolves when subscribed and up to date; rejects when refused for good. */
  connect(): Promise<void> {
    return handled(this.open().then(() => {}));
  }

  /** Changes from now on, each after it was applied. Bounded: a reader that falls behind gets `{ kind: 'resync' }`. */
  [Symbol.asyncIterator](): AsyncIterator<ChangeView | Resync> {
    const { queueLimit = QUEUE_LIMIT } = this.options;
    const queue = new ChangeQueue<ChangeView | Resync>(queueLimit, RESYNC, (left) => this.queues.delete(left));
    if (this.state === 'closed') queue.end();
    else this.queues.add(queue);
    return queue;
  }

  /** @internal */
  welcomed(): void {
    this.state = 'live';
    this.changed();
    void this.subscribe();
  }

  /** @internal */
  received(message: ServerMessage): void {
    switch (message.type) {
      case 'subscribed':
        this.begun(message.resumed);
        break;
      case 'seen':
        for (const { userId, lastSeenAt } of message.users) this.lastSeen.set(userId, lastSeenAt);
        this.changed();
        break;
      case 'snapshot':
        if ('stats' in message) this.summarised(message);
        else this.page(message);
        break;
      case 'changes':
        this.cursor = message.cursor;
        for (const change of message.changes) this.apply(change);
        this.changed();
        break;
      case 'interval':
        // No changes come meanwhile; a snapshot comes before they do again.
        this.view.complete = false;
        this.interval = message;
        this.told = message;
        this.degraded = !!message.degraded;
        this.cursor = message.cursor;
        this.emit('interval', message);
        this.changed();
        break;
      case 'error':
        this.emit('error', errorOf(message.problem));
    }
  }

  protected describe(): SubscriptionStatus {
    const { state, error, wasReady: isReady, degraded, count } = this;
    return { state, error, isReady, degraded, count: count && { users: count.users, sessions: count.sessions } };
  }

  protected cleanUp(error?: PresenceError): void {
    this.endPageBound();
    this.view.abort();
    if (!error) return;
    const byCaller = error.code === 'closed' && error.closeCode === undefined;
    for (const queue of this.queues) queue.end(byCaller ? undefined : error);
    this.queues.clear();
  }

  private async subscribe(): Promise<void> {
    this.subscribed = false;
    const { topic, mode, seen } = this.options;
    // What is missing does not come by a cursor.
    const cursor = this.degraded ? undefined : this.cursor;
    const { connection } = this;
    try {
      // Its reply comes to `received`, in the order of the messages.
      await connection.request({ type: 'subscribe', topic, mode, cursor, seen });
    } catch (cause) {
      const error = cause as PresenceError;
      if (this.state !== 'live' || !error.problem) return;
      if (error.code === 'invalid_request' && cursor !== undefined) {
        // Of another deployment, or of a store that is no more.
        this.cursor = undefined;
        await this.subscribe();
      } else if (isPassing(error.problem)) {
        // Others may share the connection: it stays.
        const waitMs = Math.random() * connection.timers.replyTimeoutMs;
        this.endPageBound = timeBound(waitMs, () => this.subscribe());
      } else {
        this.end(error);
      }
    }
  }

  private begun(resumed: boolean): void {
    this.subscribed = true;
    this.resumed = resumed;
    if (resumed) {
      this.upToDate();
      return;
    }
    this.awaitPage();
    if (this.wasReady) this.emit('resync', RESYNC);
  }

  private summarised({ stats, cursor, degraded }: Totals): void {
    this.endPageBound();
    this.degraded = !!degraded;
    this.view.complete = false;
    this.stats = stats;
    this.told = stats;
    this.cursor = cursor;
    this.emit('stats', stats);
    this.upToDate();
  }

  private page({ page, last, sessions, cursor, degraded }: Page): void {
    this.endPageBound();
    // A connection lost within a snapshot begins with another one.
    this.cursor = undefined;
    if (!this.view.page(page, last, sessions)) {
      this.awaitPage();
      return;
    }
    this.cursor = cursor;
    this.degraded = !!degraded;
    if (this.wasReady) for (const queue of this.queues) queue.restart();
    this.emit('snapshot', this.view.sessions);
    this.upToDate();
  }

  private apply(change: ChangeView): void {
    this.view.apply(change);
    if (change.offline) this.lastSeen.set(change.userId, change.at);
    for (const queue of this.queues) queue.push(change);
    this.emit('change', change);
  }

  private upToDate(): void {
    if (this.subscribed) {
      this.subscribed = false;
      this.wasReady = true;
      this.settled(true);
      this.emit('ready', { resumed: this.resumed });
    }
    this.changed();
  }

  private awaitPage(): void {
    this.endPageBound();
    this.endPageBound = timeBound(this.connection.timers.replyTimeoutMs, () => this.connection.drop());
  }
}
