/** Close codes of the WebSocket protocol, and whether a client should reconnect. The same on both transports. */
export type Reconnect =
  /** Do not reconnect automatically. */
  | 'never'
  /** Reconnect at once, with the resume token and the cursors of subscriptions; after `token_expired` with a new token. */
  | 'now'
  /** Reconnect with exponential backoff and full jitter. */
  | 'backoff';

export const CLOSE_CODES = {
  normal: { code: 1000, reconnect: 'never' },
  going_away: { code: 1001, reconnect: 'now' },
  message_too_big: { code: 1009, reconnect: 'never' },
  bad_request: { code: 4000, reconnect: 'never' },
  unauthenticated: { code: 4001, reconnect: 'never' },
  forbidden: { code: 4003, reconnect: 'never' },
  hello_timeout: { code: 4008, reconnect: 'never' },
  concurrency_limit: { code: 4009, reconnect: 'never' },
  evicted: { code: 4010, reconnect: 'never' },
  kicked: { code: 4011, reconnect: 'never' },
  replaced: { code: 4012, reconnect: 'never' },
  overloaded: { code: 4100, reconnect: 'backoff' },
  rate_limited: { code: 4129, reconnect: 'backoff' },
  token_expired: { code: 4202, reconnect: 'now' },
  pong_timeout: { code: 4203, reconnect: 'now' },
  resync: { code: 4210, reconnect: 'now' },
} as const satisfies Record<string, { code: number; reconnect: Reconnect }>;

export type CloseName = keyof typeof CLOSE_CODES;
