/** What players and subscriptions have in common: how they connect, give up, and say what they are at. */
import type { ServerMessage, Welcome } from '../protocol/messages.ts';
import { NORMAL } from './close-code.ts';
import { type Deferred, deferred } from './deferred.ts';
import type { Disconnection } from './disconnection.ts';
import { Emitter } from './emitter.ts';
import type { ConnectionUser, PresenceConnection } from './presence-connection.ts';
import { closedByCaller, PresenceError } from './presence-error.ts';
import { timeBound } from './time-bound.ts';

/** `live`: welcomed. `closed`: for good, until `connect` is called again. */
export type ConnectionState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'closed';

export interface Status {
  readonly state: ConnectionState;
  /** Why it is closed; while it reconnects, what went wrong last. */
  readonly error: PresenceError | undefined;
}

/** Of one occurrence they come in this order, and `state` last; all that can be read is up to date before the first. */
export interface ConnectedEvents<S extends Status> {
  disconnected: Disconnection;
  reconnecting: { readonly attempt: number; readonly delayMs: number };
  /** Closed for good, by the caller too. */
  closed: PresenceError;
  error: PresenceError;
  /** Anything that `status` shows has changed. */
  state: S;
}

export abstract class Connected<Ready, S extends Status, Events extends ConnectedEvents<S>>
  extends Emitter<Events>
  implements ConnectionUser
{
  state: ConnectionState = 'idle';
  /** May be shared: `new PresenceSubscription({ on: player.connection, topic })`. */
  readonly connection: PresenceConnection;
  protected error: PresenceError | undefined;
  /** What `connect` resolves with, while it is as asked for. */
  private readyWith: Ready | undefined;
  private opening: Deferred<Ready> | undefined;
  private endOpeningBound: () => void = () => {};
  private shown: S | undefined;

  constructor(connection: PresenceConnection) {
    super();
    this.connection = connection;
  }

  /** What there is to show, as one value: another object after each change. */
  get status(): S {
    this.shown = this.shown || this.describe();
    return this.shown;
  }

  /** See `PresenceConnection.wake`. */
  wake(): void {
    this.connection.wake();
  }

  /** Drops the connection; others that share it keep theirs. */
  close(): void {
    this.end(closedByCaller());
  }

  /** @internal */
  abstract welcomed(welcome: Welcome): void;
  /** @internal */
  abstract received(message: ServerMessage): void;
  protected abstract describe(): S;
  /** It is cut off, or over: says what else is to be said of that, before all other events. */
  protected abstract cleanUp(error?: PresenceError): void;

  /** @internal */
  lost(disconnection: Disconnection, error?: PresenceError): void {
    if (error) {
      this.finish(error, disconnection);
      return;
    }
    this.readyWith = undefined;
    this.error = this.connection.lastError;
    if (this.state === 'live') this.state = 'reconnecting';
    this.cleanUp();
    const { attempt = 1, delayMs = 0 } = disconnection;
    this.emit('disconnected', disconnection as never);
    if (this.state !== 'closed') this.emit('reconnecting', { attempt, delayMs } as never);
    this.changed();
  }

  /** @internal */
  failed(error: PresenceError): void {
    this.emit('error', error as never);
  }

  protected open(): Promise<Ready> {
    if (this.readyWith) return Promise.resolve(this.readyWith);
    const { isOff } = this;
    this.opening = this.opening || deferred();
    const { promise } = this.opening;
    if (isOff) {
      this.state = 'connecting';
      this.error = undefined;
      this.boundOpening();
      this.connection.join(this);
      this.changed();
    } else if (this.state !== 'live') {
      this.connection.open();
    }
    return promise;
  }

  /** It wants no connection. */
  protected get isOff(): boolean {
    return this.state === 'idle' || this.state === 'closed';
  }

  /** As asked for: it may be shown. */
  protected settled(ready: Ready): void {
    this.endOpeningBound();
    this.readyWith = ready;
    this.error = undefined;
    if (this.opening) this.opening.resolve(ready);
    this.opening = undefined;
  }

  /** Ends for good. */
  protected end(error: PresenceError): void {
    if (this.state === 'closed') return;
    this.connection.part(this);
    this.finish(error, { code: NORMAL, reason: '', willReconnect: false });
  }

  protected changed(): void {
    this.emit('state', this.status as never);
  }

  protected override emit<Name extends keyof Events>(name: Name, event: Events[Name]): void {
    this.shown = undefined;
    super.emit(name, event);
  }

  private boundOpening(): void {
    const { timers } = this.connection;
    if (!Number.isFinite(timers.connectTimeoutMs)) return;
    this.endOpeningBound = timeBound(timers.connectTimeoutMs, () => {
      const { lastError: cause } = this.connection;
      this.end(new PresenceError('timeout', cause ? cause.message : 'not in time', { cause }));
    });
  }

  private finish(error: PresenceError, disconnection: Disconnection): void {
    const { opening } = this;
    this.endOpeningBound();
    this.opening = undefined;
    this.readyWith = undefined;
    this.state = 'closed';
    this.error = error;
    if (opening) opening.reject(error);
    this.cleanUp(error);
    // A listener may connect again: then it is no longer over.
    const isOver = (): boolean => this.error === error;
    if (isOver()) this.emit('disconnected', disconnection as never);
    if (isOver()) this.emit('closed', error as never);
    if (isOver()) this.changed();
  }
}
