/**
 * One socket for all tabs of an origin: `WebSocket: sharedWebSocket({ url, token, name })` in the options of subscriptions.
 *
 * The tab that holds a Web Lock keeps the one connection, and answers the others over a BroadcastChannel as the server
 * would. When it goes away, another tab gets the lock, and all connect again by their own means. Each tab holds a lock of
 * its own as well: when that is free, the tab is gone, even if it could not say so. A player's hello, and a browser without
 * either of the two, get a socket of their own.
 */
import type { ServerMessage, Subscribe } from '../protocol/messages.ts';
import { CUT, GOING_AWAY } from './close-code.ts';
import { handled } from './deferred.ts';
import { PresenceConnection } from './presence-connection.ts';
import { PresenceSubscription } from './presence-subscription.ts';
import { root } from './root.ts';
import { sessionIdOf } from './session-id.ts';
import type { SocketOptions } from './socket-options.ts';
import type { Count } from './topic-view.ts';
import { type WebSocketConstructor, webSocketOf } from './web-socket.ts';

export interface SharedWebSocketOptions extends SocketOptions {
  /** Tabs with the same name share: one name for one user, as all see what the token of one of them may see. */
  readonly name: string;
}

/** The part of a browser that is needed. */
interface Channel {
  onmessage: ((event: { data: unknown }) => void) | null;
  postMessage(note: Note): void;
}

interface Browser {
  readonly BroadcastChannel?: new (name: string) => Channel;
  readonly navigator?: { readonly locks?: Locks };
}

interface Locks {
  request(name: string, hold: () => Promise<unknown>): Promise<unknown>;
}

type Frame = Record<string, unknown> & { readonly type: string };

type Mode = NonNullable<Subscribe['mode']>;

/** Between tabs: `to` is who is meant, absent: all. */
type Note =
  /** `lock` is held by the tab for as long as it is there. A tab of an earlier build holds none. */
  | { readonly from: string; readonly frame: Frame; readonly lock?: string }
  | { readonly to: string; readonly frame: Frame }
  /** A tab has got the lock: whoever was served by another one connects again. */
  | { readonly leader: string };

const OPEN = 1;
const CLOSED = 3;
/** The relay answers at once, when it is awake. */
const ANSWER_MS = 2_000;
/** Each gives what those before it give, and more. */
const MODES: readonly Mode[] = ['interval', 'auto', 'events'];
const NO_TOPIC: Pick<RelayedTopic, 'mode' | 'seen'> = { mode: 'interval', seen: false };
/** As of the server: by it clients know how often to ask. */
const TIMES = { pingIntervalMs: 25_000, resumeGraceMs: 10_000 };

let sockets = 0;

/** A WebSocket for the option of that name. */
export function sharedWebSocket(options: SharedWebSocketOptions): WebSocketConstructor {
  const Native = webSocketOf(options.WebSocket);
  const { BroadcastChannel, navigator } = root as unknown as Browser;
  const locks = navigator && navigator.locks;
  if (!locks || !BroadcastChannel) return Native;
  const channel = new BroadcastChannel(`presence:${options.name}`);
  const hub = new TabHub(channel, locks, options);
  return class extends TabSocket {
    constructor(url: string, protocols?: string) {
      super(hub, Native, url, protocols);
    }
  };
}

/** This tab's end of the channel: its sockets, and the relay while it holds the lock. */
class TabHub {
  readonly sockets = new Map<string, TabSocket>();
  /** Also the name of the lock that this tab holds. */
  readonly tab: string;
  private readonly channel: Channel;
  private readonly locks: Locks;
  private readonly options: SharedWebSocketOptions;
  private relay: Relay | undefined;
  private leader: string | undefined;
  /** Fulfilled when this tab holds its own lock: whoever hears of it before would take it for gone. */
  private entered: Promise<void> | undefined;
  /** Locks of other tabs that the relay waits for. */
  private readonly awaited = new Set<string>();

  constructor(channel: Channel, locks: Locks, options: SharedWebSocketOptions) {
    this.tab = `presence:${options.name}:${sessionIdOf()}`;
    this.channel = channel;
    this.locks = locks;
    this.options = options;
    channel.onmessage = ({ data }) => this.noted(data as Note);
  }

  /** From a socket of this tab to the relay, wherever it is. Where locks are not to be had, nobody gets it. */
  send(from: string, frame: Frame): void {
    this.entered = this.entered || this.enter();
    void this.entered.then(() => {
      if (this.relay) this.relay.received(from, frame);
      else this.channel.postMessage({ from, frame, lock: this.tab });
    });
  }

