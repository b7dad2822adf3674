/**
 * A connection that comes back: opens a socket, says hello, hands frames on, and after a close does what the close
 * code says. Whoever uses it decides what hello says and what the frames mean.
 */
import { type ProblemBody, type ServerMessage, SUBPROTOCOL, type Welcome } from '../protocol/messages.ts';
import { handled } from './deferred.ts';
import type { Disconnection } from './disconnection.ts';
import { Emitter } from './emitter.ts';
import { closeErrorOf, errorOf, PresenceError } from './presence-error.ts';
import { probe } from './probe.ts';
import { backoffMs, capWithin, reconnectionAfter } from './reconnection.ts';
import { Replies } from './replies.ts';
import { type SocketOptions, type SocketTimers, type TokenProvider, timersOf } from './socket-options.ts';
import { timeBound } from './time-bound.ts';
import { Watchdog } from './watchdog.ts';
import { OPEN, type WebSocketConstructor, type WebSocketLike, webSocketOf } from './web-socket.ts';

const NOTHING = (): void => {};
/** After each of the first failures it is asked why. */
const PROBED_ATTEMPTS = 2;
/** As a browser reports a connection that was cut. */
const CUT = 1006;
const NORMAL = 1000;
const GOING_AWAY = 1001;
const AT_LIMIT = 4009;
const EVICTIONS = { evicted: 4010, kicked: 4011, replaced: 4012 };

/** `opening`: from the token to the welcome. `waiting`: for the next attempt. */
type State = 'idle' | 'waiting' | 'opening' | 'live';

