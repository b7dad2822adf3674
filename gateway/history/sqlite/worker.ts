/**
 * One SQLite connection in a thread of its own: better-sqlite3 waits for the disk, and the players' sockets must not.
 * Started by thread.ts; the types below are the messages between the two.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Database, Statement } from 'better-sqlite3';

export interface SqliteOptions {
  readonly file: string;
  readonly role: 'writer' | 'reader';
  /** How long to wait for a lock of another process. */
  readonly busyMs: number;
}

export interface SqliteRequest {
  readonly id: number;
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

export interface SqliteFailure {
  /** `SQLITE_BUSY` and the like, or Node's own. */
  readonly code: string;
  readonly message: string;
}

export type SqliteReply =
  | { readonly id: number; readonly rows: readonly unknown[]; readonly changes: number }
  | { readonly id: number; readonly failure: SqliteFailure };

/** Sent once, before any reply. */
export type SqliteOpened = { readonly opened: true } | { readonly opened: false; readonly failure: SqliteFailure };

const CACHE_KB = { writer: 64 * 1024, reader: 32 * 1024 };
/** Pages in the log before they are carried into the file: 16 MB, so that those written often are carried once. */
const CHECKPOINT_PAGES = 4_000;
const LOG_BYTES_KEPT = 64 * 1024 * 1024;
/** There are few texts, but that inserts differ by their number of rows. */
const MAX_STATEMENTS = 32;

function failureOf(error: unknown): SqliteFailure {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return { code: String(code ?? 'ERROR'), message: String(message ?? error) };
}

async function open({ file, role, busyMs }: SqliteOptions): Promise<Database> {
  const { default: Sqlite } = await import('better-sqlite3');
  const db = new Sqlite(file, { timeout: busyMs });
  if (role === 'writer') enableLog(db, busyMs);
  // The change log is acknowledged after the commit: a commit must outlive a power cut too. FULL costs one fsync for
  // each transaction, and a transaction carries many rows.
  db.pragma('synchronous = FULL');
  db.pragma(`cache_size = -${CACHE_KB[role]}`);
  db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.pragma(`journal_size_limit = ${LOG_BYTES_KEPT}`);
  if (role === 'reader') db.pragma('query_only = ON');
  return db;
}

/** Several processes may open an empty file at once, and this change of mode does not wait for a lock by itself. */
function enableLog(db: Database, busyMs: number): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (const until = Date.now() + busyMs; ; Atomics.wait(pause, 0, 0, 20)) {
    try {
      const mode = db.pragma('journal_mode = WAL', { simple: true });
      if (mode !== 'wal') throw new Error(`this file system has no shared memory: journal mode is ${mode}, not WAL`);
      return;
    } catch (error) {
      if (failureOf(error).code !== 'SQLITE_BUSY' || Date.now() > until) throw error;
    }
  }
}

function serve(db: Database, answer: (reply: SqliteReply) => void): (request: SqliteRequest | 'close') => void {
  const statements = new Map<string, Statement>();
  const statementOf = (sql: string): Statement => {
    const known = statements.get(sql);
    if (known) return known;
    const statement = db.prepare(sql);
    if (statements.size >= MAX_STATEMENTS) statements.delete(statements.keys().next().value as string);
    statements.set(sql, statement);
    return statement;
  };
  return (request) => {
    if (request === 'close') {
      db.close();
      parentPort?.close();
      return;
    }
    const { id, sql, parameters } = request;
    try {
      // SQLite has rolled back by itself after some failures, and would report that there is nothing to roll back.
      if (sql === 'rollback' && !db.inTransaction) return answer({ id, rows: [], changes: 0 });
      const statement = statementOf(sql);
      if (statement.reader) answer({ id, rows: statement.all(parameters), changes: 0 });
      else answer({ id, rows: [], changes: statement.run(parameters).changes });
    } catch (error) {
      answer({ id, failure: failureOf(error) });
    }
  };
}

const send = (message: SqliteOpened | SqliteReply): void => parentPort?.postMessage(message);
try {
  const db = await open(workerData as SqliteOptions);
  parentPort?.on('message', serve(db, send));
  send({ opened: true });
} catch (error) {
  send({ opened: false, failure: failureOf(error) });
}
