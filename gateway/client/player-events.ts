/** Options, state and events of a player's client. */
import type { ProblemBody, ServerMessage, SessionFields, Welcome } from '../protocol/messages.ts';
import type { ConnectedEvents, Status } from './connected.ts';
import type { PresenceConnection } from './presence-connection.ts';
import type { SocketOptions } from './socket-options.ts';

export interface PlayerFields extends SessionFields {
  /** May be left out when the token or the resume token names the user. */
  readonly userId?: string;
  /** Made when absent. The same one again is the same slot. */
  readonly sessionId?: string;
  readonly deviceId?: string;
  /** Sessions of the same user to end so that this one fits. */
  readonly replace?: readonly string[];
  /** `session.resumeToken` of an earlier client, as before a reload of the page: takes its session over. */
  readonly resume?: string;
}

/** With a connection of its own, or one that it shares with subscriptions. */
export type PresenceClientOptions = PlayerFields &
  ((SocketOptions & { readonly on?: undefined }) | { readonly on: PresenceConnection });

/** The session this client holds, or last held and comes back to. */
export interface PresenceSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly resumeToken: string | undefined;
  /** The last connection took up the session of the one before it. */
  readonly resumed: boolean;
  /** Let in unchecked, as the server's store was away. */
  readonly degraded: boolean;
}

/** A session that holds a slot. */
export interface Conflict {
  readonly sessionId: string;
  readonly streamId?: string;
  readonly deviceId?: string;
  readonly deviceType?: string;
  /** What its player said of itself, as the name of the device. */
  readonly meta?: Readonly<Record<string, string>>;
  readonly startedAt: number;
  /** Its player lost the connection, and may come back within the resume grace. */
  readonly detached?: true;
}

/** The problem of code `concurrency_limit`. */
export interface ConcurrencyProblem extends ProblemBody {
  max: number;
  current: number;
  /** Who holds the slots, oldest first. */
  conflicts: Conflict[];
  /** When the first of them could free, if nobody renews it. */
  nextFreeAt: number;
}

type Evicted = Extract<ServerMessage, { type: 'evicted' }>;

export interface Eviction extends Evicted {
  /**
   * `same-session`: another tab, or the same page opened again, plays under this session. `other-device`: another session
   * of the user took the slot. `operator`: ended by an administrator.
   */
  readonly who: 'same-session' | 'other-device' | 'operator';
}

export function evictionOf(message: Evicted, sessionId: string | undefined): Eviction {
  const { reason, by } = message;
  const isSame = by && by.sessionId === sessionId;
  return { ...message, who: reason === 'kicked' ? 'operator' : isSame ? 'same-session' : 'other-device' };
}

export interface PlayerStatus extends Status {
  readonly session: PresenceSession | undefined;
  readonly current: number | undefined;
  readonly max: number | undefined;
  /** All slots were taken, at the last `connect`. */
  readonly denied: ConcurrencyProblem | undefined;
  /** The session was ended, since the last `connect`. */
  readonly evicted: Eviction | undefined;
}

export interface PresenceClientEvents extends ConnectedEvents<PlayerStatus> {
  /** Connected, at first and after every reconnect. */
  welcome: Welcome;
  /** The same, but let in unchecked: `denied` may follow. */
  degraded: Welcome;
  /** The session was ended for another one, or by an operator. */
  evicted: Eviction;
  /** All slots are taken: `connect({ replace })` takes one of `conflicts`. */
  denied: ConcurrencyProblem;
  /** The node goes away; the client reconnects when it closes. */
  drain: { readonly reconnectInMs: number };
}
