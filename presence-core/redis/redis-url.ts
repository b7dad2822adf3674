/** REDIS_URL: which servers, and as whom. No message quotes any of it, as any part may be a secret in the wrong place. */
import { StoreError } from '../errors.ts';

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

export interface RedisTarget {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  readonly nodes: readonly RedisAddress[];
  /** Of the master that sentinels watch. */
  readonly name?: string;
  readonly auth: { readonly username?: string; readonly password?: string };
  readonly db: number;
  readonly tls: boolean;
}

const FORM = /^(redis|rediss)(\+sentinel|\+cluster)?:\/\/(.*)$/s;
const HOST = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/;
const MAX_PORT = 65_535;
const REDIS_PORT = 6_379;
const SENTINEL_PORT = 26_379;

function refuse(why: string): never {
  throw new StoreError('store_misconfigured', `REDIS_URL ${why}`);
}

const ENCODE = 'percent-encode special characters in user and password (@ is %40, : is %3A, / is %2F, % is %25)';

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return refuse(`has a % that encodes nothing: ${ENCODE}`);
  }
}

function addressOf(written: string, defaultPort: number): RedisAddress {
  const [, ipv6, name, port] = HOST.exec(written) ?? [];
  const host = ipv6 ?? name;
  if (host === undefined || Number(port ?? 1) > MAX_PORT || Number(port ?? 1) === 0) {
    refuse(`needs a host, or host:port, behind // and the @ of a password: ${ENCODE}`);
  }
  return { host, port: Number(port ?? defaultPort) };
}

/**
 * Reads `redis://`, `redis+sentinel://host:port,host:port/name` and `redis+cluster://host:port,host:port`, each with
 * `user:password@`, and each with `rediss` for TLS.
 * @throws StoreError `store_misconfigured`, without any part of the URL in the message.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const [, scheme, kind, rest] =
    FORM.exec(url) ??
    refuse(
      'must begin with redis://, rediss://, redis+sentinel://, rediss+sentinel://, redis+cluster:// or rediss+cluster://',
    );
  if (/[?#\s]/.test(rest as string)) refuse(`has a ?, # or space: it takes no parameters; ${ENCODE}`);
  const at = (rest as string).lastIndexOf('@');
  const login = at < 0 ? '' : (rest as string).slice(0, at);
  const [hosts = '', ...path] = (rest as string).slice(at + 1).split('/');
  // A password with one of these would be cut there, and the rest of it taken for a host.
  if (/[@/]/.test(login) || path.length > 1) refuse(`has an @ or / too many: ${ENCODE}`);
  const colon = login.indexOf(':');
  const [user, password] = colon < 0 ? [login, ''] : [login.slice(0, colon), login.slice(colon + 1)];
  if (colon < 0 && login !== '') refuse('has a user and no password: write user:password@, or :password@');
  const nodes = hosts.split(',').map((node) => addressOf(node, kind === '+sentinel' ? SENTINEL_PORT : REDIS_PORT));
  const [name = ''] = path.map(decoded);
  const target = {
    nodes,
    auth: { ...(user && { username: decoded(user) }), ...(password && { password: decoded(password) }) },
    tls: scheme === 'rediss',
    db: 0,
  };
  if (kind === '+sentinel') {
    if (name === '') refuse('of sentinels needs the name of the master: redis+sentinel://host:port,host:port/name');
    return { ...target, kind: 'sentinel', name };
  }
  if (kind === '+cluster') {
    if (name !== '') refuse('of a Cluster takes no database: a Cluster has one');
    return { ...target, kind: 'cluster' };
  }
  if (nodes.length > 1) refuse('names several hosts: use redis+cluster:// or redis+sentinel://…/name');
  if (!/^\d{0,5}$/.test(name)) refuse('redis://host:port/db needs a number as db');
  return { ...target, kind: 'single', db: Number(name) };
}
