/**
 * All migrations in their order. One that was released is never edited; what comes next is a file of its own.
 * SQLite runs a migration as one transaction. MySQL commits each statement by itself, so a migration must succeed when
 * it is run again after a crash between two of its statements.
 */
import type { Kysely } from 'kysely';
import type { Engine } from '../schema.ts';
import * as initial from './0001-initial.ts';
import * as ids from './0002-ids.ts';

export interface HistoryMigration {
  /** Nothing changes in databases of other engines. */
  readonly only?: Engine;
  up(db: Kysely<unknown>, engine: Engine): Promise<void>;
}

/** Under the name that is noted in the database. */
export const MIGRATIONS: Readonly<Record<string, HistoryMigration>> = {
  '0001-initial': initial,
  '0002-ids': ids,
};
