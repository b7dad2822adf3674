/**
 * All migrations in their order. One that was released is never edited; what comes next is a file of its own.
 * SQLite runs a migration as one transaction. MySQL commits each statement by itself, so that each must bear to be
 * run again after a crash between two.
 */
import type { Engine } from '../schema.ts';
import * as initial from './0001-initial.ts';

/** Statements by engine, under the name that is noted in the database. */
export const MIGRATIONS: Readonly<Record<string, Readonly<Record<Engine, readonly string[]>>>> = {
  '0001-initial': initial,
};
