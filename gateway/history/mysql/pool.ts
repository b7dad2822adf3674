/** The pool that Kysely's own dialect for MySQL uses: mysql2's, with every wait bounded and errors of ours. */
import type { MysqlPool, MysqlPoolConnection } from 'kysely';
import { createPool, type PoolConnection, type PoolOptions } from 'mysql2';
import { createTimeBound, pause, type TimeBound } from '../../../presence-core/index.ts';
import type { MysqlLocation } from '../database-url.ts';
import { HistoryError } from '../history-error.ts';
import { mysqlError } from './errors.ts';

export interface PoolBounds {
  readonly connections: number;
  /** A statement that takes longer loses its connection. */
  readonly statementMs: number;
}

type Callback = (error: unknown, result?: unknown) => void;

const CONNECT_MS = 5_000;
const IDLE_MS = 60_000;
const END_MS = 2_000;
const LOCK_WAIT_S = 5;

/**
 * Strict, so that a value that does not fit is an error; without NO_BACKSLASH_ESCAPES, which would make another text of
 * the values that mysql2 has escaped. A server ends by itself what its client gave up; the two servers name that bound
 * differently, each in comments that it alone executes.
 */
const sessionSettings = (statementMs: number): string => `set
  sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION',
  autocommit = 1,
  innodb_lock_wait_timeout = ${LOCK_WAIT_S},
  /*M! max_statement_time = ${statementMs / 1_000}, */
  /*!50708 max_execution_time = ${statementMs}, */
  lock_wait_timeout = ${Math.ceil(statementMs / 1_000)}`;

function poolOptions({ host, port, user, password, database, tls }: MysqlLocation, connections: number): PoolOptions {
  return {
    host,
    port,
    user,
    password,
    database,
    ...(tls ? { ssl: { minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true } } : {}),
    charset: 'utf8mb4',
    connectionLimit: connections,
    queueLimit: connections,
    connectTimeout: CONNECT_MS,
    idleTimeout: IDLE_MS,
    maxIdle: 1,
    enableKeepAlive: true,
    multipleStatements: false,
    // No file of this machine is ever sent, whatever a server asks for.
    flags: ['-LOCAL_FILES'],
  };
}

class BoundedConnection {
  private readonly raw: PoolConnection;
  private readonly inTime: TimeBound;

  constructor(raw: PoolConnection, inTime: TimeBound) {
    this.raw = raw;
    this.inTime = inTime;
  }

  query(sql: string, parameters: unknown[], callback: Callback): void {
    let answered = false;
    const answer = new Promise((resolve, reject) => {
      this.raw.query(sql, parameters, (error, result) => {
        answered = true;
        if (error) reject(mysqlError(error));
        else resolve(result);
      });
    });
    this.inTime(answer).then(
      (result) => callback(undefined, result),
      (error) => {
        // What it will still answer belongs to no statement.
        if (!answered) this.raw.destroy();
        callback(error);
      },
    );
  }

  release(): void {
    this.raw.release();
  }

  destroy(): void {
    this.raw.destroy();
  }
}

export function mysqlPool(location: MysqlLocation, { connections, statementMs }: PoolBounds): MysqlPool {
  const pool = createPool(poolOptions(location, connections));
  const inTime = createTimeBound(
    statementMs,
    () => new HistoryError('history_unavailable', `the database server did not answer within ${statementMs} ms`),
  );
  const known = new WeakMap<PoolConnection, BoundedConnection>();
  const introduce = (raw: PoolConnection, callback: Callback): void => {
    const connection = new BoundedConnection(raw, inTime);
    connection.query(sessionSettings(statementMs), [], (error) => {
      if (error) {
        raw.destroy();
        return callback(error);
      }
      known.set(raw, connection);
      callback(undefined, connection);
    });
  };
  return {
    getConnection(callback) {
      const finish = callback as Callback;
      pool.getConnection((error, raw) => {
        const connection = raw && known.get(raw);
        if (error) finish(mysqlError(error));
        else if (connection) finish(undefined, connection as unknown as MysqlPoolConnection);
        else introduce(raw, finish);
      });
    },
    end(callback) {
      const ended = new Promise<void>((resolve) => pool.end(() => resolve()));
      void Promise.race([ended, pause(END_MS)]).then(() => callback(undefined));
    },
  };
}
