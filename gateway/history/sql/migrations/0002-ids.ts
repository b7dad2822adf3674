/**
 * Ids of any writing, of up to 255 characters (P13). `_bin` compares code points, so they stay exact. SQLite's texts have
 * no length, and hold them already. One statement: it is done as a whole or not at all, and changes nothing the second time.
 */
import { type Kysely, sql } from 'kysely';
import type { Engine } from '../schema.ts';

export const only: Engine = 'mysql';

const ID = sql`varchar(255) character set utf8mb4 collate utf8mb4_bin`;

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable('presence_sessions')
    .modifyColumn('user_id', ID, (column) => column.notNull())
    .modifyColumn('session_id', ID, (column) => column.notNull())
    .modifyColumn('stream_id', ID)
    .execute();
}
