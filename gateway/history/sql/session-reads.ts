/** Pages of ended sessions, each read straight out of an index. */
import { type Kysely, type RawBuilder, type Selectable, sql } from 'kysely';
import { type EndedSession, MAX_PAGE, type SessionsPage, type SessionsQuery } from '../history-database.ts';
import type { Engine, HistoryTables, SessionRow } from './schema.ts';
import { decodeCursor, encodeCursor } from './session-cursor.ts';

type Row = Selectable<SessionRow>;

function sessionOf(row: Row): EndedSession {
  return {
    userId: row.user_id,
    sessionId: row.session_id,
    sessionStartedAt: row.session_started_at,
    segment: row.segment,
    ...(row.stream_id === null ? {} : { streamId: row.stream_id }),
    ...(row.device_type === null ? {} : { deviceType: row.device_type }),
    ...(row.country === null ? {} : { country: row.country }),
    ...(row.state === null ? {} : { state: row.state }),
    startedAt: row.started_at,
    endedAt: row.ended_at,
    watchedMs: row.watched_ms,
    reason: row.reason as EndedSession['reason'],
    via: row.via as EndedSession['via'],
  };
}

/**
 * Rows of the query that hold more conditions, newest first.
 * The index is named, for either engine may think that a walk through another (by end, by stream, by id) meets enough
 * rows soon, and then reads a table of millions. A user has few rows, a stream may have many: with both, by user.
 */
async function select(
  db: Kysely<HistoryTables>,
  engine: Engine,
  { userId, streamId, from, to }: SessionsQuery,
  more: readonly RawBuilder<unknown>[],
  limit: number,
): Promise<Row[]> {
  const index = sql.raw(userId === undefined ? 'presence_sessions_by_stream' : 'presence_sessions_by_user');
  const hint = engine === 'sqlite' ? sql`indexed by ${index}` : sql`force index (${index})`;
  const conditions = [...more];
  if (userId !== undefined) conditions.push(sql`user_id = ${userId}`);
  if (streamId !== undefined) conditions.push(sql`stream_id = ${streamId}`);
  if (from !== undefined) conditions.push(sql`ended_at >= ${from}`);
  if (to !== undefined) conditions.push(sql`ended_at < ${to}`);
  const { rows } = await sql<Row>`
    select * from presence_sessions ${hint} where ${sql.join(conditions, sql` and `)}
    order by ended_at desc, id desc limit ${sql.lit(limit)}`.execute(db);
  return rows;
}

/** Checks what would else be an unbounded read, and the cursor. */
export function checkQuery(query: SessionsQuery): void {
  if (query.userId === undefined && query.streamId === undefined) throw new RangeError('sessions of whom, or of what?');
  if (!(Number.isInteger(query.limit) && query.limit >= 1 && query.limit <= MAX_PAGE)) {
    throw new RangeError(`limit must be 1 to ${MAX_PAGE}`);
  }
  if (query.cursor !== undefined) decodeCursor(query.cursor, query);
}

export async function readSessions(
  db: Kysely<HistoryTables>,
  engine: Engine,
  query: SessionsQuery,
): Promise<SessionsPage> {
  const { limit, cursor } = query;
  // One more than asked tells whether another page follows.
  const wanted = limit + 1;
  const read = (left: number, ...more: RawBuilder<unknown>[]): Promise<Row[]> => select(db, engine, query, more, left);
  let rows: Row[];
  if (cursor === undefined) {
    rows = await read(wanted);
  } else {
    // Two ranges instead of one condition on both columns, which neither engine finds in its index: when a node is
    // lost, thousands of sessions end at the same instant.
    const place = decodeCursor(cursor, query);
    rows = await read(wanted, sql`ended_at = ${place.endedAt}`, sql`id < ${place.id}`);
    if (rows.length < wanted) rows.push(...(await read(wanted - rows.length, sql`ended_at < ${place.endedAt}`)));
  }
  const sessions = rows.slice(0, limit);
  const last = sessions.at(-1);
  if (rows.length < wanted || !last) return { sessions: sessions.map(sessionOf) };
  return { sessions: sessions.map(sessionOf), cursor: encodeCursor({ endedAt: last.ended_at, id: last.id }, query) };
}
