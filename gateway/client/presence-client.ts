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
import { closedByCaller, errorOf, isPassing, type PresenceError } from './presence-error.ts';
import { backoffMs } from './reconnection.ts';
import { sessionIdOf } from './session-id.ts';
import { timeBound } from './time-bound.ts';

export class PresenceClient extends Connected<Welcome, PlayerStatus, PresenceClientEvents> {
  /** The newest welcome. */
  session: PresenceSession | undefined;
  /** Sessions of the user and how many there may be, as the server last said; unknown while degraded. `check` asks again. */
  current: number | undefined;
  max: number | undefined;
  private readonly options: PresenceClientOptions;
  private readonly sync: PendingUpdate;
  /** Of the first hello, and of the next one after leaving. */
  private readonly own: Pick<PresenceClientOptions, 'userId' | 'sessionId'>;
  private resumeWith: string | undefined;
  private victims: readonly string[] | undefined;
  private denied: ConcurrencyProblem | undefined;
  private evicted: Eviction | undefined;
  private leaving: Deferred<void> | undefined;
  /** A `connect` that waits for the end of a `leave` is void when one more of them, or a `close`, came after it. */
  private ends = 0;
  private retryTimer: ReturnType<typeof setTimeout> | undefined;
  private retries = 0;

  /** @throws TypeError where there is no WebSocket. */
  constructor(options: PresenceClientOptions) {
    super(connectionOf(options));
    this.options = options;
    this.victims = options.replace;
    this.resumeWith = options.resume;
    const { userId, sessionId = sessionIdOf(), streamId, deviceType, country, state, meta } = options;
    this.own = { userId, sessionId };
    this.sync = new PendingUpdate({ streamId, deviceType, country, state, meta } as SessionFields);
  }

  /**
   * Resolves at the welcome. A refusal for good rejects with `PresenceError`: for `concurrency_limit` its `problem`
   * says who holds the slots. Until then, and after every loss, it tries again by itself. While it reconnects, this
   * connects now.
   * @param how `replace`: sessions of the same user to end in the same step; not looked at while it is live.
   */
  connect(how: { replace?: readonly string[] } = {}): Promise<Welcome> {
    if (this.leaving) {
      const { ends } = this;
      const again = (): Promise<Welcome> => {
        if (ends !== this.ends) throw closedByCaller();
        return this.connect(how);
      };
      return handled(this.leaving.promise.then(again));
    }
    // With a slot there is nobody to end; said by a later hello it would end somebody then.
    if (this.state !== 'live') this.victims = how.replace || this.victims;
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
    if (this.state === 'closed') this.sync.end(closedByCaller());
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
    this.ends += 1;
    if (this.leaving) return this.leaving.promise;
    if (this.isOff) return Promise.resolve();
    const { connection } = this;
    const left = deferred<void>();
    this.leaving = left;
    // Nobody is ended for a session that ends.
    this.victims = undefined;
    const endBound = timeBound(connection.timers.replyTimeoutMs, () => this.left());
    void left.promise.then(endBound);
    // Answered by a close. What is sent behind a hello ends what that opens.
    if (connection.send({ type: 'leave' })) connection.wake();
    // A session that waits for its player is taken up by the next hello, to end it. So it is where nothing answers.
    else if (this.resumeWith && this.mayBeHeld) connection.open();
    else this.left();
    return left.promise;
  }

  override close(): void {
    this.ends += 1;
    super.close();
  }

  /** @internal */
  hello(token: string | undefined): readonly object[] {
    // What hello says is on its way like an update, until the welcome.
    this.sync.take();
    const { userId, sessionId } = this.held;
    // An undefined field is not sent.
    const hello = {
      type: 'hello',
      ...this.sync.fields,
      userId,
      sessionId,
      deviceId: this.options.deviceId,
      token,
      resume: this.resumeWith,
      replace: this.victims,
    };
    return this.leaving ? [hello, { type: 'leave' }] : [hello];
  }

  /** @internal */
  welcomed(welcome: Welcome): void {
    this.state = 'live';
    // Who does not observe has a session.
    const { userId, sessionId, resumeToken, resumed } = welcome as Welcome & PresenceSession;
    this.session = { userId, sessionId, resumeToken, resumed, degraded: !!welcome.degraded };
    this.resumeWith = resumeToken || this.resumeWith;
    // Said once: a session ended for this one may have come back since.
    this.victims = undefined;
    this.counted(welcome);
    this.sync.confirm();
    this.flush();
    if (this.leaving) return;
    this.settled(welcome);
    this.emit('welcome', welcome);
    if (welcome.degraded) this.emit('degraded', welcome);
    this.changed();
  }

  /** @internal */
  received(message: ServerMessage): void {
    switch (message.type) {
      case 'ok':
        if (!message.resumeToken || !this.session) break;
        this.resumeWith = message.resumeToken;
        this.session = { ...this.session, resumeToken: message.resumeToken };
        this.changed();
        break;
      case 'heartbeat':
        this.counted(message);
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

  protected describe(): PlayerStatus {
    const { state, error, session, current, max, denied, evicted } = this;
    return { state, error, session, current, max, denied, evicted };
  }

  protected cleanUp(error?: PresenceError): void {
    clearTimeout(this.retryTimer);
    this.retryTimer = undefined;
    if (!error) {
      this.sync.putBack();
      // The socket that was to tell of the end is gone: it ended there, unless the next one is to tell.
      if (this.leaving && !this.mayBeHeld) void Promise.resolve().then(() => this.left());
      return;
    }
    const { leaving } = this;
    this.leaving = undefined;
    // Ended by the server, the session is not to be resumed; ended by the caller it may be.
    if (error.closeCode !== undefined || leaving) this.resumeWith = undefined;
    this.sync.end(error);
    if (leaving) {
      this.session = undefined;
      leaving.resolve();
      return;
    }
    if (error.code === 'concurrency_limit') {
      this.denied = error.problem as ConcurrencyProblem;
      this.emit('denied', this.denied);
    }
    if (error.eviction) {
      this.evicted = evictionOf(error.eviction, this.held.sessionId);
      this.emit('evicted', this.evicted);
    }
  }

  private get held(): Pick<PresenceClientOptions, 'userId' | 'sessionId'> {
    return this.session || this.own;
  }

  /** A session may wait for this player: its own within the grace, or one of before, of which nothing is known yet. */
  private get mayBeHeld(): boolean {
    return !this.session || this.connection.graceLeftMs > 0;
  }

  private left(): void {
    if (this.leaving) super.close();
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
    if (isPassing(error.problem)) {
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

  private counted({ current, max }: { current?: number; max?: number }): void {
    this.current = current;
    this.max = max;
  }
}
