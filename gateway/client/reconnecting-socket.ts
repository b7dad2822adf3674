/**
 * A connection that comes back: opens a socket, says hello, hands frames on, and after a close does what the close
 * code says. Whoever uses it decides what hello says and what the frames mean.
 */
import { CLOSE_CODES, type Reconnect } from '../protocol/close-codes.ts';
import { type ProblemBody, type ServerMessage, SUBPROTOCOL, type Welcome } from '../protocol/messages.ts';
import { type Deferred, deferred } from './deferred.ts';
import { errorOf, PresenceError } from './presence-error.ts';
import { backoffMs, reconnectionAfter } from './reconnection.ts';
import { Replies } from './replies.ts';
import { type SocketOptions, type SocketTimers, timersOf, tokenOf } from './socket-options.ts';
import { OPEN, type WebSocketConstructor, type WebSocketLike, webSocketOf } from './web-socket.ts';

/** `live`: welcomed. `closed`: for good, until `connect` is called again. */
export type SocketState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'closed';

export interface Disconnection {
  readonly code: number;
  readonly reason: string;
  readonly willReconnect: boolean;
}

/** What the user of a socket decides and is called with. */
export interface SocketUser {
  /** The first frame of a new socket. */
  hello(token: string | undefined): object;
  welcomed(welcome: Welcome): void;
  /** Every frame but the welcome and the refusal of a request, in their order. */
  received(message: ServerMessage): void;
  /** The socket is gone; `error` when it is for good. */
  lost(disconnection: Disconnection, error: PresenceError | undefined): void;
  reconnecting(attempt: number, delayMs: number): void;
  failed(error: PresenceError): void;
}

/** As a browser reports a connection that was cut. */
const CUT = 1006;

