/**
 * One socket for all tabs of an origin: `WebSocket: sharedWebSocket({ url, token, name })` in the options of subscriptions.
 *
 * The tab that holds a Web Lock keeps the one connection, and answers the others over a BroadcastChannel as the server
 * would. When it goes away, another tab gets the lock, and all connect again by their own means. A player's hello, and a
 * browser without either of the two, get a socket of their own.
 */
import type { ServerMessage } from '../protocol/messages.ts';
import { PresenceConnection } from './presence-connection.ts';
import { PresenceSubscription } from './presence-subscription.ts';
import { root } from './root.ts';
import { sessionIdOf } from './session-id.ts';
import type { SocketOptions } from './socket-options.ts';
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

/** Between tabs: `to` is who is meant, absent: all. */
type Note =
  | { readonly from: string; readonly frame: Frame }
  | { readonly to: string; readonly frame: Frame }
  /** A tab has got the lock: whoever was served by another one connects again. */
  | { readonly leader: string };

const OPEN = 1;
const CLOSED = 3;
const CUT = 1006;
const GOING_AWAY = 1001;
/** The relay answers at once, when it is awake. */
const ANSWER_MS = 2_000;
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
  const tab = sessionIdOf();
  const hub = new TabHub(tab, channel, locks, options);
  return class extends TabSocket {
    constructor(url: string, protocols?: string) {
      super(hub, Native, url, protocols);
    }
  };
}

/** This tab's end of the channel: its sockets, and the relay while it holds the lock. */
class TabHub {
  readonly sockets = new Map<string, TabSocket>();
  readonly tab: string;
  private readonly channel: Channel;
  private readonly locks: Locks;
  private readonly options: SharedWebSocketOptions;
  private relay: Relay | undefined;
  private leader: string | undefined;
  private hasAsked = false;

  constructor(tab: string, channel: Channel, locks: Locks, options: SharedWebSocketOptions) {
    this.tab = tab;
    this.channel = channel;
    this.locks = locks;
    this.options = options;
    channel.onmessage = ({ data }) => this.noted(data as Note);
  }

  /** From a socket of this tab to the relay, wherever it is. */
  send(from: string, frame: Frame): void {
    if (!this.hasAsked) this.askToLead();
    if (this.relay) queueMicrotask(() => this.relay?.received(from, frame));
    else this.channel.postMessage({ from, frame });
  }

  private askToLead(): void {
    this.hasAsked = true;
    void this.locks.request(`presence:${this.options.name}`, () => {
      this.relay = new Relay(this.options, (to, frame) => this.deliver(to, frame));
      this.led(this.tab);
      this.channel.postMessage({ leader: this.tab });
      // Held until the tab goes away.
      return new Promise(() => {});
    });
  }

  private noted(note: Note): void {
    if ('leader' in note) this.led(note.leader);
    else if ('from' in note) this.relay?.received(note.from, note.frame);
    else this.sockets.get(note.to)?.receive(note.frame);
  }

  private led(leader: string): void {
    const isOther = this.leader !== leader;
    this.leader = leader;
    if (isOther) for (const socket of [...this.sockets.values()]) socket.cut();
  }

  private deliver(to: string, frame: Frame): void {
    const own = this.sockets.get(to);
    if (own) own.receive(frame);
    else this.channel.postMessage({ to, frame });
  }
}

/** Looks like a WebSocket: an observer's frames go to the relay, a player's to a socket of its own. */
class TabSocket {
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: { message?: string }) => void) | null = null;
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
    queueMicrotask(() => {
      if (this.readyState === CLOSED) return;
      this.readyState = OPEN;
      this.onopen?.();
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
    this.native?.close(code);
    if (this.hub.sockets.delete(this.id)) this.hub.send(this.id, { type: 'bye' });
  }

  /** From the relay. */
  receive(frame: Frame): void {
    clearTimeout(this.timer);
    if (frame.type === 'closed') this.end(frame.code as number, String(frame.reason));
    else this.onmessage?.({ data: JSON.stringify(frame) });
  }

  /** Its relay is gone. */
  cut(): void {
    this.end(GOING_AWAY, 'moved');
  }

  private end(code: number, reason: string): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    clearTimeout(this.timer);
    this.hub.sockets.delete(this.id);
    this.onclose?.({ code, reason });
  }

  /** A player: what it was told so far was only that it may speak. */
  private open(hello: string): void {
    this.hub.sockets.delete(this.id);
    const native = this.openNative();
    this.native = native;
    native.onopen = () => native.send(hello);
    native.onmessage = (event: { data: unknown }) => this.onmessage?.(event);
    native.onerror = (event: { message?: string }) => this.onerror?.(event);
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

  private topicOf({ topic, mode, seen }: Frame): RelayedTopic {
    const name = String(topic);
    // Whoever wants changes gets them, and with them the others their counts.
    const wanted = mode === 'interval' ? 'interval' : 'events';
    const known = this.topics.get(name);
    if (known && (known.mode === wanted || known.mode === 'events')) return known;
    const made = new RelayedTopic(name, wanted, seen === true || !!known?.seen, this.connection, this.deliver);
    this.topics.set(name, made);
    void made.connect();
    for (const [from] of known?.wanted ?? []) made.add(from, undefined);
    known?.close();
    made.on('closed', () => this.topics.get(name) === made && this.topics.delete(name));
    return made;
  }
}

/** A subscription that hands on what it is told. */
class RelayedTopic extends PresenceSubscription {
  readonly mode: 'events' | 'interval';
  readonly seen: boolean;
  /** Sockets of tabs, with the id of their request. */
  readonly wanted = new Map<string, unknown>();
  /** Those of them that were told all of it, and get what follows. */
  private readonly served = new Set<string>();
  private readonly deliver: (to: string, frame: Frame) => void;

  constructor(
    topic: string,
    mode: 'events' | 'interval',
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
    const { topic, stats } = this;
    this.deliver(from, { type: 'subscribed', id: this.wanted.get(from), topic, resumed: false });
    if (this.complete || !stats) this.deliver(from, this.whole());
    else this.deliver(from, { type: 'snapshot', topic, page: 0, last: true, stats, cursor: '-' });
    const users = this.lastSeenOfAll();
    if (users.length > 0) this.deliver(from, { type: 'seen', topic, users });
  }

  private whole(): Frame {
    const sessions = [...this.sessions.values()];
    return { type: 'snapshot', topic: this.topic, page: 0, last: true, sessions, cursor: '-' };
  }
}
