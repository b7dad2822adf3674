/** Tries a history database out, and changes nothing in it. */
import { access, constants, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Kysely, sql } from 'kysely';
import type { DatabaseLocation, SqliteLocation } from '../database-url.ts';
import { HistoryError } from '../history-error.ts';
import { mysqlConnections } from '../mysql/connections.ts';
import { sqliteConnections } from '../sqlite/connections.ts';
import type { HistoryTables } from './schema.ts';

const BOUNDS = { readMs: 5_000, writeMs: 5_000 };

/**
 * @returns what answered, with its version.
 * @throws HistoryError when it cannot be reached, refuses the user, or is a file that cannot be written.
 */
export async function reachDatabase(location: DatabaseLocation): Promise<string> {
  if (location.engine === 'mysql') {
    const { reader } = mysqlConnections(location, BOUNDS);
    return `${await version(reader, 'version()')} on ${location.host}:${location.port}`;
  }
  if (!(await isWritableFile(location))) return `SQLite, will be created: ${location.file}`;
  const { reader } = sqliteConnections(location, BOUNDS);
  return `SQLite ${await version(reader, 'sqlite_version()')}, ${location.file}`;
}

async function version(db: Kysely<HistoryTables>, call: string): Promise<string> {
  try {
    const { rows } = await sql<{ version: string }>`select ${sql.raw(call)} as version`.execute(db);
    return rows[0]?.version ?? '';
  } finally {
    await db.destroy();
  }
}

/** @returns false where there is none yet, and one can be made. */
async function isWritableFile({ file }: SqliteLocation): Promise<boolean> {
  const isThere = (path: string): Promise<boolean> =>
    stat(path).then(
      () => true,
      () => false,
    );
  const isFile = await isThere(file);
  // Folders are made, too.
  let path = resolve(file);
  while (!isFile && !(await isThere(path)) && dirname(path) !== path) path = dirname(path);
  try {
    if (!isFile && !(await stat(path)).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    await access(path, constants.W_OK);
    return isFile;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new HistoryError('history_misconfigured', `SQLite file ${file} cannot be written: ${code}`, error);
  }
}
