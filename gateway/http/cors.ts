/** Cross-origin answers for the configured origins. */

/** Methods and headers a page may use; the answer to a preflight may be kept for ten minutes. */
const ALLOWED_HEADERS = 'authorization, content-type, x-request-id, x-user-id';
const EXPOSED_HEADERS = 'allow, retry-after, x-presence-age-ms, x-request-id';
const PREFLIGHT_MAX_AGE_S = '600';

export type Headers = Record<string, string>;

export interface Cors {
  /** Adds to every answer what its origin may see. */
  mark(headers: Headers, origin: string | undefined): void;
  /** Adds to the answer to OPTIONS. */
  preflight(headers: Headers, origin: string | undefined, methods: string): void;
}

/** `*` among the origins admits every page. */
export function createCors(allowedOrigins: readonly string[]): Cors {
  const any = allowedOrigins.includes('*');
  const origins = new Set(allowedOrigins);
  const admits = (origin: string | undefined): origin is string => origin !== undefined && (any || origins.has(origin));
  return {
    mark(headers, origin) {
      if (origins.size === 0) return;
      if (!any) headers.vary = 'origin';
      if (!admits(origin)) return;
      headers['access-control-allow-origin'] = any ? '*' : origin;
      headers['access-control-expose-headers'] = EXPOSED_HEADERS;
    },
    preflight(headers, origin, methods) {
      if (!admits(origin)) return;
      headers['access-control-allow-methods'] = methods;
      headers['access-control-allow-headers'] = ALLOWED_HEADERS;
      headers['access-control-max-age'] = PREFLIGHT_MAX_AGE_S;
    },
  };
}
