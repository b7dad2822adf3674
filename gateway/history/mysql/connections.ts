/** A pool that writes and one that reads, so that a crowd of readers leaves the writers theirs. */
import { Kysely, MysqlDialect } from 'kysely';
import type { MysqlLocation } from '../database-url.ts';
import type { Bounds, Connections } from '../sql/connections.ts';
import { migrate } from '../sql/migrate.ts';
import type { HistoryTables } from '../sql/schema.ts';
import { isConflict } from './errors.ts';

const WRITERS = 4;
const READERS = 4;
/** A change of a large table, or the wait for another process that makes it. */
const MIGRATION_MS = 600_000;

export function mysqlConnections(location: MysqlLocation, { readMs, writeMs }: Bounds): Connections {
  const connect = (connections: number, statementMs: number): Kysely<HistoryTables> =>
    new Kysely<HistoryTables>({
      dialect: new MysqlDialect({
        pool: async () => (await import('./pool.ts')).mysqlPool(location, { connections, statementMs }),
      }),
    });
  return {
    engine: 'mysql',
    writer: connect(WRITERS, writeMs),
    writers: WRITERS,
    reader: connect(READERS, readMs),
    readers: READERS,
    async prepare() {
      const db = connect(1, MIGRATION_MS);
      try {
        await migrate(db, 'mysql');
      } finally {
        await db.destroy();
      }
    },
    isConflict,
  };
}
