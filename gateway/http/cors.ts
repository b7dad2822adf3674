/** CORS headers for the allowed origins. */

/** Headers that a page may send and read. A preflight may be cached for ten minutes. */
const ALLOWED_HEADERS = 'authorization, content-type, x-request-id, x-user-id';
const EXPOSED_HEADERS = 'allow, retry-after, x-presence-age-ms, x-presence-degraded, x-request-id';
const PREFLIGHT_MAX_AGE_S = '600';

export type Headers = Record<string, string>;

export interface Cors {
  /** Adds the CORS headers of every response. */
  mark(headers: Headers, origin: string | undefined): void;
  /** Adds the CORS headers of a response to OPTIONS. */
  preflight(headers: Headers, origin: string | undefined, methods: string): void;
}

/** `*` among the origins allows every page. */
export function createCors(allowedOrigins: readonly string[]): Cors {
  const any = allowedOrigins.includes('*');
  const origins = new Set(allowedOrigins);
  const isAllowed = (origin: string | undefined): origin is string =>
    origin !== undefined && (any || origins.has(origin));
  return {
    mark(headers, origin) {
      if (origins.size === 0) return;
      if (!any) headers.vary = headers.vary === undefined ? 'origin' : `${headers.vary}, origin`;
      if (!isAllowed(origin)) return;
      headers['access-control-allow-origin'] = any ? '*' : origin;
      headers['access-control-expose-headers'] = EXPOSED_HEADERS;
    },
    preflight(headers, origin, methods) {
      if (!isAllowed(origin)) return;
      headers['access-control-allow-methods'] = methods;
      headers['access-control-allow-headers'] = ALLOWED_HEADERS;
      headers['access-control-max-age'] = PREFLIGHT_MAX_AGE_S;
    },
  };
}
