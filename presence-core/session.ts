/** What a session is, and the words for how it came and went. Shared by every store and every reader of the log. */

/** How a session is held. `presence` marks a user online without taking a slot; its session id is `PRESENCE_ONLY`. */
export type Via = 'socket' | 'heartbeat' | 'guard' | 'presence';

/** Why a session ended. The last three leave a tombstone, `left` a short one (rules P5, P8). */
export type CloseReason = 'left' | 'timeout' | 'node_lost' | 'evicted' | 'replaced' | 'kicked';

/** Session id of a presence-only mark. Alone it is no id (P13), so no client can name it. */
export const PRESENCE_ONLY = '*';

/** What a client tells of itself. An absent field means: unknown on open, unchanged on update. */
export interface Attributes {
  readonly streamId?: string;
  readonly deviceId?: string;
  readonly deviceType?: string;
  readonly country?: string;
  readonly state?: string;
  readonly meta?: Readonly<Record<string, string>>;
}

/** A live session as stored. Instants are epoch milliseconds of the store's clock (P2). */
export interface Session extends Attributes {
  readonly userId: string;
  readonly sessionId: string;
  readonly via: Via;
  readonly startedAt: number;
  readonly expiresAt: number;
  /** Its socket was lost: it waits for its player (P8). */
  readonly detached?: true | undefined;
}

/** A socket that holds a session: the gateway's generation, and the number of the connection (see `ConnectionNumbers`). */
export interface SocketOwner {
  readonly nodeId: string;
  /** Of two connections, of whichever nodes, the one whose hello came later has the greater number (P7). */
  readonly connection: number;
}

/**
 * Who holds a session's lease (P7, P9). A socket's owner is fenced when its node's lease has lapsed;
 * `heartbeat`, `guard` and `presence` are held by whoever beats; `none` is a detached socket session (P8).
 */
export type Owner = SocketOwner | 'heartbeat' | 'guard' | 'presence' | 'none';

/** A session that a verb ended or took over, told to the caller so that it can tell the socket that held it. */
export interface Displaced {
  readonly session: Session;
  readonly owner: Owner;
  /** `moved`: the session lives on under another owner. */
  readonly reason: CloseReason | 'moved';
}

/** One entry of the change log (P11). */
export interface Change {
  readonly kind: 'open' | 'update' | 'close';
  /** Instant of the change; of a session that expired, its expiresAt; of a lost node's, the end of the node's lease. */
  readonly at: number;
  readonly userId: string;
  readonly sessionId: string;
  readonly via: Via;
  readonly streamId?: string;
  readonly deviceType?: string;
  readonly country?: string;
  readonly state?: string;
  /** On `open` and `update`. */
  readonly deviceId?: string;
  readonly meta?: Readonly<Record<string, string>>;
  readonly startedAt: number;
  /** Counts the streams of this session from 0; with user, session and startedAt it names one row of history. */
  readonly segment: number;
  readonly segmentStartedAt: number;
  /** The user came online or went offline by this change. */
  readonly transition?: 'online' | 'offline';
  /** On `close`. */
  readonly reason?: CloseReason;
  /** On `update`: what the session was before. When `segment` differs, a row of history ends, at `segmentStartedAt`. */
  readonly previous?: {
    readonly streamId?: string;
    readonly deviceType?: string;
    readonly country?: string;
    readonly state?: string;
    readonly segment: number;
    readonly segmentStartedAt: number;
  };
  /** Position in its shard's log: counts from 1 without a hole within one epoch. */
  readonly sequence: number;
  readonly shard: number;
}
