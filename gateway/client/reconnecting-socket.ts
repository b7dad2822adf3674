/**
 * A connection that comes back: opens a socket, says hello, hands frames on, and after a close does what the close
 * code says. Whoever uses it decides what hello says and what the frames mean.
 */
import {
  MAX_MESSAGE_BYTES,
  type ProblemBody,
  type ServerMessage,
  SUBPROTOCOL,
  type Welcome,
} from '../protocol/messages.ts';
import { AT_LIMIT, CUT, EVICTED, GOING_AWAY, KICKED, NORMAL, REPLACED, TOO_BIG } from './close-code.ts';
import { handled } from './deferred.ts';
import type { Disconnection } from './disconnection.ts';
import { Emitter } from './emitter.ts';
import { closeErrorOf, errorOf, PresenceError } from './presence-error.ts';
import { probe } from './probe.ts';
import { backoffMs, capWithin, reconnectionAfter } from './reconnection.ts';
import { type Replies, repliesWithin } from './replies.ts';
import { type SocketOptions, type SocketTimers, type TokenProvider, timersOf } from './socket-options.ts';
import { timeBound } from './time-bound.ts';
import { type Watchdog, watchdog } from './watchdog.ts';
import { type WebSocketConstructor, type WebSocketLike, webSocketOf } from './web-socket.ts';

const NOTHING = (): void => {};
/** After each of the first failures it is asked why. */
const PROBED_ATTEMPTS = 2;
const CLOSE_CODES = { evicted: EVICTED, kicked: KICKED, replaced: REPLACED };

/** `opening`: from the token to the welcome. `waiting`: for the next attempt. */
type State = 'idle' | 'waiting' | 'opening' | 'live';

