/** The database of history, which can be away: SQLite that somebody else has locked, MariaDB that is killed. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { startMariadb } from '../../support/mariadb-server.ts';

export type DatabaseKind = 'sqlite' | 'mariadb';

export interface ChaosDatabase {
  readonly url: string;
  leave(): Promise<void>;
  comeBack(): Promise<void>;
  stop(): Promise<void>;
}

export async function startDatabase(kind: DatabaseKind, folder: string): Promise<ChaosDatabase> {
  if (kind === 'mariadb') {
    const server = await startMariadb();
    return {
      url: await server.newUrl(),
      leave: () => server.kill(),
      comeBack: () => server.restart(),
      stop: () => server.stop(),
    };
  }
  const file = join(folder, 'presence.db');
  let locker: Database.Database | undefined;
  const comeBack = async (): Promise<void> => {
    locker?.close();
    locker = undefined;
  };
  return {
    url: `sqlite:${file}`,
    async leave() {
      locker = new Database(file, { timeout: 5_000 });
      locker.exec('begin exclusive');
    },
    comeBack,
    stop: comeBack,
  };
}
