/**
 * One socket: its messages are decoded and worked off one by one, in order; what they do to its session is in
 * player.ts. Knows no transport library; timers and the life of the node are in gateway.ts and node.ts.
 */
import { type DueLink, isRetryable } from '../../presence-core/index.ts';
import { ANYONE, type Identity, mayFollow } from '../auth/identity.ts';
import { refresh } from '../auth/refresh.ts';
import type { TokenExpiry } from '../auth/token-expiry.ts';
import { isBeyondRate } from '../limits/message-rate.ts';
import { Rate } from '../limits/rate-limit.ts';
import { type ProblemMembers, problemBody, storeProblem } from '../problem.ts';
import { CLOSE_CODES, type CloseName } from '../protocol/close-codes.ts';
import type { ClientMessage, MessageId, Ping, Refresh, ServerMessage, Update } from '../protocol/messages.ts';
import type { ProblemCode } from '../protocol/problems.ts';
import type { Hub } from '../subscriptions/hub.ts';
import { Subscriber } from '../subscriptions/subscriber.ts';
import { topicOf } from '../subscriptions/topics.ts';
import type { TransportSocket } from '../transport/transport.ts';
import { decode, pingOf } from './decode.ts';
import { Player, type PlayerContext } from './player.ts';
import type { PlayerSocket } from './player-socket.ts';
import type { Turns } from './turns.ts';

/** Messages that may wait while an earlier one is at the store, or for their turn; and their characters. */
const MAX_WAITING = 128;
const MAX_WAITING_LENGTH = 262_144;
/** Others go on between. */
const MESSAGES_PER_TURN = 8;
/** Pings and pongs of a client: it needs one in a while. Each is an event of its own, however small it is. */
const CONTROL_FRAMES = new Rate(50, 500);

