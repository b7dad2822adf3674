/** Pages of ended sessions, each read straight out of an index. */
import { type Kysely, type Selectable, type SelectQueryBuilder, sql } from 'kysely';
import { type EndedSession, MAX_PAGE, type SessionsPage, type SessionsQuery } from './history-database.ts';
import type { HistoryTables, SessionRow } from './schema.ts';
import { decodeCursor, encodeCursor } from './session-cursor.ts';

type Row = Selectable<SessionRow>;
type Rows = SelectQueryBuilder<HistoryTables, 'presence_sessions', Row>;

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

function matching(db: Kysely<HistoryTables>, { userId, streamId, from, to }: SessionsQuery): Rows {
  let rows: Rows = db.selectFrom('presence_sessions').selectAll();
  if (userId !== undefined) rows = rows.where('user_id', '=', userId);
  // A user has few rows, a stream may have millions: the plus keeps SQLite off the index by stream.
  if (streamId !== undefined) rows = rows.where(userId === undefined ? 'stream_id' : sql`+stream_id`, '=', streamId);
  if (from !== undefined) rows = rows.where('ended_at', '>=', from);
  if (to !== undefined) rows = rows.where('ended_at', '<', to);
  return rows.orderBy('ended_at', 'desc').orderBy('id', 'desc');
}

/** Checks what would else be an unbounded read, and the cursor. */
export function checkQuery(query: SessionsQuery): void {
  if (query.userId === undefined && query.streamId === undefined) throw new RangeError('sessions of whom, or of what?');
  if (!(Number.isInteger(query.limit) && query.limit >= 1 && query.limit <= MAX_PAGE)) {
    throw new RangeError(`limit must be 1 to ${MAX_PAGE}`);
  }
  if (query.cursor !== undefined) decodeCursor(query.cursor, query);
}

export async function readSessions(db: Kysely<HistoryTables>, query: SessionsQuery): Promise<SessionsPage> {
  const { limit, cursor } = query;
  // One more than asked tells whether another page follows.
  const wanted = limit + 1;
  const rows: Row[] = [];
  if (cursor === undefined) {
    rows.push(...(await matching(db, query).limit(wanted).execute()));
  } else {
    // Two ranges instead of one condition on both columns, which neither engine finds in its index: when a node is
    // lost, thousands of sessions end at the same instant.
    const place = decodeCursor(cursor, query);
    const same = matching(db, query).where('ended_at', '=', place.endedAt).where('id', '<', place.id);
    rows.push(...(await same.limit(wanted).execute()));
    const older = matching(db, query).where('ended_at', '<', place.endedAt);
    if (rows.length < wanted) rows.push(...(await older.limit(wanted - rows.length).execute()));
  }
  const sessions = rows.slice(0, limit);
  const last = sessions.at(-1);
  if (rows.length < wanted || !last) return { sessions: sessions.map(sessionOf) };
  return { sessions: sessions.map(sessionOf), cursor: encodeCursor({ endedAt: last.ended_at, id: last.id }, query) };
}
