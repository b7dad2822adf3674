/** Indexes in statements of their own that may be run again: MySQL commits each statement of a migration at once. */
import type { Kysely } from 'kysely';

/** ER_DUP_KEYNAME */
const INDEX_EXISTS = 1061;

/** Creates an index unless it exists. MySQL has no IF NOT EXISTS for an index: there its refusal says so. */
export async function createIndex(
  db: Kysely<unknown>,
  name: string,
  table: string,
  columns: readonly string[],
): Promise<void> {
  try {
    await db.schema
      .createIndex(name)
      .on(table)
      .columns([...columns])
      .execute();
  } catch (error) {
    if (((error as Error).cause as { errno?: number } | undefined)?.errno !== INDEX_EXISTS) throw error;
  }
}