/** Whoever extends it decides what hello says and what the frames mean. */
export abstract class ReconnectingSocket extends Emitter<{ state: undefined }> {
  /** @internal */
  socketState: State = 'idle';
  /** @internal */
  readonly timers: SocketTimers;
  /** @internal */
  welcome: Welcome | undefined;
  /** @internal The last thing that went wrong since the last welcome. */
  cause: PresenceError | undefined;
  private readonly options: SocketOptions;
  private readonly WebSocket: WebSocketConstructor;
  private readonly replies: Replies;
  private readonly watchdog: Watchdog;
  private socket: WebSocketLike | undefined;
  /** The attempt that goes on: an earlier one whose token comes late is void. */
  private dialling: object | undefined;
  private attempt = 0;
  /** Since when there is no live connection any more; 0 before the first one. */
  private lostAt = 0;
  /** Until then attempts come often. */
  private graceEndsAt = 0;
  /** What this socket said went wrong, and that its node is going away. */
  private problem: ProblemBody | undefined;
  private draining = false;
  /** Until the welcome; then until the end of a drain. */
  private endBound: () => void = NOTHING;
  /** The next attempt, or the proof that the connection lasts. */
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SocketOptions) {
    super();
    this.options = options;
    this.timers = timersOf(options);
    this.WebSocket = webSocketOf(options.WebSocket);
    this.replies = new Replies(this.timers.replyTimeoutMs, () => this.drop());
    const ping = (): boolean => this.send({ type: 'ping' });
    this.watchdog = new Watchdog(this.timers.pongTimeoutMs, ping, () => this.drop());
  }

  /** The first frames of a new socket: hello, and what goes with it. */
  protected abstract hello(token: string | undefined): readonly object[];
  protected abstract welcomed(welcome: Welcome): void;
  /** Every frame but the welcome and the refusal of a request, in their order. */
  protected abstract received(message: ServerMessage): void;
  /** The socket is gone. With an error the server does not want it back: it is `idle` then, else `waiting`. */
  protected abstract lost(disconnection: Disconnection, error: PresenceError | undefined): void;
  protected abstract failed(error: PresenceError): void;

  /** @internal The hello is on its way to the server, or was answered. */
  get hasSpoken(): boolean {
    return (
      this.socketState === 'live' ||
      (this.socketState === 'opening' && !!this.socket && this.socket.readyState === OPEN)
    );
  }

  /** @internal For how long a session may still wait for its player. */
  get graceLeftMs(): number {
    return this.lostAt + this.graceMs - Date.now();
  }

  private get graceMs(): number {
    return this.welcome ? this.welcome.resumeGraceMs : 0;
  }

  /** @internal Connects now, unless it does so already. */
  open(): void {
    if (this.socketState === 'idle') this.attempt = 0;
    if (this.socketState === 'idle' || this.socketState === 'waiting') void this.dial();
  }

  /** @internal Another hello is to be said, on another socket. */
  reopen(): void {
    this.abandon();
    this.replies.fail(new PresenceError('disconnected', 'anew'));
    this.socketState = 'idle';
    this.open();
  }

  /** @internal @returns false when there is no socket that said hello. */
  send(message: object): boolean {
    if (!this.hasSpoken) return false;
    (this.socket as WebSocketLike).send(JSON.stringify(message));
    return true;
  }

  /** @internal Rejects with what the server has against it, `disconnected`, or `timeout`, after which the connection is opened anew. */
  request(message: object): Promise<ServerMessage> {
    if (this.socketState !== 'live') return handled(Promise.reject(new PresenceError('disconnected', 'no connection')));
    return this.replies.ask((id) => this.send({ ...message, id }));
  }

  /**
   * Tries now what would be tried later, or finds out whether the connection still stands. Pages need not call it; call it
   * when an app comes to the foreground (React Native: `AppState`), and when a device wakes.
   */
  wake(): void {
    if (this.socketState === 'live') this.watchdog.ask();
    else if (this.socketState === 'waiting') void this.dial();
  }

  /** @internal Gives the socket up until it is woken. */
  suspend(): void {
    if (this.socketState === 'opening' || this.socketState === 'live') this.closed(CUT, 'asleep');
    clearTimeout(this.timer);
  }

  /** @internal Gives the socket up as if it had been cut. */
  drop(code = CUT, reason = 'no answer'): void {
    if (this.socketState !== 'idle') this.closed(code, reason);
  }

  /** @internal Ends without a word to the user. */
  stop(error: PresenceError): void {
    this.abandon();
    this.socketState = 'idle';
    this.lostAt = 0;
    this.replies.fail(error);
  }

  private async dial(): Promise<void> {
    this.abandon();
    this.socketState = 'opening';
    const dialling = {};
    this.dialling = dialling;
    const isCurrent = (): boolean => this.dialling === dialling;
    this.endBound = timeBound(this.timers.helloTimeoutMs, () => this.drop(CUT, 'no welcome'));
    try {
      const { token: given } = this.options;
      const token = typeof given === 'function' ? await given() : await given;
      if (isCurrent()) this.connect(token);
    } catch (cause) {
      if (!isCurrent()) return;
      this.cause = new PresenceError('token_failed', String(cause), { cause });
      this.failed(this.cause);
      if (isCurrent()) this.closed(CUT, 'no token');
    }
  }

  private connect(token: string | undefined): void {
    let socket: WebSocketLike;
    try {
      socket = new this.WebSocket(String(this.options.url), SUBPROTOCOL);
    } catch (cause) {
      // Of no use to try again: a bad address, or one that this page may not reach.
      this.closed(CUT, 'bad address', new PresenceError('invalid_request', String(cause), { cause }));
      return;
    }
    this.socket = socket;
    let isOpen = false;
    const isCurrent = (): boolean => this.socket === socket;
    socket.onopen = () => {
      isOpen = true;
      if (isCurrent()) for (const frame of this.hello(token)) socket.send(JSON.stringify(frame));
    };
    socket.onmessage = ({ data }) => isCurrent() && this.receive(data);
    socket.onclose = ({ code, reason }) => {
      if (!isCurrent()) return;
      if (!isOpen && this.attempt < PROBED_ATTEMPTS) void this.inquire();
      this.closed(code, reason);
    };
    // A close follows; without a listener the package ws would throw. It tells what browsers do not.
    socket.onerror = ({ message } = {}) => {
      if (isCurrent() && !isOpen) this.cause = new PresenceError('disconnected', message || 'no connection');
    };
  }

  private receive(data: unknown): void {
    this.watchdog.heard();
    let message: ServerMessage;
    try {
      message = JSON.parse(data as string);
      if (message.type === 'error') this.problem = message.problem;
      const isReply = this.replies.take(message);
      // The refusal of a request rejects the request and is no event.
      if (!isReply || message.type !== 'error') this.handle(message);
    } catch (cause) {
      this.failed(new PresenceError('protocol_error', String(cause), { cause }));
      this.drop(CUT, 'protocol error');
    }
  }

  private handle(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        if (this.socketState !== 'live') this.begin(message);
        return;
      case 'pong':
        return;
      case 'drain':
        this.draining = true;
        // The server closes by then, unless it can no longer.
        this.endBound = timeBound(message.reconnectInMs + this.timers.replyTimeoutMs, () =>
          this.drop(GOING_AWAY, 'drained'),
        );
        break;
      case 'token_expiring':
        void this.refresh();
        break;
      // What follows is its close: whoever hears of it may connect again at once.
      case 'evicted': {
        const closeCode = EVICTIONS[message.reason];
        this.closed(
          closeCode,
          message.reason,
          new PresenceError('evicted', message.reason, { closeCode, eviction: message }),
        );
        return;
      }
      case 'error': {
        const { code } = message.problem;
        if (code !== 'concurrency_limit') break;
        this.closed(AT_LIMIT, code, errorOf(message.problem, AT_LIMIT));
        return;
      }
    }
    this.received(message);
  }

  private begin(welcome: Welcome): void {
    this.socketState = 'live';
    this.welcome = welcome;
    this.cause = undefined;
    this.endBound();
    this.watchdog.start(welcome.pingIntervalMs);
    this.timer = setTimeout(() => {
      this.attempt = 0;
    }, this.timers.stableAfterMs);
    this.welcomed(welcome);
  }

  private async refresh(): Promise<void> {
    const { socket } = this;
    try {
      // A fixed token cannot be refreshed: that is an error; 4202 follows, and with it the end.
      const token = await (this.options.token as TokenProvider)();
      if (this.socket === socket) await this.request({ type: 'refresh', token });
    } catch (cause) {
      if (this.socket === socket) this.failed(new PresenceError('token_failed', String(cause), { cause }));
    }
  }

  /** Asks why there was no WebSocket. */
  private async inquire(): Promise<void> {
    const found = await probe(String(this.options.url));
    if (!found || this.socketState === 'live' || this.socketState === 'idle') return;
    this.cause = found;
    // What was never right does not become right; what was may be in the middle of a deployment.
    if (!this.welcome && (found.code === 'forbidden' || found.code === 'not_found')) {
      this.closed(CUT, found.message, found);
    }
  }

  private closed(code: number, reason: string, fatal?: PresenceError): void {
    const { draining } = this;
    const policy = reconnectionAfter(code);
    const refusal = closeErrorOf(code, reason, this.problem);
    const error = fatal || (policy === 'never' ? refusal : undefined);
    if (this.socketState === 'live') {
      this.lostAt = Date.now();
      // One that did not last had no session to wait for long.
      if (this.attempt === 0) this.graceEndsAt = this.lostAt + this.graceLeftMs;
    }
    if (refusal.problem || !this.cause) this.cause = refusal;
    this.abandon();
    if (error) {
      this.stop(error);
      this.lost({ code, reason, willReconnect: false }, error);
      return;
    }
    // Only the first time: what is closed again before it was stable is slowed down like any other.
    const { backoffBaseMs, backoffCapMs } = this.timers;
    const atOnce = (draining || policy === 'now') && this.attempt === 0;
    const graceMs = Date.now() < this.graceEndsAt ? this.graceMs : 0;
    const cap = capWithin(graceMs, code, backoffBaseMs, backoffCapMs);
    const delayMs = atOnce ? 0 : backoffMs(this.attempt, backoffBaseMs, cap);
    this.attempt += 1;
    this.socketState = 'waiting';
    this.timer = setTimeout(() => void this.dial(), delayMs);
    this.replies.fail(new PresenceError('disconnected', 'connection lost', { closeCode: code }));
    this.lost({ code, reason, willReconnect: true, attempt: this.attempt, delayMs }, undefined);
  }

  /** Lets go of the socket without waiting for its close. */
  private abandon(): void {
    const { socket } = this;
    this.socket = undefined;
    this.dialling = undefined;
    this.problem = undefined;
    this.draining = false;
    clearTimeout(this.timer);
    this.endBound();
    this.watchdog.stop();
    if (socket) socket.close(NORMAL);
  }
}
