/** What the two engines have in common: a way to write and a way to read that do not hold each other up. */
import type { Kysely } from 'kysely';
import type { Engine, HistoryTables } from './schema.ts';

export interface Connections {
  readonly engine: Engine;
  readonly writer: Kysely<HistoryTables>;
  /** How many may use it at once. */
  readonly writers: number;
  readonly reader: Kysely<HistoryTables>;
  readonly readers: number;
  /** Makes what can be made, and brings the schema up to date. */
  prepare(): Promise<void>;
  /** Whether a transaction that failed is worth another attempt at once. */
  isConflict(error: unknown): boolean;
}

/** How long calls may take. */
export interface Bounds {
  readonly readMs: number;
  readonly writeMs: number;
}
