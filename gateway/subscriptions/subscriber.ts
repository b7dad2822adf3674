/** What one socket subscribes to, within its bounds (P14). */
import { StoreError } from '../../presence-core/index.ts';
import type { ProblemMembers } from '../problem.ts';
import type { MessageId, ServerMessage, Subscribe, Unsubscribe } from '../protocol/messages.ts';
import type { ProblemCode } from '../protocol/problems.ts';
import type { TransportSocket } from '../transport/transport.ts';
import type { Hub } from './hub.ts';
import { SendQueue } from './send-queue.ts';
import { StatsSubscription } from './stats-subscription.ts';
import { Subscription } from './subscription.ts';
import { type Topic, topicOf } from './topics.ts';

const MAX_SUBSCRIPTIONS = 50;
const TOPIC_FORMS = 'must be user:<id>, users:<id>,<id>… (at most 200), stream:<id>, all or stats';

/** The connection, as its subscriptions need it. */
export interface SubscribedConnection {
  readonly socket: TransportSocket;
  readonly open: boolean;
  send(message: ServerMessage): void;
  problem(code: ProblemCode, detail: string, id?: MessageId, members?: ProblemMembers): void;
  end(name: 'resync'): void;
}

interface Subscribed {
  readonly subscription: Subscription | StatsSubscription;
  /** That the topic names. */
  readonly users: number;
}

export class Subscriber {
  private readonly connection: SubscribedConnection;
  private readonly hub: Hub;
  private readonly queue: SendQueue;
  private readonly subscriptions = new Map<string, Subscribed>();
  /** Being begun; the connection works off its messages one by one. */
  private beginning: Subscription | StatsSubscription | undefined;

  constructor(connection: SubscribedConnection, hub: Hub) {
    this.connection = connection;
    this.hub = hub;
    this.queue = new SendQueue(connection.socket, {
      drained: () => this.drained(),
      tooSlow: () => connection.end('resync'),
    });
  }

  /** @throws StoreError when the store does not answer. */
  async subscribe(message: Subscribe): Promise<void> {
    const topic = topicOf(message);
    if (!topic) return this.refuse('/topic', TOPIC_FORMS, message.id);
    if (!this.subscriptions.has(topic.text) && this.subscriptions.size >= MAX_SUBSCRIPTIONS) {
      return this.refuse('/topic', `at most ${MAX_SUBSCRIPTIONS} subscriptions of one socket`, message.id);
    }
    const { topicUsersPerSocket } = this.hub;
    if (this.userCountWith(topic) > topicUsersPerSocket) {
      return this.refuse('/topic', `at most ${topicUsersPerSocket} users in all topics of one socket`, message.id);
    }
    if (!this.hub.hasRoomFor(topic)) {
      return this.connection.problem(
        'overloaded',
        'The topics of all sockets name as many users as they may.',
        message.id,
      );
    }
    const subscription = this.create(topic, message);
    this.beginning = subscription;
    let begun = false;
    try {
      await subscription.begin(message.cursor, (resumed) => {
        begun = true;
        // The former one to this topic says nothing after the new one has begun.
        this.subscriptions.get(topic.text)?.subscription.end();
        this.subscriptions.set(topic.text, { subscription, users: topic.userIds.length });
        const { id } = message;
        this.connection.send({ type: 'subscribed', ...(id !== undefined && { id }), topic: topic.text, resumed });
      });
      if (message.seen && topic.userIds.length > 0 && begun) await this.tellLastSeen(topic);
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'invalid_cursor')) throw error;
      this.refuse('/cursor', 'must be the cursor of an earlier message', message.id);
    } finally {
      this.beginning = undefined;
      if (!begun) subscription.end();
    }
  }

  /** Of those who are offline now; of others a later change tells. */
  private async tellLastSeen({ text, userIds }: Topic): Promise<void> {
    const statuses = await this.hub.store.reads.status(userIds);
    const users = statuses.filter(({ online }) => !online).map(({ userId, lastSeenAt }) => ({ userId, lastSeenAt }));
    if (this.connection.open) this.connection.send({ type: 'seen', topic: text, users });
  }

  unsubscribe(message: Unsubscribe): void {
    this.subscriptions.get(message.topic)?.subscription.end();
    this.subscriptions.delete(message.topic);
    if (message.id !== undefined) this.connection.send({ type: 'ok', id: message.id });
  }

  close(): void {
    this.beginning?.end();
    for (const { subscription } of this.subscriptions.values()) subscription.end();
    this.subscriptions.clear();
    this.queue.close();
  }

  private create(topic: Topic, { mode }: Subscribe): Subscription | StatsSubscription {
    if (topic.kind === 'stats') return new StatsSubscription(this.hub.stats, this.queue);
    return new Subscription(this.hub, topic, mode ?? 'events', this.queue, (error) => {
      this.hub.log.error({ err: error, topic: topic.text }, 'subscription failed: closing its socket for a resync');
      this.connection.end('resync');
    });
  }

  private drained(): void {
    for (const { subscription } of this.subscriptions.values()) subscription.drained();
  }

  /** Users in the topics of this socket, when it subscribes to this one, too. */
  private userCountWith(topic: Topic): number {
    let users = topic.userIds.length;
    for (const [text, subscribed] of this.subscriptions) if (text !== topic.text) users += subscribed.users;
    return users;
  }

  private refuse(path: string, message: string, id: MessageId | undefined): void {
    this.connection.problem('invalid_request', `${path} ${message}`, id, { errors: [{ path, message }] });
  }
}
