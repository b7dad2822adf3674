/** A player: holds one session of one user, on one connection after the other. */
import type { ServerMessage, SessionFields, Welcome } from '../protocol/messages.ts';
import { Connected } from './connected.ts';
import { type Deferred, deferred, handled } from './deferred.ts';
import { PendingUpdate } from './pending-update.ts';
import {
  type ConcurrencyProblem,
  type Eviction,
  evictionOf,
  type PlayerStatus,
  type PresenceClientEvents,
  type PresenceClientOptions,
  type PresenceSession,
} from './player-events.ts';
import { connectionOf } from './presence-connection.ts';
import { errorOf, PresenceError } from './presence-error.ts';
import { backoffMs } from './reconnection.ts';
import { sessionIdOf } from './session-id.ts';

/** Statuses of problems that pass: it is said again later. Others lie with what was said. */
const RETRYABLE = [429, 503];

export class PresenceClient extends Connected<Welcome, PlayerStatus, PresenceClientEvents> {
  /** The newest welcome. */
  session: PresenceSession | undefined;
  /** Sessions of the user and how many there may be, as the server last said; unknown while degraded. `check` asks again. */
  current: number | undefined;
  max: number | undefined;
  private readonly options: PresenceClientOptions;
  private readonly sync: PendingUpdate;
  private readonly sessionId: string;
  private welcome: Welcome | undefined;
  private resume: string | undefined;
  private replace: readonly string[] | undefined;
  private denied: ConcurrencyProblem | undefined;
  private evicted: Eviction | undefined;
  private leaving: Deferred<void> | undefined;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private retries = 0;

  /** @throws TypeError where there is no WebSocket. */
  constructor(options: PresenceClientOptions) {
    super(connectionOf(options));
    this.options = options;
    this.replace = options.replace;
    this.resume = options.resume;
    this.sessionId = options.sessionId || sessionIdOf();
    const { streamId, deviceType, country, state, meta } = options;
    this.sync = new PendingUpdate({ streamId, deviceType, country, state, meta } as SessionFields);
  }

  /**
   * Resolves at the welcome. A refusal for good rejects with `PresenceError`: for `concurrency_limit` its `problem`
   * says who holds the slots. Until then, and after every loss, it tries again by itself. While it reconnects, this
   * connects now.
   * @param how `replace`: sessions of the same user to end in the same step.
   */
  connect(how: { replace?: readonly string[] } = {}): Promise<Welcome> {
    if (this.leaving) return handled(this.leaving.promise.then(() => this.connect(how)));
    if (how.replace) this.replace = how.replace;
    if (this.isOff) {
      this.denied = undefined;
      this.evicted = undefined;
    }
    return this.open();
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
    if (this.state === 'closed') this.sync.end(new PresenceError('closed', 'closed'));
    else this.flush();
    return confirmed;
  }

  /** Analytics. Never repeated: rejects when there is no connection. */
  sendEvent(event: 'click' | 'impression'): Promise<void> {
    return this.ask({ type: 'event', event });
  }

  /** Asks for `current` and `max`, and finds out whether the connection still stands. */
  check(): Promise<void> {
    return this.ask({ type: 'heartbeat' });
  }

  /**
   * Ends the session and frees its slot, also while it connects or reconnects. Resolves when the server has done so, or
   * when it does not answer: then the slot is free after the resume grace. Never rejects.
   */
  leave(): Promise<void> {
    if (this.leaving) return this.leaving.promise;
    if (this.isOff) return Promise.resolve();
    const { connection } = this;
    const left = deferred<void>();
    this.leaving = left;
    const late = setTimeout(() => this.left(), connection.timers.replyTimeoutMs);
    void left.promise.then(() => clearTimeout(late));
    // Answered by a close. What is sent behind a hello ends what that opens.
    if (this.state === 'live')
      connection.request({ type: 'leave' }).catch(({ code }) => code === 'disconnected' || this.left());
    else if (connection.hasSpoken) connection.send({ type: 'leave' });
    // The session waits for its player: the next hello takes it up, to end it.
    else if (this.session && connection.graceLeftMs > 0) connection.open();
    else this.left();
    return left.promise;
  }

