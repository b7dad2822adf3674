/** The frames of the WebSocket protocol: text, one JSON object each. Instants `…At` are epoch ms, durations `…Ms`. */

export const SUBPROTOCOL = 'presence.v1.json';
export const WS_PATH = '/ws';
export const MAX_MESSAGE_BYTES = 16_384;

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
  id?: string;
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
  id?: string;
}

export interface Leave {
  type: 'leave';
  id?: string;
}

export interface Heartbeat {
  type: 'heartbeat';
  id?: string;
}

export type ClientMessage = Hello | Update | Leave | Heartbeat;

export interface Welcome {
  type: 'welcome';
  id?: string;
  userId?: string;
  sessionId?: string;
  resumeToken?: string;
  resumed: boolean;
  current?: number;
  max?: number;
  expiresAt?: number;
  pingIntervalMs: number;
  resumeGraceMs: number;
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
  | { type: 'ok'; id?: string }
  | { type: 'heartbeat'; id?: string; current?: number; max?: number; expiresAt?: number; degraded?: true }
  | {
      type: 'evicted';
      reason: 'evicted' | 'replaced' | 'kicked';
      by?: { sessionId: string; deviceType?: string };
    }
  | { type: 'drain'; reconnectInMs: number }
  | { type: 'error'; id?: string; problem: ProblemBody };
