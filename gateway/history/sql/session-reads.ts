/** Pages of ended sessions, each read straight out of an index. */
import { type Kysely, type Selectable, sql } from 'kysely';
import { type EndedSession, MAX_PAGE, type SessionsPage, type SessionsQuery } from '../history-database.ts';
import type { Engine, HistoryTables, SessionRow } from './schema.ts';
import { decodeCursor, encodeCursor, type SessionPlace } from './session-cursor.ts';

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

/** Where rows begin: after a place, either among those that ended at the same instant or among those that ended before. */
type After = { readonly sameEndAs: SessionPlace } | { readonly endBefore: number } | undefined;

/**
 * Rows of the query, newest first.
 * The query names its index, as either engine may expect another one (by end, by stream, by id) to meet enough rows
 * soon, and then reads a table of millions. A user has few rows, a stream may have many: with both, by user.
 */
function select(
  db: Kysely<HistoryTables>,
  engine: Engine,
  { userId, streamId, from, to }: SessionsQuery,
  after: After,
  limit: number,
): Promise<Row[]> {
  const index = sql.ref(userId === undefined ? 'presence_sessions_by_stream' : 'presence_sessions_by_user');
  const hint = engine === 'sqlite' ? sql`indexed by ${index}` : sql`force index (${index})`;
  // The builder has no index hints. Both engines take one after the alias, and so it is passed as part of that.
  const table = sql<SessionRow>`${sql.table('presence_sessions')}`.as<'s'>(sql`${sql.ref('s')} ${hint}`);
  let rows = db.selectFrom(table).selectAll().orderBy('ended_at', 'desc').orderBy('id', 'desc').limit(limit);
  if (after && 'sameEndAs' in after) {
    rows = rows.where('ended_at', '=', after.sameEndAs.endedAt).where('id', '<', after.sameEndAs.id);
  } else if (after) {
    rows = rows.where('ended_at', '<', after.endBefore);
  }
  if (userId !== undefined) rows = rows.where('user_id', '=', userId);
  if (streamId !== undefined) rows = rows.where('stream_id', '=', streamId);
  if (from !== undefined) rows = rows.where('ended_at', '>=', from);
  if (to !== undefined) rows = rows.where('ended_at', '<', to);
  return rows.execute();
}

/** Checks what would else be an unbounded read, and the cursor. */
export function checkQuery(query: SessionsQuery): void {
  if (query.userId === undefined && query.streamId === undefined)
    throw new RangeError('userId or streamId is required');
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
  const read = (left: number, after?: After): Promise<Row[]> => select(db, engine, query, after, left);
  let rows: Row[];
  if (cursor === undefined) {
    rows = await read(wanted);
  } else {
    // Two ranges instead of one condition on both columns, which neither engine finds in its index: when a node is
    // lost, thousands of sessions end at the same instant.
    const place = decodeCursor(cursor, query);
    rows = await read(wanted, { sameEndAs: place });
    if (rows.length < wanted) rows.push(...(await read(wanted - rows.length, { endBefore: place.endedAt })));
  }
  const sessions = rows.slice(0, limit);
  const last = sessions.at(-1);
  if (rows.length < wanted || !last) return { sessions: sessions.map(sessionOf) };
  return { sessions: sessions.map(sessionOf), cursor: encodeCursor({ endedAt: last.ended_at, id: last.id }, query) };
}
