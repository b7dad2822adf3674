/** A dashboard: one socket that watches one topic, comes back by its cursor, and judges what it is told. */
import type { TopicMessage } from '../../gateway/protocol/messages.ts';
import { ChangeWatch } from './change-watch.ts';
import { nowMs } from './clock.ts';
import { isFault, reconnectAfter, waitMs } from './returns.ts';
import { type Frame, type GatewaySocket, openSocket } from './socket.ts';
import type { TopicKind, TopicMode } from './topics.ts';
import type { World } from './world.ts';

/** Of a topic of users. */
const USERS = 50;
const NO_PLACE = '-';

export interface DashboardOrder {
  readonly kind: TopicKind;
  readonly mode: TopicMode;
  /** Which stream, user or list it watches. */
  readonly number: number;
}

/** The topic as it is subscribed to. */
export function topicOf({ kind, number }: DashboardOrder, { cast, options }: World): { topic: string; ids?: string[] } {
  switch (kind) {
    case 'stream':
      return { topic: `stream:${cast.streamId(number % options.streams)}` };
    case 'user':
      return { topic: kind, ids: cast.userIds(number, 1, options.players) };
    case 'users':
      return { topic: kind, ids: [...new Set(cast.userIds(number, USERS, options.players))] };
    default:
      return { topic: kind };
  }
}

export class Dashboard {
  readonly order: DashboardOrder;
  /** Only of changes told one by one. */
  readonly watch: ChangeWatch | undefined;
  /** It has what was there when it came. Rejects, in words, if it never gets there. */
  readonly begun: Promise<void>;
  private readonly world: World;
  private readonly target: { topic: string; ids?: string[] };
  private socket: GatewaySocket | undefined;
  private cursor = NO_PLACE;
  private subscribedMs = 0;
  private attempts = 0;
  private hasBegun = false;
  private isEnded = false;
  private begin: () => void = () => {};
  private fail: (error: Error) => void = () => {};

  constructor(world: World, order: DashboardOrder) {
    this.world = world;
    this.order = order;
    this.target = topicOf(order, world);
    const { cast } = world;
    const { topic, ids } = this.target;
    const name = ids ? `${topic}:${ids.length > 1 ? `${ids[0]},…` : ids[0]}` : topic;
    if (order.mode === 'events' && order.kind !== 'stats')
      this.watch = new ChangeWatch({
        topic: name,
        isOurs: (userId) => cast.has(userId),
        violation: (text) => world.tally.violation(text),
        told: ({ dueMs }) => world.measured('change', dueMs),
      });
    this.begun = new Promise((resolve, reject) => {
      this.begin = resolve;
      this.fail = reject;
    });
    void this.connect();
  }

  end(): void {
    this.isEnded = true;
    this.socket?.close(1_000);
  }

  private async connect(): Promise<void> {
    const { world } = this;
    const token = await world.tokens.of(`${world.options.prefix}-dashboard`, 'presence:read').catch(() => undefined);
    if (this.isEnded) return;
    const socket = openSocket(world.options, world.nextAddress(), {
      opened: () => socket.send({ type: 'hello', observe: true, ...(token === undefined ? {} : { token }) }),
      received: (frame) => this.received(frame),
      closed: (code, failure) => this.closed(code, failure),
    });
    this.socket = socket;
  }

  private received(frame: Frame): void {
    const { world } = this;
    if (frame.type === 'welcome') this.subscribe();
    else if (frame.type === 'error') {
      const { code, detail } = frame.problem as { code: string; detail: string };
      world.tally.error(code);
      this.fail(new Error(`a dashboard of ${this.target.topic} was refused: ${code}: ${detail}`));
    } else if (frame.type === 'snapshot' || frame.type === 'changes' || frame.type === 'interval') {
      this.take(frame as unknown as TopicMessage & { cursor: string });
    }
  }

  private subscribe(): void {
    const { mode } = this.order;
    this.subscribedMs = nowMs();
    this.attempts = 0;
    const cursor = this.cursor === NO_PLACE ? {} : { cursor: this.cursor };
    this.socket?.send({ type: 'subscribe', ...this.target, mode, ...cursor });
  }

  private take(message: TopicMessage & { cursor: string }): void {
    this.watch?.take(message);
    this.cursor = message.cursor;
    if (message.type !== 'snapshot' || !message.last || this.hasBegun) return;
    this.hasBegun = true;
    this.world.measured('snapshot', this.subscribedMs);
    this.begin();
  }

  private closed(code: number, failure: string | undefined): void {
    const { tally } = this.world;
    if (failure === undefined) tally.count(`closes.${code}`);
    if (failure !== undefined) tally.error(failure);
    else if (isFault(code)) tally.error(`close_${code}`);
    if (!this.hasBegun) this.fail(new Error(`a dashboard was closed before it began: ${failure ?? code}`));
    if (this.isEnded || reconnectAfter(code) === 'never') return;
    setTimeout(() => void this.connect(), waitMs(code, this.attempts++));
  }
}
