/** One thread that writes and one that reads: with SQLite's log (WAL) neither waits for the other. */
import { access, constants, mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Kysely } from 'kysely';
import type { SqliteLocation } from '../database-url.ts';
import { HistoryError } from '../history-error.ts';
import type { Bounds, Connections } from '../sql/connections.ts';
import { migrate } from '../sql/migrate.ts';
import type { HistoryTables } from '../sql/schema.ts';
import { sqliteDialect } from './dialect.ts';

/** Of the bound of a call: what is left answers its caller that the file was locked. */
const LOCK_SHARE = 0.8;

/**
 * Who watched what is nobody else's business on this machine. A file that is there is not opened here: to close it would
 * drop the locks that SQLite holds on it in this process.
 */
async function makeFile(file: string): Promise<void> {
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, '', { flag: 'wx', mode: 0o600 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    await access(file, constants.W_OK);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new HistoryError('history_misconfigured', `SQLite file ${file} cannot be written: ${code ?? message}`, error);
  }
}

export function sqliteConnections({ file }: SqliteLocation, { readMs, writeMs }: Bounds): Connections {
  const connect = (role: 'writer' | 'reader', ms: number): Kysely<HistoryTables> =>
    new Kysely<HistoryTables>({ dialect: sqliteDialect({ file, role, busyMs: Math.floor(ms * LOCK_SHARE) }) });
  const writer = connect('writer', writeMs);
  return {
    engine: 'sqlite',
    writer,
    writers: 1,
    reader: connect('reader', readMs),
    readers: 1,
    async prepare() {
      await makeFile(file);
      await migrate(writer, 'sqlite');
    },
    isConflict: () => false,
  };
}
