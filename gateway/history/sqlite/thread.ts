/** One worker thread (worker.ts) as its caller sees it, from its start to its end. */
import { Worker } from 'node:worker_threads';
import { pause } from '../../../presence-core/index.ts';
import { HistoryError, type HistoryErrorCode } from '../history-error.ts';
import type { SqliteFailure, SqliteOpened, SqliteOptions, SqliteReply, SqliteRequest } from './worker.ts';

export interface SqliteResult {
  readonly rows: readonly unknown[];
  readonly changes: number;
}

/** Node runs no TypeScript in a worker before 22.6: from its source this file uses the worker that was built. */
const WORKER = import.meta.url.endsWith('.ts')
  ? new URL('../../../dist/gateway/history/sqlite/worker.js', import.meta.url)
  : new URL('./worker.js', import.meta.url);
const HEAP_MB = 128;
const CLOSE_MS = 10_000;

/** Errors that another attempt does not change. */
const PERMANENT = /^SQLITE_(CANTOPEN|READONLY|NOTADB|CORRUPT|AUTH|PERM|ERROR|RANGE)/;
const BAD_VALUE = /^SQLITE_(MISMATCH|CONSTRAINT|TOOBIG)/;

function codeOf(code: string): HistoryErrorCode {
  if (BAD_VALUE.test(code)) return 'value_refused';
  return PERMANENT.test(code) || !code.startsWith('SQLITE_') ? 'history_misconfigured' : 'history_unavailable';
}

function historyError(file: string, { code, message }: SqliteFailure): HistoryError {
  if (code === 'ERR_MODULE_NOT_FOUND' || code === 'ERR_DLOPEN_FAILED' || message.includes('bindings file')) {
    const why =
      'SQLite needs the optional package better-sqlite3, which is not installed or was built for another Node';
    return new HistoryError('history_misconfigured', `${why}: npm install, or set DATABASE_URL to another database`);
  }
  return new HistoryError(codeOf(code), `SQLite file ${file}: ${message} (${code})`);
}

interface Pending {
  resolve(result: SqliteResult): void;
  reject(error: HistoryError): void;
}

export class SqliteThread {
  private readonly worker: Worker;
  private readonly file: string;
  private readonly pending = new Map<number, Pending>();
  private readonly exited: Promise<void>;
  private readonly opened: Promise<void>;
  private failed: HistoryError | undefined;
  private lastId = 0;

  constructor(options: SqliteOptions) {
    this.file = options.file;
    // Its own arguments only: a debugger's port or a loader of the process is not for it.
    this.worker = new Worker(WORKER, {
      workerData: options,
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    this.opened = new Promise((resolve, reject) => {
      this.worker.once('message', (message: SqliteOpened) => {
        if (message.opened) resolve();
        else reject(this.fail(historyError(this.file, message.failure)));
        this.worker.on('message', (reply: SqliteReply) => this.settle(reply));
      });
      this.worker.once('error', (error) => reject(this.fail(this.lost(error.message))));
      this.worker.once('exit', (code) => reject(this.fail(this.lost(`exit code ${code}`))));
    });
    this.exited = new Promise((resolve) => this.worker.once('exit', () => resolve()));
    this.opened.catch(() => {});
  }

  /** It has ended, and the transaction that was open is rolled back. */
  get isOver(): boolean {
    return this.failed !== undefined;
  }

  /** Runs one statement; they run in the order in which they are given. */
  async execute(sql: string, parameters: readonly unknown[]): Promise<SqliteResult> {
    await this.opened;
    if (this.failed) throw this.failed;
    return new Promise((resolve, reject) => {
      const id = ++this.lastId;
      this.pending.set(id, { resolve, reject });
      const request: SqliteRequest = { id, sql, parameters };
      this.worker.postMessage(request);
    });
  }

  /** Closes the file; the last one to do so carries the log into it. */
  async close(): Promise<void> {
    this.worker.postMessage('close');
    await Promise.race([this.exited, pause(CLOSE_MS)]);
    await this.worker.terminate();
  }

  private settle(reply: SqliteReply): void {
    const pending = this.pending.get(reply.id);
    this.pending.delete(reply.id);
    if ('failure' in reply) pending?.reject(historyError(this.file, reply.failure));
    else pending?.resolve(reply);
  }

  private fail(error: HistoryError): HistoryError {
    this.failed ??= error;
    for (const { reject } of this.pending.values()) reject(this.failed);
    this.pending.clear();
    return this.failed;
  }

  private lost(why: string): HistoryError {
    return new HistoryError('history_unavailable', `the SQLite thread has ended: ${why}`);
  }
}
