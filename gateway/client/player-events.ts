/** Options, state and events of a player's client. */
import type { ProblemBody, ServerMessage, SessionFields, Welcome } from '../protocol/messages.ts';
import type { PresenceError } from './presence-error.ts';
import type { Disconnection } from './reconnecting-socket.ts';
import type { SocketOptions } from './socket-options.ts';

export interface PresenceClientOptions extends SocketOptions, SessionFields {
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

/** The session this client holds, or last held and comes back to. */
export interface PresenceSession {
  readonly userId: string;
  readonly sessionId: string;
  readonly resumeToken?: string;
  /** The last connection took up the session of the one before it. */
  readonly resumed: boolean;
  /** Let in unchecked, as the server's store was away. */
  readonly degraded: boolean;
}

/** The problem of code `concurrency_limit`. */
export interface ConcurrencyProblem extends ProblemBody {
  max: number;
  current: number;
  /** Who holds the slots, oldest first. */
  conflicts: { sessionId: string; streamId?: string; deviceType?: string; startedAt: number }[];
  /** When the first of them could free, if nobody renews it. */
  nextFreeAt: number;
}

export type Eviction = Extract<ServerMessage, { type: 'evicted' }>;

export interface PresenceClientEvents {
  /** Connected, at first and after every reconnect. */
  welcome: Welcome;
  /** The same, but let in unchecked: `denied` may follow. */
  degraded: Welcome;
  /** The session was ended for another one, or by an operator. */
  evicted: Eviction;
  /** All slots are taken: `connect({ replace })` takes one of `conflicts`. */
  denied: ConcurrencyProblem;
  disconnected: Disconnection;
  reconnecting: { readonly attempt: number; readonly delayMs: number };
  /** The node goes away; the client reconnects when it closes. */
  drain: { readonly reconnectInMs: number };
  /** Closed for good, by the caller too. */
  closed: PresenceError;
  error: PresenceError;
}
