/** What the components below one provider share. */
import {
  type Count,
  type PlayerFields,
  type PlayerStatus,
  PresenceClient,
  PresenceConnection,
  type PresenceError,
  PresenceSubscription,
  type SessionFields,
  type SessionView,
  type SocketOptions,
  type UserPresence,
} from './index.ts';

type Release = () => void;

/** A component that takes the place of another in the same turn, as StrictMode and another `key` do, goes on with what that held. */
const atEndOfTurn = (act: () => void): void => void Promise.resolve().then(act);

/** A set of listeners. */
class Listeners {
  private readonly all = new Set<() => void>();

  readonly listen = (listener: () => void): Release => {
    const own = (): void => listener();
    this.all.add(own);
    return () => this.all.delete(own);
  };

  protected readonly notify = (): void => {
    for (const listener of [...this.all]) listener();
  };
}

export class Shared extends Listeners {
  readonly playback: SharedPlayback;
  private readonly options: SocketOptions & PlayerFields;
  private readonly topics = new Map<string, SharedTopic>();
  private made: PresenceConnection | undefined;

  constructor(options: SocketOptions & PlayerFields) {
    super();
    this.options = options;
    this.playback = new SharedPlayback(() => this.connection, options);
  }

  /** Made when it is first needed: on a server it never is. */
  get connection(): PresenceConnection {
    if (!this.made) {
      this.made = new PresenceConnection(this.options);
      this.made.onStateChange(this.notify);
    }
    return this.made;
  }

  readonly readState = (): PresenceConnection['state'] => this.made?.state ?? 'idle';

  topic(topic: string | undefined): SharedTopic {
    const name = topic ?? '';
    const known = this.topics.get(name) ?? new SharedTopic(name, () => this.connection);
    this.topics.set(name, known);
    return known;
  }
}

const IDLE: PlayerStatus = {
  state: 'idle',
  error: undefined,
  session: undefined,
  current: undefined,
  max: undefined,
  denied: undefined,
  evicted: undefined,
};

export class SharedPlayback extends Listeners {
  client: PresenceClient | undefined;
  private readonly connection: () => PresenceConnection;
  private readonly fields: PlayerFields;
  private holders = 0;
  /** False from when the last holder has gone: how the client ended then is nothing to show to whoever holds it next. */
  private isShown = false;

  constructor(connection: () => PresenceConnection, fields: PlayerFields) {
    super();
    this.connection = connection;
    const { userId, sessionId, deviceId, replace, resume, streamId, deviceType, country, state, meta } = fields;
    this.fields = {
      userId,
      sessionId,
      deviceId,
      replace,
      resume,
      streamId,
      deviceType,
      country,
      state,
      meta,
    } as PlayerFields;
  }

  readonly read = (): PlayerStatus => (this.isShown && this.client ? this.client.status : IDLE);

  hold(): Release {
    if (!this.client) {
      this.client = new PresenceClient({ ...this.fields, on: this.connection() });
      this.client.onStateChange(this.notify);
    }
    this.holders += 1;
    this.isShown = true;
    if (this.holders === 1) void this.client.connect();
    return () => {
      this.holders -= 1;
      atEndOfTurn(() => {
        if (this.holders === 0) this.leave();
      });
    };
  }

  say(fields: SessionFields): void {
    void this.client?.update(fields);
  }

  readonly takeOver = (sessionId?: string): void => {
    // Nobody would leave again.
    if (this.holders === 0) return;
    const victim = sessionId ?? this.read().denied?.conflicts[0]?.sessionId;
    void this.client?.connect(victim === undefined ? {} : { replace: [victim] });
  };

  private leave(): void {
    this.isShown = false;
    void this.client?.leave();
    this.notify();
  }
}

/** A topic as a selector sees it. */
export interface ViewersView {
  readonly sessions: ReadonlyMap<string, SessionView>;
  readonly count: Count | undefined;
  readonly isReady: boolean;
  /** Sessions may be missing, as the server lost data a moment ago. */
  readonly degraded: boolean;
  readonly error: PresenceError | undefined;
  /** Of a topic of users. */
  statusOf(userId: string): UserPresence;
}

const NOTHING: ViewersView = {
  sessions: new Map(),
  count: undefined,
  isReady: false,
  degraded: false,
  error: undefined,
  statusOf: () => ({ online: false, lastSeenAt: null }),
};

export class SharedTopic extends Listeners {
  /** Another object after each change. */
  version: object = {};
  private readonly topic: string;
  private readonly connection: () => PresenceConnection;
  private readonly holders: ('events' | 'interval')[] = [];
  private mode: 'events' | 'interval' | undefined;
  private shown: PresenceSubscription | undefined;
  /** Of the mode that is wanted: shown once it has something to show. */
  private newest: PresenceSubscription | undefined;

  constructor(topic: string, connection: () => PresenceConnection) {
    super();
    this.topic = topic;
    this.connection = connection;
  }

  get view(): ViewersView {
    const { shown } = this;
    if (!shown) return NOTHING;
    const { sessions, count, status } = shown;
    const statusOf = (userId: string): UserPresence => shown.statusOf(userId);
    const { isReady, degraded, error } = status;
    return { sessions, count, isReady, degraded, error, statusOf };
  }

  hold(mode: 'events' | 'interval'): Release {
    this.holders.push(mode);
    this.follow();
    return () => {
      this.holders.splice(this.holders.indexOf(mode), 1);
      atEndOfTurn(() => this.follow());
    };
  }

  /** One subscription for all: whoever wants changes gets them, and with them the others their counts. */
  private follow(): void {
    const wanted = this.holders.includes('events') ? 'events' : this.holders[0];
    if (wanted === this.mode || (wanted === 'interval' && this.mode === 'events')) return;
    this.mode = wanted;
    if (wanted === undefined) {
      const { newest } = this;
      this.newest = undefined;
      newest?.close();
      this.show(undefined);
      return;
    }
    const seen = this.topic.startsWith('user');
    const subscription = new PresenceSubscription({ topic: this.topic, mode: wanted, seen, on: this.connection() });
    this.newest = subscription;
    subscription.onStateChange(() => {
      const { isReady, state } = subscription.status;
      if (subscription === this.newest && (isReady || state === 'closed')) this.show(subscription);
      if (subscription !== this.shown) return;
      this.version = {};
      this.notify();
    });
    void subscription.connect();
    if (!this.shown?.status.isReady) this.show(subscription);
  }

  private show(subscription: PresenceSubscription | undefined): void {
    const former = this.shown;
    if (former === subscription) return;
    this.shown = subscription;
    this.version = {};
    former?.close();
  }
}
