/** A player: holds one session of one user, on one connection after the other. */
import { CLOSE_CODES } from '../protocol/close-codes.ts';
import type { Hello, ProblemBody, ServerMessage, SessionFields, Welcome } from '../protocol/messages.ts';
import { Emitter } from './emitter.ts';
import { PendingUpdate } from './pending-update.ts';
import type {
  ConcurrencyProblem,
  PresenceClientEvents,
  PresenceClientOptions,
  PresenceSession,
} from './player-events.ts';
import { errorOf, PresenceError } from './presence-error.ts';
import { type Disconnection, ReconnectingSocket, type SocketState } from './reconnecting-socket.ts';
import { backoffMs } from './reconnection.ts';
import { sessionIdOf } from './session-id.ts';

/** Said again later; other problems lie with what was said. */
const RETRYABLE = ['store_unavailable', 'overloaded', 'rate_limited', 'draining'];

export class PresenceClient extends Emitter<PresenceClientEvents> {
  /** The newest welcome. */
  session: PresenceSession | undefined;
  /** Sessions of the user and how many there may be, as the server last said; unknown while degraded. `check` asks again. */
  current: number | undefined;
  max: number | undefined;
  private readonly options: PresenceClientOptions;
  private readonly socket: ReconnectingSocket;
  private readonly sync: PendingUpdate;
  private readonly sessionId: string;
  private resume: string | undefined;
  private replace: readonly string[] | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private retries = 0;
  private readonly online = (): void => this.socket.wake();

  /** @throws TypeError where there is no WebSocket, or the session id cannot be made. */
  constructor(options: PresenceClientOptions) {
    super();
    this.options = options;
    this.replace = options.replace;
    this.resume = options.resume;
    this.sessionId = options.sessionId ?? sessionIdOf();
    const { streamId, deviceType, country, state, meta } = options;
    this.sync = new PendingUpdate({ streamId, deviceType, country, state, meta } as SessionFields);
    this.socket = new ReconnectingSocket(options, {
      hello: (token) => this.hello(token),
      welcomed: (welcome) => this.welcomed(welcome),
      received: (message) => this.received(message),
      lost: (disconnection, error) => this.lost(disconnection, error),
      reconnecting: (attempt, delayMs) => this.emit('reconnecting', { attempt, delayMs }),
      failed: (error) => this.emit('error', error),
    });
  }

  get state(): SocketState {
    return this.socket.state;
  }

  /**
   * Resolves at the welcome. A refusal for good rejects with `PresenceError`: for `concurrency_limit` its `problem`
   * says who holds the slots. Until then, and after every loss, it tries again by itself.
   * @param how `replace`: sessions of the same user to end in the same step.
   */
  connect(how: { replace?: readonly string[] } = {}): Promise<Welcome> {
    if (how.replace) this.replace = how.replace;
    // Browsers report when the network is back.
    (globalThis as Partial<EventTarget>).addEventListener?.('online', this.online);
    return this.socket.connect();
  }

  /** Switches to another stream within the same slot. See `update`. */
  setStream(streamId: string, more: Omit<SessionFields, 'streamId'> = {}): Promise<void> {
    return this.update({ ...more, streamId });
  }

  /**
   * Tells what changed; other fields stay. While another update is on its way, or there is no connection, it is merged
   * with what waits: the server gets the latest. Resolves when the server has it.
   */
  update(fields: SessionFields): Promise<void> {
    const confirmed = this.sync.set(fields);
    if (this.state === 'closed') this.sync.end(new PresenceError('closed', 'said at the next connect'));
    else this.flush();
    return confirmed;
  }

  /** Analytics. Never repeated: rejects when there is no connection. */
  async sendEvent(event: 'click' | 'impression'): Promise<void> {
    await this.socket.request({ type: 'event', event });
  }

  /** Asks for `current` and `max`, and finds out whether the connection still stands. */
  async check(): Promise<void> {
    await this.socket.request({ type: 'heartbeat' });
  }

  /** Ends the session at once and frees its slot. */
  async leave(): Promise<void> {
    this.resume = undefined;
    // Answered by a close; a store that is away does not hold the caller up for longer than a reply may take.
    if (this.state === 'live') await this.socket.request({ type: 'leave' }).catch(() => {});
    this.session = undefined;
    this.close();
  }

