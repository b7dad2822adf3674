/** What one socket subscribes to, within its bounds (P14). */
import { StoreError } from '../../presence-core/index.ts';
import type { ProblemMembers } from '../problem.ts';
import type { ServerMessage, Subscribe, Unsubscribe } from '../protocol/messages.ts';
import type { ProblemCode } from '../protocol/problems.ts';
import type { TransportSocket } from '../transport/transport.ts';
import type { Hub } from './hub.ts';
import { SendQueue } from './send-queue.ts';
import { StatsSubscription } from './stats-subscription.ts';
import { Subscription } from './subscription.ts';
import { parseTopic, type Topic } from './topics.ts';

const MAX_SUBSCRIPTIONS = 50;
const TOPIC_FORMS = 'must be user:<id>, users:<id>,<id>… (at most 200), stream:<id>, all or stats';

/** The connection, as its subscriptions need it. */
export interface SubscribedConnection {
  readonly socket: TransportSocket;
  readonly open: boolean;
  send(message: ServerMessage): void;
  problem(code: ProblemCode, detail: string, id?: string, members?: ProblemMembers): void;
  end(name: 'resync'): void;
}

export class Subscriber {
  private readonly connection: SubscribedConnection;
  private readonly hub: Hub;
  private readonly queue: SendQueue;
  private readonly subscriptions = new Map<string, Subscription | StatsSubscription>();
  /** User ids by topic. */
  private readonly usersOf = new Map<string, number>();
  private readonly maxUsers: number;
  /** Being begun; the connection works off its messages one by one. */
  private beginning: Subscription | StatsSubscription | undefined;

  /** @param maxUsers user ids in all topics together. */
  constructor(connection: SubscribedConnection, hub: Hub, maxUsers: number) {
    this.maxUsers = maxUsers;
    this.connection = connection;
    this.hub = hub;
    this.queue = new SendQueue(connection.socket, {
      drained: () => this.drained(),
      tooSlow: () => connection.end('resync'),
    });
  }

  /** @throws StoreError when the store does not answer. */
  async subscribe(message: Subscribe): Promise<void> {
    const topic = parseTopic(message.topic);
    if (!topic) return this.refuse('/topic', TOPIC_FORMS, message.id);
    if (!this.subscriptions.has(topic.text) && this.subscriptions.size >= MAX_SUBSCRIPTIONS) {
      return this.refuse('/topic', `at most ${MAX_SUBSCRIPTIONS} subscriptions of one socket`, message.id);
    }
    if (this.usersBesides(topic) + topic.userIds.length > this.maxUsers) {
      return this.refuse('/topic', `at most ${this.maxUsers} user ids in all topics of one socket`, message.id);
    }
    const subscription = this.create(topic, message);
    this.beginning = subscription;
    let begun = false;
    try {
      await subscription.begin(message.cursor, (resumed) => {
        begun = true;
        // The former one to this topic says nothing after the new one has begun.
        this.subscriptions.get(topic.text)?.end();
        this.subscriptions.set(topic.text, subscription);
        this.usersOf.set(topic.text, topic.userIds.length);
        const { id } = message;
        this.connection.send({ type: 'subscribed', ...(id !== undefined && { id }), topic: topic.text, resumed });
      });
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'invalid_cursor')) throw error;
      this.refuse('/cursor', 'must be the cursor of an earlier message', message.id);
    } finally {
      this.beginning = undefined;
      if (!begun) subscription.end();
    }
  }

  unsubscribe(message: Unsubscribe): void {
    this.subscriptions.get(message.topic)?.end();
    this.subscriptions.delete(message.topic);
    this.usersOf.delete(message.topic);
    if (message.id !== undefined) this.connection.send({ type: 'ok', id: message.id });
  }

  close(): void {
    this.beginning?.end();
    for (const subscription of this.subscriptions.values()) subscription.end();
    this.subscriptions.clear();
    this.queue.close();
  }

  /** User ids in the other topics. */
  private usersBesides({ text }: Topic): number {
    let users = 0;
    for (const [other, count] of this.usersOf) if (other !== text) users += count;
    return users;
  }

  private create(topic: Topic, { mode }: Subscribe): Subscription | StatsSubscription {
    if (topic.kind === 'stats') return new StatsSubscription(this.hub.stats, this.queue);
    return new Subscription(this.hub, topic, mode ?? 'events', this.queue, (error) => {
      this.hub.log.error({ err: error, topic: topic.text }, 'subscription failed: closing its socket for a resync');
      this.connection.end('resync');
    });
  }

  private drained(): void {
    for (const subscription of this.subscriptions.values()) subscription.drained();
  }

  private refuse(path: string, message: string, id: string | undefined): void {
    this.connection.problem('invalid_request', `${path} ${message}`, id, { errors: [{ path, message }] });
  }
}