  private enter(): Promise<void> {
    const entered = new Promise<void>((resolve) => this.lock(this.tab, resolve));
    this.lock(`presence:${this.options.name}`, () => {
      this.relay = new Relay(this.options, (to, frame) => this.deliver(to, frame));
      this.led(this.tab);
      this.channel.postMessage({ leader: this.tab });
    });
    return entered;
  }

  /** A lock that is held until the tab goes away. */
  private lock(name: string, locked: () => void): void {
    const hold = (): Promise<void> => {
      locked();
      return new Promise(() => {});
    };
    handled(this.locks.request(name, hold));
  }

  /** Of another tab, which is forgotten when its lock is free. */
  private relayed(relay: Relay, from: string, frame: Frame, lock: string | undefined): void {
    relay.received(from, frame);
    if (!lock || this.awaited.has(lock)) return;
    this.awaited.add(lock);
    const forget = async (): Promise<void> => {
      this.awaited.delete(lock);
      relay.forget(lock);
    };
    handled(this.locks.request(lock, forget));
  }

  private noted(note: Note): void {
    if ('leader' in note) this.led(note.leader);
    else if ('to' in note) this.received(note.to, note.frame);
    else if (this.relay) this.relayed(this.relay, note.from, note.frame, note.lock);
  }

  /** @returns false when this tab has no such socket. */
  private received(to: string, frame: Frame): boolean {
    const socket = this.sockets.get(to);
    if (socket) socket.receive(frame);
    return !!socket;
  }

  private led(leader: string): void {
    const isOther = this.leader !== leader;
    this.leader = leader;
    if (isOther) for (const socket of [...this.sockets.values()]) socket.cut();
  }

  private deliver(to: string, frame: Frame): void {
    if (!this.received(to, frame)) this.channel.postMessage({ to, frame });
  }
}

/** Looks like a WebSocket: an observer's frames go to the relay, a player's to a socket of its own. */
class TabSocket {
  readyState = 0;
  /** Who makes it sets them. */
  onopen!: () => void;
  onmessage!: (event: { data: unknown }) => void;
  onclose!: (event: { code: number; reason: string }) => void;
  onerror!: (event: { message?: string }) => void;
  private readonly hub: TabHub;
  private readonly id: string;
  private readonly openNative: () => InstanceType<WebSocketConstructor>;
  private native: InstanceType<WebSocketConstructor> | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(hub: TabHub, Native: WebSocketConstructor, url: string, protocols?: string) {
    this.hub = hub;
    sockets += 1;
    this.id = `${hub.tab}.${sockets}`;
    this.openNative = () => new Native(url, protocols);
    void Promise.resolve().then(() => {
      if (this.readyState === CLOSED) return;
      this.readyState = OPEN;
      this.onopen();
    });
  }

  send(text: string): void {
    const frame = JSON.parse(text) as Frame;
    if (this.native) this.native.send(text);
    else if (frame.type === 'hello' && frame.observe !== true) this.open(text);
    else {
      this.hub.sockets.set(this.id, this);
      this.hub.send(this.id, frame);
      // A tab that does not answer, as it sleeps, is not waited for.
      if (frame.type === 'hello') this.timer = setTimeout(() => this.open(text), ANSWER_MS);
    }
  }

  close(code?: number): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    clearTimeout(this.timer);
    if (this.native) this.native.close(code);
    this.part();
  }

  /** From the relay. */
  receive(frame: Frame): void {
    clearTimeout(this.timer);
    if (frame.type === 'closed') this.end(frame.code as number, String(frame.reason));
    else this.onmessage({ data: JSON.stringify(frame) });
  }

  /** Its relay is gone. */
  cut(): void {
    this.end(GOING_AWAY, 'moved');
  }

  private end(code: number, reason: string): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    clearTimeout(this.timer);
    this.part();
    this.onclose({ code, reason });
  }

  /** The relay has nothing more to send to it. */
  private part(): void {
    if (this.hub.sockets.delete(this.id)) this.hub.send(this.id, { type: 'bye' });
  }

  /** A player, or nobody answers: what it was told so far was only that it may speak. */
  private open(hello: string): void {
    this.hub.sockets.delete(this.id);
    const native = this.openNative();
    this.native = native;
    native.onopen = () => native.send(hello);
    native.onmessage = (event: { data: unknown }) => this.onmessage(event);
    native.onerror = (event: { message?: string }) => this.onerror(event);
    native.onclose = ({ code, reason }: { code: number; reason: string }) => this.end(code, reason);
  }
}

/** Answers the sockets of all tabs out of one connection, as the server would. */
class Relay {
  private readonly connection: PresenceConnection;
  private readonly deliver: (to: string, frame: Frame) => void;
  private readonly topics = new Map<string, RelayedTopic>();

  constructor(options: SharedWebSocketOptions, deliver: (to: string, frame: Frame) => void) {
    this.connection = new PresenceConnection(options);
    this.deliver = deliver;
  }

