/**
 * The key of a row of sessions begins with time: what is written together then lies together, and only the index by
 * user is written all over. `id` is in every index already, as the row's own place.
 * SQLite compares text byte by byte; so does MySQL with `_bin`.
 */
import { type Kysely, sql } from 'kysely';
import type { Engine } from '../schema.ts';
import { createIndex } from './create-index.ts';

const TYPES = {
  sqlite: {
    integer: 'integer',
    bigint: 'integer',
    id: 'text',
    word: 'text',
    label: 'text',
    bytes: 'blob',
    options: sql`strict`,
  },
  mysql: {
    integer: 'integer',
    bigint: 'bigint',
    id: sql`varchar(128) character set ascii collate ascii_bin`,
    word: sql`varchar(16) character set ascii collate ascii_bin`,
    label: sql`varchar(64) character set utf8mb4 collate utf8mb4_bin`,
    bytes: sql`mediumblob`,
    options: sql`engine = InnoDB default charset = utf8mb4`,
  },
} as const;

export async function up(db: Kysely<unknown>, engine: Engine): Promise<void> {
  const { integer, bigint, id, word, label, bytes, options } = TYPES[engine];
  await db.schema
    .createTable('presence_sessions')
    .ifNotExists()
    .addColumn('id', bigint, (column) =>
      // In SQLite an integer that is the primary key numbers the rows by itself.
      engine === 'sqlite' ? column.primaryKey() : column.notNull().autoIncrement().primaryKey(),
    )
    .addColumn('user_id', id, (column) => column.notNull())
    .addColumn('session_id', id, (column) => column.notNull())
    .addColumn('session_started_at', bigint, (column) => column.notNull())
    .addColumn('segment', integer, (column) => column.notNull())
    .addColumn('stream_id', id)
    .addColumn('device_type', label)
    .addColumn('country', label)
    .addColumn('state', label)
    .addColumn('started_at', bigint, (column) => column.notNull())
    .addColumn('ended_at', bigint, (column) => column.notNull())
    .addColumn('watched_ms', bigint, (column) => column.notNull())
    .addColumn('reason', word, (column) => column.notNull())
    .addColumn('via', word, (column) => column.notNull())
    .addUniqueConstraint('presence_sessions_by_name', ['session_started_at', 'user_id', 'session_id', 'segment'])
    .modifyEnd(options)
    .execute();
  await createIndex(db, 'presence_sessions_by_user', 'presence_sessions', ['user_id', 'ended_at']);
  await createIndex(db, 'presence_sessions_by_stream', 'presence_sessions', ['stream_id', 'ended_at']);
  await createIndex(db, 'presence_sessions_by_end', 'presence_sessions', ['ended_at']);
  await db.schema
    .createTable('presence_minutes')
    .ifNotExists()
    .addColumn('minute_at', bigint, (column) => column.primaryKey())
    .addColumn('sampled_at', bigint, (column) => column.notNull())
    .addColumn('users', bigint, (column) => column.notNull())
    .addColumn('sessions', bigint, (column) => column.notNull())
    .addColumn('peak_sessions', bigint, (column) => column.notNull())
    .modifyEnd(options)
    .execute();
  await db.schema
    .createTable('presence_hours')
    .ifNotExists()
    .addColumn('hour_at', bigint, (column) => column.notNull())
    .addColumn('generation', id, (column) => column.notNull())
    .addColumn('clicks', bigint, (column) => column.notNull())
    .addColumn('impressions', bigint, (column) => column.notNull())
    .addColumn('users', bytes, (column) => column.notNull())
    .addPrimaryKeyConstraint('presence_hours_by_name', ['hour_at', 'generation'])
    .modifyEnd(options)
    .execute();
}
