/** Brings a database to the schema of this version. */
import { type Kysely, type Migration, Migrator } from 'kysely';
import { HistoryError } from '../history-error.ts';
import { MIGRATIONS } from './migrations/index.ts';
import type { Engine, HistoryTables } from './schema.ts';

const TABLE = 'presence_migrations';
const LOCK_TABLE = 'presence_migrations_lock';

/**
 * Runs what is missing. Of several processes at once one does, the others wait: by GET_LOCK on MySQL, on SQLite by a
 * transaction that takes the write lock before it looks.
 * @throws HistoryError `history_misconfigured` when a newer version has migrated it.
 */
export async function migrate(db: Kysely<HistoryTables>, engine: Engine): Promise<void> {
  const migrations = Object.fromEntries(
    Object.entries(MIGRATIONS)
      .filter(([, { only }]) => only === undefined || only === engine)
      .map(([name, { up }]): [string, Migration] => [name, { up: (db) => up(db, engine) }]),
  );
  const migrator = new Migrator({
    db,
    provider: { getMigrations: async () => migrations },
    migrationTableName: TABLE,
    migrationLockTableName: LOCK_TABLE,
  });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return;
  if (error instanceof HistoryError) throw error;
  await refuseNewer(db, migrations);
  throw new HistoryError('history_misconfigured', `the schema cannot be brought up to date: ${error}`, error);
}

async function refuseNewer(db: Kysely<HistoryTables>, known: Readonly<Record<string, unknown>>): Promise<void> {
  const rows = await db
    .withTables<{ [TABLE]: { name: string } }>()
    .selectFrom(TABLE)
    .select('name')
    .orderBy('name')
    .execute();
  const newer = rows.map(({ name }) => name).filter((name) => !Object.hasOwn(known, name));
  if (newer.length === 0) return;
  throw new HistoryError(
    'history_misconfigured',
    `the database was migrated by a newer version (${newer.join(', ')}): run that version, or use another database`,
  );
}
