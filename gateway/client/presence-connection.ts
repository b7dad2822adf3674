/**
 * One socket for a player and any number of subscriptions. It is open while one of them wants it, says the player's hello
 * when there is a player, else that of an observer, and hands each its frames.
 */
import type { ProblemBody, ServerMessage, Welcome } from '../protocol/messages.ts';
import { NORMAL } from './close-code.ts';
import type { Disconnection } from './disconnection.ts';
import { listenToPage } from './page-events.ts';
import { closedByCaller, type PresenceError } from './presence-error.ts';
import { ReconnectingSocket } from './reconnecting-socket.ts';
import type { SocketOptions } from './socket-options.ts';

const ANEW: Disconnection = { code: NORMAL, reason: 'anew', willReconnect: true };

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
  lost(disconnection: Disconnection, error?: PresenceError): void;
  /** @internal */
  failed(error: PresenceError): void;
}

export class PresenceConnection extends ReconnectingSocket {
  private readonly members = new Set<ConnectionUser>();
  /** Whose hello the socket said last; undefined: an observer's. */
  private greeter: ConnectionUser | undefined;
  private unlisten: (() => void) | undefined;

  /** Of the socket; `idle` while nobody wants it. */
  get state(): 'idle' | 'connecting' | 'live' | 'reconnecting' {
    const { socketState } = this;
    if (socketState === 'idle' || socketState === 'live') return socketState;
    return this.lastWelcome ? 'reconnecting' : 'connecting';
  }

  /** @internal Takes part in the connection, which is opened for it if need be. */
  join(user: ConnectionUser): void {
    if (user.hello && this.player) throw new TypeError('one player each');
    this.members.add(user);
    this.unlisten =
      this.unlisten ||
      listenToPage(
        () => this.wake(),
        () => this.suspend(),
      );
    // A hello cannot be said twice: the socket of an observer gives way to the player's.
    if (user.hello && this.hasSpoken) this.greetAnew(user);
    else if (this.socketState === 'live') user.welcomed(this.lastWelcome as Welcome);
    else this.open();
    this.changed();
  }

  /** @internal Wants nothing more. Its session, if any, is left to the resume grace. */
  part(user: ConnectionUser): void {
    if (!this.members.delete(user)) return;
    const { topic } = user;
    if (topic && this.socketState === 'live' && ![...this.members].some((other) => other.topic === topic)) {
      this.send({ type: 'unsubscribe', topic });
    }
    if (this.members.size === 0) this.end();
    else if (user === this.greeter && this.hasSpoken) this.greetAnew(user);
    this.changed();
  }

  private get player(): ConnectionUser | undefined {
    for (const user of this.members) if (user.hello) return user;
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
    this.each((user) => user !== cause && user.lost(ANEW));
  }

  protected received(message: ServerMessage): void {
    const { topic, problem } = message as { topic?: string; problem?: ProblemBody };
    const about = topic || (problem && problem.topic);
    this.each((user) => {
      // What is of no topic is of the player; without one, of all.
      const isTheirs = about ? user.topic === about : !this.greeter || user === this.greeter;
      if (isTheirs) user.received(message);
    });
  }

  protected lost(disconnection: Disconnection, error?: PresenceError): void {
    const all = [...this.members];
    const { greeter } = this;
    this.greeter = undefined;
    // It is over for whom the hello was said; the others go on without.
    const isOver = (user: ConnectionUser): boolean => !!error && (!greeter || user === greeter);
    for (const user of all) if (isOver(user)) this.members.delete(user);
    if (this.members.size === 0) this.end();
    else if (error) this.open();
    for (const user of all) {
      if (isOver(user)) user.lost(disconnection, error);
      else if (this.members.has(user)) user.lost({ ...disconnection, willReconnect: true });
    }
    this.changed();
  }

  private end(): void {
    this.greeter = undefined;
    if (this.unlisten) this.unlisten();
    this.unlisten = undefined;
    this.stop(closedByCaller());
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
    for (const user of [...this.members]) if (this.members.has(user)) act(user);
  }
}

/** Options of a player or a subscription: a connection of its own, or one that it shares. */
export type ConnectionOptions = SocketOptions | { readonly on: PresenceConnection };

export function connectionOf(
  options: Partial<SocketOptions> & { readonly on?: PresenceConnection },
): PresenceConnection {
  return options.on || new PresenceConnection(options as SocketOptions);
}
