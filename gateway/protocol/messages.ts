/** The frames of the WebSocket protocol: text, one JSON object each. Instants `…At` are epoch ms, durations `…Ms`. */

export const SUBPROTOCOL = 'presence.v1.json';
export const WS_PATH = '/ws';
export const MAX_MESSAGE_BYTES = 16_384;

/** Comes back as it was sent: a string of at most 64 characters, or a safe integer. */
export type MessageId = string | number;

/** What a player tells of itself. An absent field is unknown in `hello`, unchanged in `update` and in a resume. */
export interface SessionFields {
  streamId?: string;
  deviceType?: string;
  country?: string;
  state?: string;
  meta?: Record<string, string>;
}

export interface Hello extends SessionFields {
  type: 'hello';
  id?: MessageId;
  /** JWT, with authentication on. */
  token?: string;
  userId?: string;
  /** Made by the server when absent. */
  sessionId?: string;
  deviceId?: string;
  /** Sessions of the same user to end in the same step. */
  replace?: string[];
  /** From an earlier `welcome`: suffices to resume on any node. */
  resume?: string;
  /** With no `streamId`: opens no session. */
  observe?: boolean;
}

export interface Update extends SessionFields {
  type: 'update';
  id?: MessageId;
}

export interface Leave {
  type: 'leave';
  id?: MessageId;
}

export interface Heartbeat {
  type: 'heartbeat';
  id?: MessageId;
}

/** Analytics: the player's user did this now. Answered `ok` only with an id. */
export interface PlayerEvent {
  type: 'event';
  id?: MessageId;
  event: 'click' | 'impression';
}

/** A new token before the old one ends. */
export interface Refresh {
  type: 'refresh';
  id?: MessageId;
  token: string;
}

/** Answered `pong` without the store, also before the welcome. */
export interface Ping {
  type: 'ping';
  id?: MessageId;
}

export interface Subscribe {
  type: 'subscribe';
  id?: MessageId;
  /** `user:<id>`, `users:<id>,<id>…` (at most 200), `stream:<id>`, `all` or `stats`. */
  topic: string;
  /** With `topic` `user`, `users` or `stream`: its ids, instead of in its text. */
  ids?: string[];
  /** `events` when absent. */
  mode?: 'events' | 'interval' | 'auto';
  /** Of an earlier message of this topic, from any node. */
  cursor?: string;
  /** Of a topic of users: when those who are offline were last seen. */
  seen?: boolean;
}

export interface Unsubscribe {
  type: 'unsubscribe';
  id?: MessageId;
  topic: string;
}

export type ClientMessage = Hello | Update | Refresh | PlayerEvent | Leave | Heartbeat | Ping | Subscribe | Unsubscribe;

/** A live session as dashboards see it. A user marked online without a session has the session id `*`. */
export interface SessionView {
  userId: string;
  sessionId: string;
  streamId?: string | undefined;
  deviceId?: string | undefined;
  deviceType?: string | undefined;
  country?: string | undefined;
  state?: string | undefined;
  meta?: Readonly<Record<string, string>> | undefined;
  via: string;
  startedAt: number;
}

export interface ChangeView {
  kind: 'open' | 'update' | 'close';
  userId: string;
  sessionId: string;
  streamId?: string | undefined;
  deviceId?: string | undefined;
  deviceType?: string | undefined;
  country?: string | undefined;
  state?: string | undefined;
  meta?: Readonly<Record<string, string>> | undefined;
  /** Of an open and an update. */
  via?: string | undefined;
  startedAt?: number | undefined;
  /** Of a close. */
  reason?: string | undefined;
  /** The user came online, or went offline, by this change. */
  online?: true | undefined;
  offline?: true | undefined;
  /** A switch of stream; seen by the topics of both. */
  previous?: { streamId: string } | undefined;
  at: number;
}

export interface TopItem {
  key: string;
  users: number;
  sessions: number;
}

/** Of topic `stats`; of a topic that is summarised only the totals. */
export interface StatsView {
  users: number;
  sessions: number;
  streams?: TopItem[];
  deviceTypes?: TopItem[];
  countries?: TopItem[];
}

/**
 * What a subscription is told. Page 0 of a snapshot replaces all that was known of the topic. `degraded`: sessions may be
 * missing, as the store lost data a moment ago (W24).
 */
export type TopicMessage =
  | { type: 'subscribed'; id?: MessageId; topic: string; resumed: boolean }
  | {
      type: 'snapshot';
      topic: string;
      page: number;
      last: boolean;
      degraded?: true;
      sessions: SessionView[];
      cursor: string;
    }
  | { type: 'snapshot'; topic: string; page: 0; last: true; degraded?: true; stats: StatsView; cursor: string }
  /** With `seen`: of those who are offline; null: never, or too long ago. */
  | { type: 'seen'; topic: string; users: { userId: string; lastSeenAt: number | null }[] }
  | { type: 'changes'; topic: string; changes: ChangeView[]; cursor: string }
  | {
      type: 'interval';
      topic: string;
      sessions: number;
      users: number;
      opened: number;
      closed: number;
      cursor: string;
      degraded?: true;
    };

export interface Welcome {
  type: 'welcome';
  id?: MessageId;
  userId?: string;
  sessionId?: string;
  resumeToken?: string;
  resumed: boolean;
  current?: number;
  max?: number;
  expiresAt?: number;
  pingIntervalMs: number;
  resumeGraceMs: number;
  /** A player that sends nothing for so long is closed; absent: none is. */
  silenceTimeoutMs?: number;
  /** Let in while the store does not answer: checked when it is back. */
  degraded?: true;
}

/** RFC 9457, as in HTTP. `code` is stable. */
export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  [member: string]: unknown;
}

export type ServerMessage =
  | Welcome
  /** With a resume token after `refresh`: the former ends with the former token. */
  | { type: 'ok'; id?: MessageId; resumeToken?: string }
  | { type: 'pong'; id?: MessageId }
  | { type: 'token_expiring'; expiresAt: number }
  | { type: 'heartbeat'; id?: MessageId; current?: number; max?: number; expiresAt?: number; degraded?: true }
  | {
      type: 'evicted';
      reason: 'evicted' | 'replaced' | 'kicked';
      /** Who has the slot now. After a takeover of the session itself it is the same session id. */
      by?: { sessionId: string; deviceType?: string };
    }
  | TopicMessage
  | { type: 'drain'; reconnectInMs: number }
  | { type: 'error'; id?: MessageId; problem: ProblemBody };
