/** Kysely over one SqliteThread at a time. Kysely itself lets one caller at a time at a single connection. */
import {
  CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely';
import { SqliteThread } from './thread.ts';
import type { SqliteOptions } from './worker.ts';

/** A caller keeps its thread: when that ends within a transaction, the next statement must not run on another. */
class SqliteConnection implements DatabaseConnection {
  private readonly thread: SqliteThread;

  constructor(thread: SqliteThread) {
    this.thread = thread;
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changes } = await this.thread.execute(sql, parameters);
    return { rows: rows as R[], numAffectedRows: BigInt(changes) };
  }

  streamQuery(): never {
    throw new Error('rows are read in pages');
  }
}

class SqliteDriver implements Driver {
  private readonly options: SqliteOptions;
  private thread: SqliteThread | undefined;

  constructor(options: SqliteOptions) {
    this.options = options;
  }

  async init(): Promise<void> {}

  /** Must not reject: Kysely would never let the next caller in. A thread that cannot open says so at its first use. */
  async acquireConnection(): Promise<DatabaseConnection> {
    if (!this.thread || this.thread.isOver) this.thread = new SqliteThread(this.options);
    return new SqliteConnection(this.thread);
  }

  /** Takes the write lock at once: a transaction that reads first could not wait for it later. */
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'));
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'));
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'));
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    await this.thread?.close();
  }
}

/** Migrations run in a transaction, which keeps other processes out while it lasts. */
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

export function sqliteDialect(options: SqliteOptions): Dialect {
  return {
    createDriver: () => new SqliteDriver(options),
    createAdapter: () => new TransactionalAdapter(),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (db) => new SqliteIntrospector(db),
  };
}
