/** DATABASE_URL: where the history is kept. */
import { isIP } from 'node:net';
import { HistoryError } from './history-error.ts';

export interface SqliteLocation {
  readonly engine: 'sqlite';
  readonly file: string;
}

export interface MysqlLocation {
  readonly engine: 'mysql';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Encrypted, with a certificate that this machine trusts for `host`. */
  readonly tls: boolean;
}

export type DatabaseLocation = SqliteLocation | MysqlLocation;

const DEFAULT_PORT = 3306;
const MYSQL_FORM = 'mysql://user:password@host:port/database';

function refuse(why: string): never {
  throw new HistoryError('history_misconfigured', `DATABASE_URL ${why}`);
}

function decoded(part: string, what: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return refuse(`has a ${what} that is not percent-encoded`);
  }
}

function sqliteLocation(file: string): SqliteLocation {
  if (file === '' || file.endsWith('/')) refuse('sqlite:<path> needs the path of a file');
  // Reads and writes have connections of their own, and a database in memory is of one connection.
  if (file.startsWith(':memory:')) refuse('sqlite: needs a file; for no history set it to none');
  if (/[?#\0]/.test(file)) refuse('sqlite:<path> takes only a path, without ? and #');
  return { engine: 'sqlite', file };
}

function mysqlLocation(text: string): MysqlLocation {
  // What is left unescaped in a password (/ ? #) would else be taken for the host or the database, and be shown.
  if (!URL.canParse(text)) refuse(`is not ${MYSQL_FORM}; special characters are percent-encoded`);
  const url = new URL(text);
  const database = decoded(url.pathname.slice(1), 'database');
  const user = decoded(url.username, 'user');
  if (url.hostname === '' || user === '') refuse(`is not ${MYSQL_FORM}`);
  if (url.hash !== '' || !/^[A-Za-z0-9_$-]{1,64}$/.test(database)) {
    refuse(`${MYSQL_FORM} needs the name of a database: 1–64 characters of [A-Za-z0-9_$-]`);
  }
  for (const name of url.searchParams.keys()) if (name !== 'ssl') refuse('has a parameter other than ssl');
  const ssl = url.searchParams.getAll('ssl');
  if (ssl.length > 1 || !['true', 'false'].includes(ssl[0] ?? 'false')) refuse('has an ssl that is not true or false');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // Of an address mysql2 would not check whether the certificate is for it.
  if (ssl[0] === 'true' && isIP(host) !== 0)
    refuse('with ssl=true needs the host name of the certificate, not an address');
  return {
    engine: 'mysql',
    host,
    port: Number(url.port || DEFAULT_PORT),
    user,
    password: decoded(url.password, 'password'),
    database,
    tls: ssl[0] === 'true',
  };
}

/**
 * Reads `sqlite:<path>`, `mysql://user:password@host:port/database?ssl=true`, the same with `mariadb://`, or `none`.
 * @returns undefined for `none`.
 * @throws HistoryError `history_misconfigured`, without the password in the message.
 */
export function parseDatabaseUrl(text: string): DatabaseLocation | undefined {
  if (text === 'none') return undefined;
  if (text.startsWith('sqlite:')) return sqliteLocation(text.slice('sqlite:'.length));
  if (/^(mysql|mariadb):\/\//.test(text)) return mysqlLocation(text);
  return refuse(`is not sqlite:<path>, ${MYSQL_FORM}, mariadb://… or none`);
}