  /** @internal */
  hello(token: string | undefined): readonly object[] {
    // What hello says is on its way like an update, until the welcome.
    this.sync.take();
    const { deviceId } = this.options;
    // An undefined field is not sent.
    const hello = {
      type: 'hello',
      ...this.sync.fields,
      sessionId: this.heldId,
      userId: this.options.userId || (this.session && this.session.userId),
      deviceId,
      token,
      resume: this.resume,
      replace: this.replace,
    };
    return this.leaving ? [hello, { type: 'leave' }] : [hello];
  }

  /** @internal */
  welcomed(welcome: Welcome): void {
    this.state = 'live';
    this.welcome = welcome;
    const { userId, sessionId, resumeToken, resumed } = welcome;
    if (userId !== undefined && sessionId !== undefined) {
      this.session = { userId, sessionId, resumeToken, resumed, degraded: !!welcome.degraded };
    }
    this.resume = resumeToken || this.resume;
    // Said once: a session ended for this one may have come back since.
    this.replace = undefined;
    this.count(welcome);
    this.sync.confirm();
    this.flush();
    if (this.leaving) return;
    this.opened(welcome);
    this.emit('welcome', welcome);
    if (welcome.degraded) this.emit('degraded', welcome);
    this.changed();
  }

  /** @internal */
  received(message: ServerMessage): void {
    switch (message.type) {
      case 'ok':
        if (message.resumeToken === undefined) break;
        this.resume = message.resumeToken;
        if (this.session) this.session = { ...this.session, resumeToken: message.resumeToken };
        this.changed();
        break;
      case 'heartbeat':
        this.count(message);
        this.changed();
        break;
      case 'drain':
        this.emit('drain', message);
        break;
      case 'error':
        // Of a hello or a leave: a close tells the rest.
        if (this.leaving) this.left();
        else this.emit('error', errorOf(message.problem));
    }
  }

  protected isReady(): Welcome | undefined {
    return this.welcome;
  }

  protected describe(): PlayerStatus {
    const { state, error, session, current, max, denied, evicted } = this;
    return { state, error, session, current, max, denied, evicted };
  }

  protected cleanUp(error: PresenceError | undefined): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    if (!error) {
      this.sync.putBack();
      // The socket that was to tell of the end is gone: it ended there, unless the next one is to tell.
      if (this.leaving && this.connection.graceLeftMs <= 0) queueMicrotask(() => this.left());
      return;
    }
    // Ended by the server, the session is not to be resumed; ended by the caller it may be.
    if (error.closeCode !== undefined || this.leaving) this.resume = undefined;
    if (this.leaving) this.session = undefined;
    this.sync.end(error);
    if (error.code === 'concurrency_limit' && !this.leaving) this.denied = error.problem as ConcurrencyProblem;
    if (error.eviction) this.evicted = evictionOf(error.eviction, this.heldId);
    const { leaving } = this;
    this.leaving = undefined;
    if (leaving) leaving.resolve();
  }

  protected override announce(): void {
    if (this.denied) this.emit('denied', this.denied);
    if (this.evicted) this.emit('evicted', this.evicted);
  }

  private get heldId(): string {
    return this.session ? this.session.sessionId : this.sessionId;
  }

  private left(): void {
    if (this.leaving) this.close();
  }

  private ask(message: object): Promise<void> {
    return handled(this.connection.request(message).then(() => {}));
  }

  private flush(): void {
    if (this.state !== 'live' || this.retryTimer || this.leaving) return;
    const fields = this.sync.take();
    if (!fields) return;
    this.ask({ type: 'update', ...fields }).then(
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
    if (this.state !== 'live') return;
    const { problem } = error;
    if (problem && RETRYABLE.includes(problem.status)) {
      this.sync.putBack();
      const { backoffBaseMs, backoffCapMs } = this.connection.timers;
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
