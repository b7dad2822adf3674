/** What the two engines have in common: connections to write and others to read, so that neither waits for the other. */
import type { Kysely } from 'kysely';
import type { Engine, HistoryTables } from './schema.ts';

export interface Connections {
  readonly engine: Engine;
  readonly writer: Kysely<HistoryTables>;
  /** Transactions that run on it at once. */
  readonly writers: number;
  readonly reader: Kysely<HistoryTables>;
  /** Reads that run on it at once. */
  readonly readers: number;
  /** Creates the file where there is one, and brings the schema up to date. */
  prepare(): Promise<void>;
  /** Whether a transaction failed because of others at the same time, so that another attempt may succeed. */
  isConflict(error: unknown): boolean;
}

/** How long a caller waits for the answer to a call. */
export interface Bounds {
  readonly readMs: number;
  readonly writeMs: number;
}
