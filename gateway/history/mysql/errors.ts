/** Errors of the server and of the network, as errors of the history. */
import { HistoryError } from '../history-error.ts';

/** Errors that another attempt does not change, with what to do. All others may pass. */
const PERMANENT: Readonly<Record<string, string>> = {
  ER_ACCESS_DENIED_ERROR: 'refuses the user or the password of DATABASE_URL',
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: 'refuses the user or the password of DATABASE_URL',
  ER_DBACCESS_DENIED_ERROR: 'denies this user the database, or has no such database',
  ER_BAD_DB_ERROR: 'has no such database: create it, or correct DATABASE_URL',
  ER_TABLEACCESS_DENIED_ERROR:
    'denies this user a privilege: needed are SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX',
  ER_HOST_NOT_PRIVILEGED: 'does not accept connections from this machine',
  ER_NOT_SUPPORTED_AUTH_MODE: 'requires an authentication method that is not supported',
  AUTH_SWITCH_PLUGIN_ERROR: 'requires an authentication method that is not supported',
  HANDSHAKE_NO_SSL_SUPPORT: 'does not support TLS: enable it there, or remove ssl=true from DATABASE_URL',
  HANDSHAKE_SSL_ERROR: 'has a certificate that is not trusted',
  ER_PARSE_ERROR: 'does not understand a statement: MariaDB 10.5 or MySQL 8.0 is needed, or newer',
};
/** SQLSTATE classes of values that do not fit, whatever the table. */
const BAD_VALUE = /^2[1-3]/;
const DEADLOCK = 1213;
const LOCK_WAIT_TIMEOUT = 1205;

interface ServerError {
  readonly code?: string;
  readonly errno?: number;
  readonly sqlState?: string;
  readonly message: string;
}

/** Whether the whole transaction is worth another attempt at once. */
export function isConflict(error: unknown): boolean {
  const { errno } = ((error as Error).cause ?? {}) as ServerError;
  return errno === DEADLOCK || errno === LOCK_WAIT_TIMEOUT;
}

/** The message has no values in it: a server quotes what it was given, mysql2 the whole statement. */
export function mysqlError(error: unknown): HistoryError {
  const { code = 'unknown', sqlState, errno, message } = error as ServerError;
  const cause = { code, errno, sqlState };
  const advice = PERMANENT[code];
  if (advice !== undefined) {
    return new HistoryError('history_misconfigured', `the database server ${advice} (${code})`, cause);
  }
  if (sqlState === undefined || sqlState === '') {
    return new HistoryError('history_unavailable', `the database server cannot be reached: ${message || code}`, cause);
  }
  if (BAD_VALUE.test(sqlState)) {
    return new HistoryError('value_refused', `the database server refused a value (${code})`, cause);
  }
  return new HistoryError('history_unavailable', `the database server failed (${code}, ${errno})`, cause);
}