/** Whoever extends it decides what hello says and what the frames mean. */
export abstract class ReconnectingSocket extends Emitter<{ state: undefined }> {
  /** @internal */
  socketState: State = 'idle';
  /** @internal */
  readonly timers: SocketTimers;
  /** @internal The hello is on its way to the server, or was answered. */
  hasSpoken = false;
  /** @internal */
  lastWelcome: Welcome | undefined;
  /** @internal The last thing that went wrong since the last welcome. */
  lastError: PresenceError | undefined;
  private readonly options: SocketOptions;
  private readonly Socket: WebSocketConstructor;
  private readonly replies: Replies;
  private readonly watchdog: Watchdog;
  private socket: WebSocketLike | undefined;
  /** The attempt that goes on: an earlier one whose token comes late is void. */
  private dialling: object | undefined;
  private failures = 0;
  /** Since when there is no live connection any more; 0 before the first one. */
  private lostAt = 0;
  /** For how long the server lets a session wait. */
  private graceMs = 0;
  /** Until then attempts come often. */
  private graceEndsAt = 0;
  /** What this socket said went wrong, and that its node is going away. */
  private lastProblem: ProblemBody | undefined;
  private isDraining = false;
  /** Until the welcome; then until the end of a drain. */
  private endBound: () => void = NOTHING;
  /** The next attempt, or the proof that the connection lasts. */
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SocketOptions) {
    super();
    this.options = options;
    this.timers = timersOf(options);
    this.Socket = webSocketOf(options.WebSocket);
    this.replies = repliesWithin(this.timers.replyTimeoutMs, () => this.drop());
    const ping = (): boolean => this.send({ type: 'ping' });
    this.watchdog = watchdog(this.timers.pongTimeoutMs, ping, () => this.drop());
  }

  /** The first frames of a new socket: hello, and what goes with it. */
  protected abstract hello(token: string | undefined): readonly object[];
  protected abstract welcomed(welcome: Welcome): void;
  /** Every frame but the welcome and the refusal of a request, in their order. */
  protected abstract received(message: ServerMessage): void;
  /** The socket is gone. With an error the server does not want it back: it is `idle` then, else `waiting`. */
  protected abstract lost(disconnection: Disconnection, error?: PresenceError): void;
  protected abstract failed(error: PresenceError): void;

  /** @internal For how long a session may still wait for its player. */
  get graceLeftMs(): number {
    return this.lostAt + this.graceMs - Date.now();
  }

  /** @internal Connects now, unless it does so already. */
  open(): void {
    if (this.socketState === 'idle') this.failures = 0;
    if (!this.dialling) void this.dial();
  }

  /** @internal Another hello is to be said, on another socket. */
  reopen(): void {
    this.stop(new PresenceError('disconnected', 'anew'));
    this.open();
  }

  /** @internal @returns false when there is no socket that said hello. */
  send(message: object): boolean {
    if (!this.hasSpoken) return false;
    this.say(message);
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
    if (this.dialling) this.ended(CUT, 'asleep');
    clearTimeout(this.timer);
  }

  /** @internal Gives the socket up as if it had been cut. */
  drop(reason = 'no answer', code = CUT): void {
    if (this.socketState !== 'idle') this.ended(code, reason);
  }

  /** @internal Ends without a word to the user. */
  stop(error: PresenceError): void {
    this.abandon();
    this.socketState = 'idle';
    this.replies.fail(error);
  }

  private async dial(): Promise<void> {
    this.abandon();
    this.socketState = 'opening';
    const dialling = {};
    this.dialling = dialling;
    const isCurrent = (): boolean => this.dialling === dialling;
    this.endBound = timeBound(this.timers.helloTimeoutMs, () => this.drop());
    try {
      const { token: given } = this.options;
      const token = typeof given === 'function' ? await given() : await given;
      if (isCurrent()) this.openSocket(token);
    } catch (cause) {
      if (!isCurrent()) return;
      this.lastError = new PresenceError('token_failed', String(cause), { cause });
      this.failed(this.lastError);
      if (isCurrent()) this.drop('token_failed');
    }
  }

  private openSocket(token: string | undefined): void {
    let socket: WebSocketLike;
    try {
      socket = new this.Socket(String(this.options.url), SUBPROTOCOL);
    } catch (cause) {
      // Of no use to try again: a bad address, or one that this page may not reach.
      this.ended(CUT, '', new PresenceError('invalid_request', String(cause), { cause }));
      return;
    }
    this.socket = socket;
    let isOpen = false;
    const isCurrent = (): boolean => this.socket === socket;
    socket.onopen = () => {
      isOpen = true;
      if (!isCurrent()) return;
      this.hasSpoken = true;
      for (const frame of this.hello(token)) this.say(frame);
    };
    socket.onmessage = ({ data }) => isCurrent() && this.receive(data);
    socket.onclose = ({ code, reason }) => {
      if (!isCurrent()) return;
      if (!isOpen && this.failures < PROBED_ATTEMPTS) void this.inquire();
      this.ended(code, reason);
    };
    // A close follows; without a listener the package ws would throw. It tells what browsers do not.
    socket.onerror = ({ message } = {}) => {
      if (message && isCurrent() && !isOpen) this.lastError = new PresenceError('disconnected', message);
    };
  }

  private say(message: object): void {
    const text = JSON.stringify(message);
    // Some servers cut it without a word, and it would be said again and again. It has at least as many bytes.
    if (text.length > MAX_MESSAGE_BYTES) this.drop('', TOO_BIG);
    else if (this.socket) this.socket.send(text);
  }

  private receive(data: unknown): void {
    this.watchdog.heard();
    let message: ServerMessage;
    try {
      message = JSON.parse(data as string);
      if (message.type === 'error') this.lastProblem = message.problem;
      const isReply = this.replies.take(message);
      // The refusal of a request rejects the request and is no event.
      if (!isReply || message.type !== 'error') this.dispatch(message);
    } catch (cause) {
      this.failed(new PresenceError('protocol_error', String(cause), { cause }));
      this.drop('protocol_error');
    }
  }

  private dispatch(message: ServerMessage): void {
    switch (message.type) {
      case 'welcome':
        if (this.socketState !== 'live') this.begin(message);
        return;
      case 'drain':
        this.isDraining = true;
        // The server closes by then, unless it can no longer.
        this.endBound = timeBound(message.reconnectInMs + this.timers.replyTimeoutMs, () =>
          this.drop('drained', GOING_AWAY),
        );
        break;
      case 'token_expiring':
        void this.refresh();
        break;
      // What follows is its close: whoever hears of it may connect again at once.
      case 'evicted': {
        const closeCode = CLOSE_CODES[message.reason];
        this.ended(
          closeCode,
          message.reason,
          new PresenceError('evicted', message.reason, { closeCode, eviction: message }),
        );
        return;
      }
      case 'error': {
        const { code } = message.problem;
        if (code !== 'concurrency_limit') break;
        this.ended(AT_LIMIT, code, errorOf(message.problem, AT_LIMIT));
        return;
      }
    }
    this.received(message);
  }

  private begin(welcome: Welcome): void {
    this.socketState = 'live';
    this.lastWelcome = welcome;
    this.graceMs = welcome.resumeGraceMs;
    this.lastError = undefined;
    this.endBound();
    this.watchdog.start(welcome.pingIntervalMs, welcome.silenceTimeoutMs);
    this.timer = setTimeout(() => {
      this.failures = 0;
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
    this.lastError = found;
    // What was never right does not become right; what was may be in the middle of a deployment.
    if (!this.lastWelcome && (found.code === 'forbidden' || found.code === 'not_found')) {
      this.ended(CUT, found.message, found);
    }
  }

  private ended(code: number, reason: string, fatal?: PresenceError): void {
    const { isDraining } = this;
    const policy = reconnectionAfter(code);
    const refusal = closeErrorOf(code, reason, this.lastProblem);
    const error = fatal || (policy === 'never' ? refusal : undefined);
    // One that did not last had no session to wait for long.
    if (this.socketState === 'live' && this.failures === 0) this.graceEndsAt = Date.now() + this.graceMs;
    if (refusal.problem || !this.lastError) this.lastError = refusal;
    this.abandon();
    if (error) {
      this.stop(error);
      this.lost({ code, reason, willReconnect: false }, error);
      return;
    }
    // Only the first time: what is closed again before it was stable is slowed down like any other.
    const { backoffBaseMs, backoffCapMs } = this.timers;
    const atOnce = (isDraining || policy === 'now') && this.failures === 0;
    const graceMs = Date.now() < this.graceEndsAt ? this.graceMs : 0;
    const cap = capWithin(graceMs, code, backoffBaseMs, backoffCapMs);
    const delayMs = atOnce ? 0 : backoffMs(this.failures, backoffBaseMs, cap);
    this.failures += 1;
    this.socketState = 'waiting';
    this.timer = setTimeout(() => void this.dial(), delayMs);
    this.replies.fail(new PresenceError('disconnected', 'no connection', { closeCode: code }));
    this.lost({ code, reason, willReconnect: true, attempt: this.failures, delayMs });
  }

  /** Lets go of the socket without waiting for its close. */
  private abandon(): void {
    const { socket } = this;
    if (this.socketState === 'live') this.lostAt = Date.now();
    this.socket = undefined;
    this.dialling = undefined;
    this.hasSpoken = false;
    this.lastProblem = undefined;
    this.isDraining = false;
    clearTimeout(this.timer);
    this.endBound();
    this.watchdog.stop();
    if (socket) socket.close(NORMAL);
  }
}
