/** Public face of the history in SQL: everything outside imports from here. */

import type { DatabaseLocation } from './database-url.ts';
import type { HistoryDatabase } from './history-database.ts';
import { mysqlConnections } from './mysql/connections.ts';
import type { Bounds, Connections } from './sql/connections.ts';
import { SqlHistory } from './sql/sql-history.ts';
import { sqliteConnections } from './sqlite/connections.ts';

export { type DatabaseLocation, parseDatabaseUrl } from './database-url.ts';
export * from './history-database.ts';
export { HistoryError, type HistoryErrorCode } from './history-error.ts';
export { reachDatabase } from './sql/reach.ts';

const BOUNDS: Bounds = { readMs: 5_000, writeMs: 30_000 };

/** @param location from `parseDatabaseUrl`; nothing is opened before `start`. */
export function createHistoryDatabase(location: DatabaseLocation, bounds: Bounds = BOUNDS): HistoryDatabase {
  const connections: Connections =
    location.engine === 'sqlite' ? sqliteConnections(location, bounds) : mysqlConnections(location, bounds);
  return new SqlHistory(connections, bounds);
}