export class ReconnectingSocket {
  state: SocketState = 'idle';
  readonly timers: SocketTimers;
  private readonly options: SocketOptions;
  private readonly user: SocketUser;
  private readonly WebSocket: WebSocketConstructor;
  private readonly replies: Replies;
  private opening: Deferred<Welcome> | undefined;
  private welcome: Welcome | undefined;
  private socket: WebSocketLike | undefined;
  /** The attempt that goes on: an earlier one whose token comes late is void. */
  private dialling: object | undefined;
  private attempt = 0;
  /** Of the socket that is open: what it said went wrong, and that its node is going away. */
  private problem: ProblemBody | undefined;
  private draining = false;
  /** The next thing to be done at the latest: hello's answer, the next attempt, the proof that it is stable. */
  private timer: ReturnType<typeof setTimeout> | undefined;
  private drainTimer: ReturnType<typeof setTimeout> | undefined;
  private giveUpTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SocketOptions, user: SocketUser) {
    this.options = options;
    this.user = user;
    this.timers = timersOf(options);
    this.WebSocket = webSocketOf(options.WebSocket);
    this.replies = new Replies(this.timers.replyTimeoutMs, () => this.drop());
  }

  /** Resolves at the welcome; rejects when refused for good, or when there is none in `connectTimeoutMs`. */
  connect(): Promise<Welcome> {
    if (this.state === 'live') return Promise.resolve(this.welcome as Welcome);
    if (this.opening) return this.opening.promise;
    this.opening = deferred();
    const { promise } = this.opening;
    const { connectTimeoutMs } = this.timers;
    if (Number.isFinite(connectTimeoutMs)) {
      const late = (): void => this.end(new PresenceError('timeout', 'no welcome in time'));
      this.giveUpTimer = setTimeout(late, connectTimeoutMs);
    }
    if (this.state !== 'reconnecting') {
      this.state = 'connecting';
      this.attempt = 0;
      void this.dial();
    }
    return promise;
  }

  /** @returns false when there is no welcomed socket. */
  send(message: object): boolean {
    if (this.state !== 'live' || this.socket?.readyState !== OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Rejects with what the server has against it, `disconnected`, or `timeout`, after which the connection is opened anew. */
  request(message: object): Promise<ServerMessage> {
    return this.replies.ask((id) => this.send({ ...message, id }));
  }

  /** Tries now what would be tried later, or finds out whether the socket is still good. */
  wake(): void {
    if (this.state === 'live') this.request({ type: 'heartbeat' }).catch(() => {});
    else if ((this.state === 'reconnecting' || this.state === 'connecting') && !this.dialling) void this.dial();
  }

  /** Gives the socket up as if it had been cut. */
  drop(code = CUT, reason = 'no answer'): void {
    if (this.state !== 'idle' && this.state !== 'closed') this.closed(code, reason);
  }

  /** Ends for good. */
  end(error: PresenceError, code: number = CLOSE_CODES.normal.code): void {
    if (this.state === 'closed') return;
    this.state = 'closed';
    this.abandon();
    this.settle(error, code, '');
  }

  private async dial(): Promise<void> {
    this.abandon();
    const dialling = {};
    this.dialling = dialling;
    const isCurrent = (): boolean => this.dialling === dialling;
    this.timer = setTimeout(() => this.drop(CUT, 'no welcome'), this.timers.helloTimeoutMs);
    try {
      const token = await tokenOf(this.options.token);
      if (!isCurrent()) return;
      this.open(token);
    } catch (cause) {
      if (!isCurrent()) return;
      this.user.failed(new PresenceError('token_failed', String(cause), { cause }));
      if (isCurrent()) this.closed(CUT, 'no token');
    }
  }

  private open(token: string | undefined): void {
    let socket: WebSocketLike;
    try {
      socket = new this.WebSocket(String(this.options.url), SUBPROTOCOL);
    } catch (cause) {
      // Of no use to try again: a bad address, or one that this page may not reach.
      this.end(new PresenceError('invalid_request', String(cause), { cause }));
      return;
    }
    this.socket = socket;
    const isCurrent = (): boolean => this.socket === socket;
    socket.onopen = () => isCurrent() && socket.send(JSON.stringify(this.user.hello(token)));
    socket.onmessage = ({ data }) => isCurrent() && this.receive(data);
    socket.onclose = ({ code, reason }) => isCurrent() && this.closed(code, reason);
    // A close follows; without a listener the package ws would throw.
    socket.onerror = () => {};
  }

  private receive(data: unknown): void {
    let message: ServerMessage;
    try {
      message = JSON.parse(data as string);
      const isReply = this.replies.take(message);
      // The refusal of a request rejects the request and is no event.
      if (!isReply || message.type !== 'error') this.handle(message);
    } catch (cause) {
      this.user.failed(new PresenceError('protocol_error', String(cause), { cause }));
      this.drop(CUT, 'not understood');
    }
  }

  private handle(message: ServerMessage): void {
    if (message.type === 'welcome') {
      if (this.state === 'live') return;
      this.state = 'live';
      this.welcome = message;
      clearTimeout(this.timer);
      clearTimeout(this.giveUpTimer);
      this.timer = setTimeout(() => {
        this.attempt = 0;
      }, this.timers.stableAfterMs);
      this.opening?.resolve(message);
      this.opening = undefined;
      this.user.welcomed(message);
      return;
    }
    if (message.type === 'drain') {
      this.draining = true;
      // The server closes by then, unless it can no longer.
      const lateMs = message.reconnectInMs + this.timers.replyTimeoutMs;
      this.drainTimer = setTimeout(() => this.drop(CLOSE_CODES.going_away.code, 'drained'), lateMs);
    }
    if (message.type === 'token_expiring') void this.refresh();
    if (message.type === 'error') this.problem = message.problem;
    this.user.received(message);
  }

  private async refresh(): Promise<void> {
    const { socket } = this;
    const { token } = this.options;
    // A fixed token cannot be refreshed; 4202 follows, and with it the end.
    if (typeof token !== 'function') return;
    try {
      const fresh = await token();
      if (this.socket !== socket) return;
      await this.request({ type: 'refresh', token: fresh });
    } catch (cause) {
      if (this.socket === socket) this.user.failed(new PresenceError('token_failed', String(cause), { cause }));
    }
  }

  private closed(code: number, reason: string): void {
    const { problem, draining } = this;
    const wasLive = this.state === 'live';
    const policy: Reconnect = reconnectionAfter(code);
    const error = policy === 'never' && (problem ? errorOf(problem, code) : endOf(code, reason));
    this.abandon();
    if (error) {
      this.state = 'closed';
      this.settle(error, code, reason);
      return;
    }
    // Only the first time: what is closed again before it was stable is slowed down like any other.
    const { backoffBaseMs, backoffCapMs } = this.timers;
    const atOnce = (draining || policy === 'now') && this.attempt === 0;
    const delayMs = atOnce ? 0 : backoffMs(this.attempt, backoffBaseMs, backoffCapMs);
    this.attempt += 1;
    if (wasLive) this.state = 'reconnecting';
    this.timer = setTimeout(() => void this.dial(), delayMs);
    const { timer, attempt } = this;
    this.replies.fail(new PresenceError('disconnected', 'the connection was lost', { closeCode: code }));
    this.user.lost({ code, reason, willReconnect: true }, undefined);
    if (this.timer === timer) this.user.reconnecting(attempt, delayMs);
  }

  private settle(error: PresenceError, code: number, reason: string): void {
    clearTimeout(this.giveUpTimer);
    const { opening } = this;
    this.opening = undefined;
    this.replies.fail(error);
    opening?.reject(error);
    this.user.lost({ code, reason, willReconnect: false }, error);
  }

  /** Lets go of the socket without waiting for its close. */
  private abandon(): void {
    const { socket } = this;
    this.socket = undefined;
    this.dialling = undefined;
    this.problem = undefined;
    this.draining = false;
    clearTimeout(this.timer);
    clearTimeout(this.drainTimer);
    socket?.close(CLOSE_CODES.normal.code);
  }
}

function endOf(code: number, reason: string): PresenceError {
  return new PresenceError('closed', `closed ${code} ${reason}`, { closeCode: code });
}
