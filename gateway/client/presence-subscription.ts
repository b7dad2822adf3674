/** A dashboard: the live sessions of a topic, kept up to date over one connection after the other. */
import type { ChangeView, ServerMessage, SessionView, StatsView, TopicMessage } from '../protocol/messages.ts';
import { ChangeQueue } from './change-queue.ts';
import { type Deferred, deferred } from './deferred.ts';
import { Emitter } from './emitter.ts';
import { errorOf, PresenceError } from './presence-error.ts';
import { type Disconnection, ReconnectingSocket, type SocketState } from './reconnecting-socket.ts';
import type {
  IntervalSummary,
  PresenceSubscriptionEvents,
  PresenceSubscriptionOptions,
  Resync,
} from './subscription-events.ts';
import { TopicView } from './topic-view.ts';

type Page = Extract<TopicMessage, { sessions: SessionView[] }>;

const RESYNC: Resync = { kind: 'resync' };
const QUEUE_LIMIT = 1_024;

export class PresenceSubscription
  extends Emitter<PresenceSubscriptionEvents>
  implements AsyncIterable<ChangeView | Resync>
{
  /** Of the topic `stats`, and totals while the topic is summarised. */
  stats: StatsView | undefined;
  /** The last summary. */
  interval: IntervalSummary | undefined;
  /** Where the next connection goes on; undefined when it begins with a snapshot. */
  cursor: string | undefined;
  private readonly options: PresenceSubscriptionOptions;
  private readonly socket: ReconnectingSocket;
  private readonly view: TopicView;
  private readonly queues = new Set<ChangeQueue<ChangeView | Resync>>();
  private opening: Deferred<void> | undefined;
  private subscribed = false;
  private resumed = false;
  private wasReady = false;
  /** Runs while a snapshot is on its way: its next page must come within. */
  private pageTimer: ReturnType<typeof setTimeout> | undefined;
  private giveUpTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly online = (): void => this.socket.wake();

  /** @throws TypeError where there is no WebSocket. */
  constructor(options: PresenceSubscriptionOptions) {
    super();
    this.options = options;
    this.cursor = options.cursor;
    this.view = new TopicView(options.topic);
    this.socket = new ReconnectingSocket(options, {
      hello: (token) => ({ type: 'hello', observe: true, ...(token !== undefined && { token }) }),
      welcomed: () => void this.subscribe(),
      received: (message) => this.received(message),
      lost: (disconnection, error) => this.lost(disconnection, error),
      reconnecting: (attempt, delayMs) => this.emit('reconnecting', { attempt, delayMs }),
      failed: (error) => this.emit('error', error),
    });
  }

  get state(): SocketState {
    return this.socket.state;
  }

  /** By `userId/sessionId`. Not kept while the topic is summarised: see `complete`. */
  get sessions(): ReadonlyMap<string, SessionView> {
    return this.view.sessions;
  }

  /** `sessions` has every live session of the topic, as of the last message. */
  get complete(): boolean {
    return this.view.complete;
  }

  /** Distinct users of `sessions`. */
  get users(): number {
    return this.view.users;
  }

  /** Resolves when subscribed and up to date; rejects when refused for good. */
  connect(): Promise<void> {
    if (this.opening) return this.opening.promise;
    this.opening = deferred();
    const { promise } = this.opening;
    (globalThis as Partial<EventTarget>).addEventListener?.('online', this.online);
    const { connectTimeoutMs } = this.socket.timers;
    if (Number.isFinite(connectTimeoutMs)) {
      const late = (): void => this.socket.end(new PresenceError('timeout', 'no subscription in time'));
      this.giveUpTimer = setTimeout(late, connectTimeoutMs);
    }
    void this.socket.connect();
    return promise;
  }

  close(): void {
    this.socket.end(new PresenceError('closed', 'closed by the caller'));
  }

  /** Changes from now on, each after it was applied. Bounded: a reader that falls behind gets `{ kind: 'resync' }`. */
  [Symbol.asyncIterator](): AsyncIterator<ChangeView | Resync> {
    const { queueLimit = QUEUE_LIMIT } = this.options;
    const queue = new ChangeQueue<ChangeView | Resync>(queueLimit, RESYNC, (left) => this.queues.delete(left));
    if (this.state === 'closed') queue.end();
    else this.queues.add(queue);
    return queue;
  }

  private async subscribe(): Promise<void> {
    this.subscribed = false;
    const { topic, mode } = this.options;
    const { cursor } = this;
    try {
      // Its reply comes to `received`, in the order of the messages.
      await this.socket.request({ type: 'subscribe', topic, mode, cursor });
    } catch (cause) {
      const error = cause as PresenceError;
      if (this.state !== 'live' || !error.problem) return;
      if (error.code === 'invalid_request' && cursor !== undefined) {
        // Of another deployment, or of a store that is no more.
        this.cursor = undefined;
        await this.subscribe();
      } else if (error.problem.status >= 500) {
        this.socket.drop();
      } else {
        this.socket.end(error);
      }
    }
  }

  private received(message: ServerMessage): void {
    if ('topic' in message && message.topic !== this.options.topic) return;
    switch (message.type) {
      case 'subscribed':
        this.begun(message.resumed);
        break;
      case 'snapshot':
        if ('stats' in message) this.counted(message.stats, message.cursor);
        else this.page(message);
        break;
      case 'changes':
        this.cursor = message.cursor;
        for (const change of message.changes) this.changed(change);
        break;
      case 'interval':
        // No changes come meanwhile; a snapshot comes before they do again.
        this.view.complete = false;
        this.interval = message;
        this.cursor = message.cursor;
        this.emit('interval', message);
        break;
      case 'error':
        this.emit('error', errorOf(message.problem));
    }
  }

  private begun(resumed: boolean): void {
    this.subscribed = true;
    this.resumed = resumed;
    if (resumed) {
      this.ready();
      return;
    }
    this.watch();
    if (this.wasReady) this.emit('resync', RESYNC);
  }

  private counted(stats: StatsView, cursor: string): void {
    clearTimeout(this.pageTimer);
    this.view.complete = false;
    this.stats = stats;
    this.cursor = cursor;
    this.emit('stats', stats);
    this.ready();
  }

  private page({ page, last, sessions, cursor }: Page): void {
    clearTimeout(this.pageTimer);
    // A connection lost within a snapshot begins with another one.
    this.cursor = undefined;
    if (!this.view.page(page, last, sessions)) {
      this.watch();
      return;
    }
    this.cursor = cursor;
    if (this.wasReady) for (const queue of this.queues) queue.restart();
    this.emit('snapshot', this.view.sessions);
    this.ready();
  }

  private changed(change: ChangeView): void {
    this.view.apply(change);
    for (const queue of this.queues) queue.push(change);
    this.emit('change', change);
  }

  private ready(): void {
    if (!this.subscribed) return;
    this.subscribed = false;
    this.wasReady = true;
    clearTimeout(this.giveUpTimer);
    this.opening?.resolve();
    this.emit('ready', { resumed: this.resumed });
  }

  private watch(): void {
    clearTimeout(this.pageTimer);
    this.pageTimer = setTimeout(() => this.socket.drop(), this.socket.timers.replyTimeoutMs);
  }

  private lost(disconnection: Disconnection, error: PresenceError | undefined): void {
    clearTimeout(this.pageTimer);
    this.view.abort();
    if (!error) {
      this.emit('disconnected', disconnection);
      return;
    }
    clearTimeout(this.giveUpTimer);
    (globalThis as Partial<EventTarget>).removeEventListener?.('online', this.online);
    this.opening?.reject(error);
    this.opening = undefined;
    const byCaller = error.code === 'closed' && error.closeCode === undefined;
    for (const queue of this.queues) queue.end(byCaller ? undefined : error);
    this.queues.clear();
    this.emit('disconnected', disconnection);
    this.emit('closed', error);
  }
}