  /** Drops the connection. The slot stays for the resume grace: `connect`, or `resume` of another client, takes it up. */
  close(): void {
    this.socket.end(new PresenceError('closed', 'closed by the caller'));
  }

  private hello(token: string | undefined): Hello {
    // What hello says is on its way like an update, until the welcome.
    this.sync.take();
    const { deviceId } = this.options;
    return {
      type: 'hello',
      ...this.sync.fields,
      sessionId: this.session?.sessionId ?? this.sessionId,
      ...definedOf({ userId: this.options.userId ?? this.session?.userId, deviceId, token, resume: this.resume }),
      ...(this.replace && { replace: [...this.replace] }),
    };
  }

  private welcomed(welcome: Welcome): void {
    const { userId, sessionId, resumeToken, resumed } = welcome;
    if (userId !== undefined && sessionId !== undefined) {
      const degraded = welcome.degraded === true;
      this.session = { userId, sessionId, resumed, degraded, ...definedOf({ resumeToken }) };
    }
    this.resume = resumeToken ?? this.resume;
    // Said once: a session ended for this one may have come back since.
    this.replace = undefined;
    this.count(welcome);
    this.sync.confirm();
    this.flush();
    this.emit('welcome', welcome);
    if (welcome.degraded) this.emit('degraded', welcome);
  }

  private received(message: ServerMessage): void {
    switch (message.type) {
      case 'ok':
        this.resume = message.resumeToken ?? this.resume;
        if (this.session && this.resume) this.session = { ...this.session, resumeToken: this.resume };
        break;
      case 'heartbeat':
        this.count(message);
        break;
      case 'evicted':
        this.socket.end(new PresenceError('evicted', message.reason), CLOSE_CODES[message.reason].code);
        this.emit('evicted', message);
        break;
      case 'drain':
        this.emit('drain', message);
        break;
      case 'error':
        this.problem(message.problem);
    }
  }

  private problem(problem: ProblemBody): void {
    if (problem.code !== 'concurrency_limit') {
      this.emit('error', errorOf(problem));
      return;
    }
    const { code } = CLOSE_CODES.concurrency_limit;
    // First, so that a listener may connect again.
    this.socket.end(errorOf(problem, code), code);
    this.emit('denied', problem as ConcurrencyProblem);
  }

  private lost(disconnection: Disconnection, error: PresenceError | undefined): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    if (error) {
      // Ended by the server, the session is not to be resumed; ended by the caller it may be.
      if (error.closeCode !== undefined || error.code === 'evicted') this.resume = undefined;
      (globalThis as Partial<EventTarget>).removeEventListener?.('online', this.online);
      this.sync.end(error);
    } else {
      this.sync.putBack();
    }
    this.emit('disconnected', disconnection);
    if (error && this.state === 'closed') this.emit('closed', error);
  }

  private flush(): void {
    if (this.state !== 'live' || this.retryTimer) return;
    const fields = this.sync.take();
    if (!fields) return;
    this.socket.request({ type: 'update', ...fields }).then(
      () => {
        this.retries = 0;
        this.sync.confirm();
        this.flush();
      },
      (error: PresenceError) => this.unsaid(error),
    );
  }

  private unsaid(error: PresenceError): void {
    // After a loss it has been put back already, and may be on its way with another hello.
    if (this.state !== 'live' || error.code === 'disconnected' || error.code === 'closed') return;
    if (RETRYABLE.includes(error.code)) {
      this.sync.putBack();
      const { backoffBaseMs, backoffCapMs } = this.socket.timers;
      const again = (): void => {
        this.retryTimer = undefined;
        this.flush();
      };
      this.retryTimer = setTimeout(again, backoffMs(this.retries, backoffBaseMs, backoffCapMs));
      this.retries += 1;
      return;
    }
    this.sync.refuse(error);
    this.emit('error', error);
    this.flush();
  }

  private count({ current, max }: { current?: number; max?: number }): void {
    this.current = current;
    this.max = max;
  }
}

function definedOf<T extends object>(fields: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
