/** What a server, or the way to it, says went wrong. */
import { HistoryError } from '../history-error.ts';

/** Answers that another attempt will not change, with what to do. Everything else may pass. */
const PERMANENT: Readonly<Record<string, string>> = {
  ER_ACCESS_DENIED_ERROR: 'refuses the user or the password of DATABASE_URL',
  ER_ACCESS_DENIED_NO_PASSWORD_ERROR: 'refuses the user or the password of DATABASE_URL',
  ER_DBACCESS_DENIED_ERROR: 'lets this user not use this database, or has no such database',
  ER_BAD_DB_ERROR: 'has no such database: create it, or correct DATABASE_URL',
  ER_TABLEACCESS_DENIED_ERROR:
    'lets this user not do this: it needs SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX',
  ER_HOST_NOT_PRIVILEGED: 'lets this machine not connect',
  ER_NOT_SUPPORTED_AUTH_MODE: 'asks for a way of authentication that is not supported',
  AUTH_SWITCH_PLUGIN_ERROR: 'asks for a way of authentication that is not supported',
  HANDSHAKE_NO_SSL_SUPPORT: 'offers no TLS: enable it there, or leave ssl=true out of DATABASE_URL',
  HANDSHAKE_SSL_ERROR: 'shows a certificate that is not trusted',
  ER_PARSE_ERROR: 'does not understand a statement: MariaDB from 10.5 or MySQL from 8.0 is needed',
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

/** Has no value in it: a server quotes what it was given, mysql2 the whole statement. */
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
    return new HistoryError('value_refused', `the database server refuses a value (${code})`, cause);
  }
  return new HistoryError('history_unavailable', `the database server fails (${code}, ${errno})`, cause);
}