/** The part of a logger that is needed here; pino's fits. */
export interface Log {
  debug(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What all connections of a gateway share. */
export interface ConnectionContext extends PlayerContext {
  readonly log: Log;
  readonly hub: Hub;
  readonly expiry: TokenExpiry;
  readonly turns: Turns;
  readonly messageRate: Rate | undefined;
  readonly switchRate: Rate | undefined;
}

/** What a socket is: it waits for its hello, holds a session, only subscribes, or waits until its close is done. */
export type SocketKind = 'greeting' | 'player' | 'dashboard' | 'closing';

export class Connection implements PlayerSocket {
  readonly socket: TransportSocket;
  kind: SocketKind = 'greeting';
  /** Tick of the ping wheel at the oldest ping without an answer; 0 when there is none. */
  unansweredSince = 0;
  silentSince = 0;
  private hasSent = true;
  pingSlot = 0;
  hasSpoken = false;
  /** Who said hello; before that it counts for nothing. */
  identity: Identity = ANYONE;
  /** Where the wheel of token ends has it. */
  dueNext: DueLink = this;
  duePrev: DueLink = this;
  expiryNotified = false;
  messagesFullAt = 0;
  private controlFramesFullAt = 0;
  private switchesFullAt = 0;
  private working = false;
  private waiting: (string | undefined)[] | undefined;
  private waitingLength = 0;
  /** The turn of its latest message, and how many it has had in that. */
  private turn = 0;
  private inTurn = 0;
  private readonly player: Player;
  private subscriber: Subscriber | undefined;
  private readonly context: ConnectionContext;

  constructor(socket: TransportSocket, context: ConnectionContext) {
    this.socket = socket;
    this.context = context;
    this.player = new Player(this, context);
  }

  get id(): number {
    return this.socket.id;
  }

  /** Dashboards may listen for ever. */
  get isHeard(): boolean {
    return this.hasSent || this.kind !== 'player';
  }

  set isHeard(isHeard: boolean) {
    this.hasSent = isHeard;
  }

  get greeted(): boolean {
    return this.kind !== 'greeting';
  }

  get open(): boolean {
    return this.kind !== 'closing';
  }

  /** Messages of one socket are worked off one by one, in order; a ping waits for none, and is no hello. */
  receive(text: string | undefined): void {
    if (!this.open) return;
    this.hasSent = true;
    const { messageRate } = this.context;
    if (messageRate && isBeyondRate(this, messageRate, text)) return;
    const ping = pingOf(text);
    if (ping) {
      this.pong(ping);
      return;
    }
    this.hasSpoken = true;
    if (!this.working && this.takesTurn()) {
      void this.work(text);
      return;
    }
    this.waiting ??= [];
    this.waitingLength += text?.length ?? 0;
    if (this.waiting.length >= MAX_WAITING || this.waitingLength > MAX_WAITING_LENGTH) {
      this.fail('rate_limited', 'Too many messages at once: wait for replies before sending more.', 'rate_limited');
      return;
    }
    this.waiting.push(text);
    if (!this.working) void this.workWaiting();
  }

  /** A ping or a pong of the client. A flood of them ends its socket. */
  countControlFrame(): void {
    const now = performance.now();
    this.controlFramesFullAt = CONTROL_FRAMES.spend(this.controlFramesFullAt, now);
    if (CONTROL_FRAMES.waitMs(this.controlFramesFullAt, now) > 0) {
      this.fail('rate_limited', 'Too many WebSocket pings or pongs: send fewer per second.', 'rate_limited');
    }
  }

  /** The hello was accepted. */
  accept(as: 'player' | 'observer'): void {
    this.kind = as === 'player' ? 'player' : 'dashboard';
  }

  /** Whose token it is by which this socket acts. */
  identify(identity: Identity): void {
    this.identity = identity;
    this.context.expiry.track(this);
  }

  /** The socket is gone, by whatever side: its session is left to the resume grace, unless it was ended before (P8). */
  onClosed(): void {
    this.kind = 'closing';
    this.waiting = undefined;
    this.subscriber?.close();
    this.context.expiry.untrack(this);
    this.player.release();
  }

  /** Ends the socket. Its session, if any, is then left to the grace. */
  end(name: CloseName): void {
    if (!this.open) return;
    this.onClosed();
    this.socket.close(CLOSE_CODES[name].code, name);
  }

  send(message: ServerMessage): void {
    // A socket that takes nothing more is beyond its buffer; the pong deadline ends it.
    this.socket.send(JSON.stringify(message));
  }

  problem(code: ProblemCode, detail: string, id?: MessageId, members?: ProblemMembers): void {
    const problem = problemBody(code, detail, members);
    this.send(id === undefined ? { type: 'error', problem } : { type: 'error', id, problem });
  }

  /** Says what is wrong and ends the socket. */
  fail(code: ProblemCode, detail: string, close: CloseName, id?: MessageId, members?: ProblemMembers): void {
    this.problem(code, detail, id, members);
    this.end(close);
  }

  private async work(text: string | undefined): Promise<void> {
    this.working = true;
    await this.handle(text);
    await this.workWaiting();
  }

  private async workWaiting(): Promise<void> {
    this.working = true;
    while (this.waiting && this.waiting.length > 0) {
      if (!this.takesTurn()) {
        await this.context.turns.next();
        continue;
      }
      const text = this.waiting.shift();
      this.waitingLength -= text?.length ?? 0;
      await this.handle(text);
    }
    this.working = false;
  }

  /** @returns whether one more message may be processed in this turn. */
  private takesTurn(): boolean {
    const { current } = this.context.turns;
    this.inTurn = this.turn === current ? this.inTurn + 1 : 1;
    this.turn = current;
    return this.inTurn <= MESSAGES_PER_TURN;
  }

  /** Of an update that names another stream: each ends a row of history and is read by all who follow either. */
  private maySwitch({ streamId }: Update): boolean {
    const { switchRate } = this.context;
    const { session } = this.player;
    if (!switchRate || !session || streamId === undefined || streamId === session.attributes.streamId) return true;
    const now = performance.now();
    const fullAt = switchRate.spend(this.switchesFullAt, now);
    if (switchRate.waitMs(fullAt, now) > 0) return false;
    this.switchesFullAt = fullAt;
    return true;
  }

  private async handle(text: string | undefined): Promise<void> {
    const decoded = decode(text);
    if (!decoded.ok) {
      const detail = decoded.errors.map((e) => `${e.path || '/'} ${e.message}`).join('; ');
      this.problem('invalid_request', detail, decoded.id, { errors: decoded.errors });
      if (decoded.fatal || !this.greeted) this.end('bad_request');
      return;
    }
    const { message } = decoded;
    const { type } = message;
    this.context.log.debug({ connection: this.id, userId: this.player.session?.userId, type }, 'message');
    if (!this.greeted && message.type !== 'hello') {
      this.fail('invalid_request', 'The first message must be hello.', 'bad_request', message.id);
      return;
    }
    try {
      await this.act(message);
    } catch (error) {
      if (isRetryable(error)) {
        const { code, detail } = storeProblem(error);
        this.problem(code, detail, message.id);
        if (!this.greeted) this.end('overloaded');
        return;
      }
      this.context.log.error({ err: error, connection: this.id, type }, 'message failed, closing its socket');
      this.fail('internal', 'The error was logged.', 'overloaded', message.id);
    }
  }

  private pong({ id }: Ping): void {
    this.send({ type: 'pong', ...(id !== undefined && { id }) });
  }

  private subscribing(): Subscriber {
    this.subscriber ??= new Subscriber(this, this.context.hub);
    return this.subscriber;
  }

  private act(message: ClientMessage): Promise<void> | void {
    switch (message.type) {
      case 'hello':
        if (this.greeted) return this.problem('invalid_request', 'Hello was already sent.', message.id);
        return this.player.hello(message);
      case 'update':
        if (!this.maySwitch(message)) {
          return this.problem('rate_limited', 'Too many switches of stream: send the last one again.', message.id);
        }
        return this.player.update(message);
      case 'refresh':
        return this.refresh(message);
      case 'event':
        return this.player.event(message);
      case 'heartbeat':
        return this.player.heartbeat(message.id);
      case 'ping':
        return this.pong(message);
      case 'leave':
        return this.player.leave();
      case 'subscribe':
        if (!mayFollow(this.identity, topicOf(message)?.userIds ?? [])) {
          const detail = 'The token needs scope presence:read, or presence:friends and these users among its friends.';
          return this.problem('forbidden', detail, message.id);
        }
        return this.subscribing().subscribe(message);
      case 'unsubscribe':
        return this.subscribing().unsubscribe(message);
      default:
        // A message type without a case does not compile.
        return message satisfies never;
    }
  }

  private async refresh(message: Refresh): Promise<void> {
    const { friends } = this.identity;
    if (!(await refresh(this, message, this.context.authenticator))) return;
    // What it follows was allowed by the former token.
    const isLess = friends !== undefined && [...friends].some((id) => !this.identity.friends?.has(id));
    if (isLess) return this.end('resync');
    this.send({ type: 'ok', ...(message.id !== undefined && { id: message.id }), ...this.player.resumeToken() });
  }
}
