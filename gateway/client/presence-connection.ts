/**
 * One socket for a player and any number of subscriptions. It is open while one of them wants it, says the player's hello
 * when there is a player, else that of an observer, and hands each its frames.
 */
import type { ServerMessage, Welcome } from '../protocol/messages.ts';
import type { Disconnection } from './disconnection.ts';
import { listenToPage } from './page-events.ts';
import { PresenceError } from './presence-error.ts';
import { ReconnectingSocket } from './reconnecting-socket.ts';
import type { SocketOptions } from './socket-options.ts';

const ANEW: Disconnection = { code: 1000, reason: 'anew', willReconnect: true };

/** A player or a subscription, as its connection sees it. */
export interface ConnectionUser {
  /** @internal Of a player: its first frames. A subscription has none, and takes any welcome. */
  hello?(token: string | undefined): readonly object[];
  /** @internal Of a subscription. */
  readonly topic?: string;
  /** @internal */
  welcomed(welcome: Welcome): void;
  /** @internal */
  received(message: ServerMessage): void;
  /** @internal With an error it is over for this one. */
  lost(disconnection: Disconnection, error: PresenceError | undefined): void;
  /** @internal */
  failed(error: PresenceError): void;
}

export class PresenceConnection extends ReconnectingSocket {
  private readonly users = new Set<ConnectionUser>();
  /** Whose hello the socket said last; undefined: an observer's. */
  private greeter: ConnectionUser | undefined;
  private unlisten: (() => void) | undefined;

  /** Of the socket; `idle` while nobody wants it. */
  get state(): 'idle' | 'connecting' | 'live' | 'reconnecting' {
    const { socketState } = this;
    if (socketState === 'idle' || socketState === 'live') return socketState;
    return this.welcome ? 'reconnecting' : 'connecting';
  }

  /** @internal Takes part in the connection, which is opened for it if need be. */
  join(user: ConnectionUser): void {
    // A hello cannot be said twice: the socket of an observer gives way to the player's.
    const isOther = user.hello !== undefined && user !== this.greeter && this.hasSpoken;
    if (isOther && this.player) throw new TypeError('one player each');
    this.users.add(user);
    this.unlisten =
      this.unlisten ||
      listenToPage(
        () => this.wake(),
        () => this.suspend(),
      );
    if (isOther) this.greetAnew(user);
    else if (this.socketState === 'live') user.welcomed(this.welcome as Welcome);
    else this.open();
    this.changed();
  }

  /** @internal Wants nothing more. Its session, if any, is left to the resume grace. */
  part(user: ConnectionUser): void {
    if (!this.users.delete(user)) return;
    const { topic } = user;
    if (topic && this.socketState === 'live' && ![...this.users].some((other) => other.topic === topic)) {
      this.send({ type: 'unsubscribe', topic });
    }
    if (this.users.size === 0) this.end();
    else if (user === this.greeter && this.hasSpoken) this.greetAnew(user);
    this.changed();
  }

  private get player(): ConnectionUser | undefined {
    for (const user of this.users) if (user.hello) return user;
    return undefined;
  }

  protected hello(token: string | undefined): readonly object[] {
    this.greeter = this.player;
    const { greeter } = this;
    return greeter && greeter.hello ? greeter.hello(token) : [{ type: 'hello', observe: true, token }];
  }

  /** Says another hello: `cause` is who came or went. */
  private greetAnew(cause: ConnectionUser): void {
    this.greeter = undefined;
    this.reopen();
    this.each((user) => user !== cause && user.lost(ANEW, undefined));
  }

  protected received(message: ServerMessage): void {
    const topic = 'topic' in message ? message.topic : 'problem' in message ? message.problem.topic : undefined;
    this.each((user) => {
      // What is of no topic is of the player; without one, of all.
      const isTheirs = topic === undefined ? !this.greeter || user === this.greeter : user.topic === topic;
      if (isTheirs) user.received(message);
    });
  }

  protected lost(disconnection: Disconnection, error: PresenceError | undefined): void {
    const all = [...this.users];
    const { greeter } = this;
    this.greeter = undefined;
    // It is over for whom the hello was said; the others go on without.
    const isOver = (user: ConnectionUser): boolean => error !== undefined && (!greeter || user === greeter);
    for (const user of all) if (isOver(user)) this.users.delete(user);
    if (this.users.size === 0) this.end();
    else if (error) this.open();
    for (const user of all) {
      if (isOver(user)) user.lost(disconnection, error);
      else if (this.users.has(user)) user.lost({ ...disconnection, willReconnect: true }, undefined);
    }
    this.changed();
  }

  private end(): void {
    this.greeter = undefined;
    if (this.unlisten) this.unlisten();
    this.unlisten = undefined;
    this.stop(new PresenceError('closed', 'closed by the caller'));
  }

  protected welcomed(welcome: Welcome): void {
    this.each((user) => user.welcomed(welcome));
    this.changed();
  }

  protected failed(error: PresenceError): void {
    this.each((user) => user.failed(error));
  }

  private changed(): void {
    this.emit('state', undefined);
  }

  private each(act: (user: ConnectionUser) => unknown): void {
    for (const user of [...this.users]) if (this.users.has(user)) act(user);
  }
}

/** Options of a player or a subscription: a connection of its own, or one that it shares. */
export type ConnectionOptions = SocketOptions | { readonly on: PresenceConnection };

export function connectionOf(
  options: Partial<SocketOptions> & { readonly on?: PresenceConnection },
): PresenceConnection {
  return options.on || new PresenceConnection(options as SocketOptions);
}
