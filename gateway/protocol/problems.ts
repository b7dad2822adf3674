/** The closed set of problem codes (RFC 9457), the same over HTTP and WebSocket. `code` is stable, `title` is not. */
export const PROBLEMS = {
  invalid_request: { status: 400, title: 'Invalid request' },
  timestamp_out_of_range: { status: 400, title: 'Timestamp out of range' },
  unauthenticated: { status: 401, title: 'Unauthenticated' },
  forbidden: { status: 403, title: 'Forbidden' },
  not_found: { status: 404, title: 'Not found' },
  method_not_allowed: { status: 405, title: 'Method not allowed' },
  /** 400 on /heartbeat, 403 on /guards. */
  concurrency_limit: { status: 409, title: 'Concurrency limit reached' },
  session_ended: { status: 410, title: 'Session ended' },
  payload_too_large: { status: 413, title: 'Payload too large' },
  uri_too_long: { status: 414, title: 'URI too long' },
  unsupported_media_type: { status: 415, title: 'Unsupported media type' },
  rate_limited: { status: 429, title: 'Rate limited' },
  internal: { status: 500, title: 'Internal error' },
  draining: { status: 503, title: 'Draining' },
  store_unavailable: { status: 503, title: 'Store unavailable' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;
