/**
 * Who may reach a server that listens on loopback without authentication: programs of this machine, and no page of
 * another site that its browser shows. A page sends its `Origin`, and behind a name that was made to lead to 127.0.0.1
 * (DNS rebinding) the name as `Host`. Where it sends no `Origin`, `Sec-Fetch-Site` says that the request is of a page of
 * another site.
 */

export interface LocalAccessOptions {
  readonly host: string;
  readonly auth: 'off' | 'jwt';
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
}

/**
 * @param site `Sec-Fetch-Site` of a request that changes something; undefined of one that only reads, as a link or a
 * picture of any page may.
 * @returns why the caller is refused, in words; undefined when it is not.
 */
export type LocalAccess = (
  host: string | undefined,
  origin: string | undefined,
  site?: string | undefined,
) => string | undefined;

/** Whether only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

const HOST_FORM = /^(?:\[([\da-f:.]+)\]|([^:@/]*))(?::\d{1,5})?$/i;

/** Without its port, in lower case; undefined for what names no host. */
function nameOf(host: string): string | undefined {
  const [, ipv6, name] = HOST_FORM.exec(host) ?? [];
  return (ipv6 ?? name)?.toLowerCase();
}

function isLocalOrigin(origin: string): boolean {
  return URL.canParse(origin) && isLoopback(new URL(origin).hostname.replace(/^\[|\]$/g, ''));
}

const anyone: LocalAccess = () => undefined;

/** With authentication, or beyond loopback, everybody may. */
export function createLocalAccess({ host, auth, allowedHosts, allowedOrigins }: LocalAccessOptions): LocalAccess {
  if (auth !== 'off' || !isLoopback(host)) return anyone;
  const hosts = new Set(allowedHosts.map((name) => name.toLowerCase()));
  const origins = new Set(allowedOrigins);
  // What has no Host is no browser.
  const isKnownHost = (written = 'localhost'): boolean => {
    const name = nameOf(written);
    return hosts.has('*') || (name !== undefined && (isLoopback(name) || hosts.has(name)));
  };
  const isKnownOrigin = (written: string): boolean =>
    origins.has('*') || origins.has(written) || (origins.size === 0 && isLocalOrigin(written));
  return (named, origin, site) => {
    if (!isKnownHost(named)) return 'The host of the request is not allowed: add it to ALLOWED_HOSTS, or set AUTH.';
    const isForeign = origin === undefined ? site === 'cross-site' && !origins.has('*') : !isKnownOrigin(origin);
    if (isForeign) {
      return 'The origin of the request is not allowed: add it to ALLOWED_ORIGINS, or set AUTH.';
    }
    return undefined;
  };
}