  received(from: string, frame: Frame): void {
    const { id } = frame;
    switch (frame.type) {
      case 'hello':
        this.deliver(from, { type: 'welcome', resumed: false, ...TIMES });
        return;
      case 'ping':
        this.deliver(from, { type: 'pong', id });
        return;
      case 'subscribe':
        this.topicOf(frame).add(from, id);
        return;
      case 'unsubscribe':
        for (const topic of this.topics.values()) if (topic.topic === frame.topic) topic.remove(from);
        return;
      case 'bye':
        for (const topic of this.topics.values()) topic.remove(from);
    }
  }

  /** All sockets of a tab. */
  forget(tab: string): void {
    for (const topic of this.topics.values()) {
      for (const from of topic.wanted.keys()) if (from.startsWith(`${tab}.`)) topic.remove(from);
    }
  }

  private topicOf({ topic, mode, seen }: Frame): RelayedTopic {
    const name = String(topic);
    const known = this.topics.get(name);
    const rank = Math.max(MODES.indexOf((mode as Mode) || 'events'), MODES.indexOf((known || NO_TOPIC).mode));
    const isSeen = seen === true || (known || NO_TOPIC).seen;
    if (known && known.mode === MODES[rank] && known.seen === isSeen) return known;
    const made = new RelayedTopic(name, MODES[rank] as Mode, isSeen, this.connection, this.deliver);
    this.topics.set(name, made);
    made.on('closed', () => this.topics.get(name) === made && this.topics.delete(name));
    void made.connect();
    if (known) known.handOver(made);
    return made;
  }
}

/** A subscription that hands on what it is told. */
class RelayedTopic extends PresenceSubscription {
  readonly mode: Mode;
  readonly seen: boolean;
  /** Sockets of tabs, with the id of their request. */
  readonly wanted = new Map<string, unknown>();
  /** Those of them that were told all of it, and get what follows. */
  private readonly served = new Set<string>();
  private readonly deliver: (to: string, frame: Frame) => void;

  constructor(
    topic: string,
    mode: Mode,
    seen: boolean,
    on: PresenceConnection,
    deliver: (to: string, frame: Frame) => void,
  ) {
    super({ topic, mode, seen, on });
    this.mode = mode;
    this.seen = seen;
    this.deliver = deliver;
    this.on('ready', () => {
      for (const from of this.wanted.keys()) if (!this.served.has(from)) this.serve(from);
    });
    this.on('closed', ({ problem, closeCode = CUT, message: reason }) => {
      for (const [from, id] of this.wanted) {
        const isRefused = problem !== undefined && !this.served.has(from);
        this.deliver(from, isRefused ? { type: 'error', id, problem } : { type: 'closed', code: closeCode, reason });
      }
      this.wanted.clear();
    });
  }

  add(from: string, id: unknown): void {
    this.wanted.set(from, id);
    this.served.delete(from);
    // Until then it may yet be refused.
    if (this.status.isReady) this.serve(from);
  }

  remove(from: string): void {
    this.served.delete(from);
    if (this.wanted.delete(from) && this.wanted.size === 0) this.close();
  }

  /** To one that asks for more: whom it served gets all of that anew. */
  handOver(other: RelayedTopic): void {
    for (const from of this.wanted.keys()) other.add(from, undefined);
    this.wanted.clear();
    this.close();
  }

  override received(message: ServerMessage): void {
    // Who is served by it has seen it.
    const served = [...this.served];
    super.received(message);
    const { type } = message;
    // Tabs come at any time, also between two pages: they get the whole at once.
    const isPage = type === 'snapshot' && 'sessions' in message;
    if (type === 'subscribed' || (isPage && !message.last)) return;
    const frame = isPage ? this.whole() : (message as unknown as Frame);
    for (const from of served) this.deliver(from, frame);
  }

  private serve(from: string): void {
    this.served.add(from);
    const { topic, stats, count } = this;
    this.deliver(from, { type: 'subscribed', id: this.wanted.get(from), topic, resumed: false });
    if (this.complete || !stats) this.deliver(from, this.whole());
    else
      this.deliver(
        from,
        this.snapshot({ stats: { ...stats, users: this.users, sessions: (count as Count).sessions } }),
      );
    const users = this.lastSeenOfAll();
    if (users.length > 0) this.deliver(from, { type: 'seen', topic, users });
  }

  private whole(): Frame {
    return this.snapshot({ sessions: [...this.sessions.values()] });
  }

  private snapshot(content: object): Frame {
    const { topic, degraded } = this;
    return { type: 'snapshot', topic, page: 0, last: true, degraded, cursor: '-', ...content };
  }
}
