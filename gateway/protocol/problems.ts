/** The closed set of problem codes (RFC 9457), the same over HTTP and WebSocket. */

/** `code` is stable; clients decide by it. `concurrency_limit` has another status where the contract says so. */
export const PROBLEMS = {
  invalid_request: { status: 400, title: 'The request is not valid' },
  timestamp_out_of_range: { status: 400, title: 'The timestamp is too far from now' },
  unauthenticated: { status: 401, title: 'Who calls is not known' },
  forbidden: { status: 403, title: 'The caller may not do this' },
  not_found: { status: 404, title: 'There is no such thing' },
  method_not_allowed: { status: 405, title: 'This method is not served here' },
  concurrency_limit: { status: 409, title: 'All slots of this user are taken' },
  session_ended: { status: 410, title: 'The session was ended' },
  payload_too_large: { status: 413, title: 'The body is too large' },
  uri_too_long: { status: 414, title: 'The URL is too long' },
  unsupported_media_type: { status: 415, title: 'The body must be JSON' },
  rate_limited: { status: 429, title: 'Too many requests' },
  internal: { status: 500, title: 'Something went wrong here' },
  store_unavailable: { status: 503, title: 'The store does not answer' },
  draining: { status: 503, title: 'This node is going away' },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;
