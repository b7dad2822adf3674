/** All problem codes (RFC 9457), the same over HTTP and WebSocket. */

/** Clients decide by the code: it does not change. Some routes return `concurrency_limit` with another status. */
export const PROBLEMS = {
  invalid_request: { status: 400, title: 'Invalid request' },
  timestamp_out_of_range: { status: 400, title: 'Timestamp out of range' },
  unauthenticated: { status: 401, title: 'Authentication required' },
  forbidden: { status: 403, title: 'Permission denied' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  concurrency_limit: { status: 409, title: 'Concurrency limit reached' },
  session_ended: { status: 410, title: 'Session ended' },
  payload_too_large: { status: 413, title: 'Body too large' },
  uri_too_long: { status: 414, title: 'URL too long' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Internal error' },
  overloaded: { status: 503, title: 'Server overloaded' },
  history_unavailable: { status: 503, title: 'History unavailable' },
  store_unavailable: { status: 503, title: 'Store unavailable' },
  draining: { status: 503, title: 'Node is draining' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;
