/**
 * All writes but those of trimming. The two engines differ in what they do with a row that is there already: SQLite
 * has ON CONFLICT, MySQL has ON DUPLICATE KEY UPDATE (a column set to itself changes nothing; INSERT IGNORE would also
 * cut values that do not fit).
 */
import {
  CompiledQuery,
  type Expression,
  expressionBuilder,
  type Insertable,
  type Kysely,
  sql,
  type Transaction,
} from 'kysely';
import type { ConcurrencySample, EndedSession, HourRecord, MergeUsers } from '../history-database.ts';
import type { Engine, HistoryTables, MinuteRow, SessionRow } from './schema.ts';

function sessionRow(session: EndedSession): Insertable<SessionRow> {
  return {
    user_id: session.userId,
    session_id: session.sessionId,
    session_started_at: session.sessionStartedAt,
    segment: session.segment,
    stream_id: session.streamId ?? null,
    device_type: session.deviceType ?? null,
    country: session.country ?? null,
    state: session.state ?? null,
    started_at: session.startedAt,
    ended_at: session.endedAt,
    watched_ms: session.watchedMs,
    reason: session.reason,
    via: session.via,
  };
}

/** Names a row of sessions. */
const SESSION_KEY = ['session_started_at', 'user_id', 'session_id', 'segment'] as const;
/** All other columns are of its end, and change together. */
type EndColumn = Exclude<keyof SessionRow, 'id' | (typeof SESSION_KEY)[number]>;

/**
 * Inserts rows of sessions. Of a row that is stored already the later end is kept, with all that belongs to it: so the
 * order of writes does not matter, nor how often they are repeated.
 *
 * To build the statement costs 2 µs a row on the thread that serves sockets, a third of all that is done there for a
 * row. Its text depends on nothing but the number of rows, so it is built once for each.
 */
export class SessionUpsert {
  private readonly engine: Engine;
  private readonly texts = new Map<number, string>();

  constructor(engine: Engine) {
    this.engine = engine;
  }

  /** @param sessions few enough for one statement: a text is kept for each number of them. */
  async execute(db: Kysely<HistoryTables>, sessions: readonly EndedSession[]): Promise<void> {
    const rows = sessions.map(sessionRow);
    let text = this.texts.get(rows.length);
    if (text === undefined) {
      text = this.statement(db, rows).compile().sql;
      this.texts.set(rows.length, text);
    }
    // The builder lists columns in the order of the first row's properties, which is the same in all rows.
    await db.executeQuery(CompiledQuery.raw(text, rows.flatMap(Object.values)));
  }

  private statement(db: Kysely<HistoryTables>, rows: readonly Insertable<SessionRow>[]) {
    return db
      .insertInto('presence_sessions')
      .values(rows)
      .$if(this.engine === 'sqlite', (insert) =>
        insert.onConflict((conflict) =>
          conflict
            .columns(SESSION_KEY)
            .doUpdateSet(endColumns((column) => sql.ref<never>(`excluded.${column}`)))
            .whereRef('excluded.ended_at', '>', 'presence_sessions.ended_at'),
        ),
      )
      .$if(this.engine === 'mysql', (insert) => insert.onDuplicateKeyUpdate(endColumns(ofLaterEnd)));
  }
}

/** @param assigned of a column, what it is set to; an expression of any type, as each column has its own. */
function endColumns(assigned: (column: EndColumn) => Expression<never>): Record<EndColumn, Expression<never>> {
  return {
    stream_id: assigned('stream_id'),
    device_type: assigned('device_type'),
    country: assigned('country'),
    state: assigned('state'),
    started_at: assigned('started_at'),
    watched_ms: assigned('watched_ms'),
    reason: assigned('reason'),
    via: assigned('via'),
    // MySQL assigns from left to right, and later expressions see the new values: what is compared is last.
    ended_at: assigned('ended_at'),
  };
}

/** MySQL has no condition for an update as a whole, but writes no row whose columns all stay as they are. */
function ofLaterEnd(column: EndColumn): Expression<never> {
  return sql<never>`if(values(ended_at) > ended_at, values(${sql.ref(column)}), ${sql.ref(column)})`;
}

/** The peak is the greatest given; users and sessions are those of the latest sample. */
export async function upsertSample(
  db: Kysely<HistoryTables>,
  engine: Engine,
  { minuteAt, sampledAt, users, sessions, peakSessions }: ConcurrencySample,
): Promise<void> {
  await db
    .insertInto('presence_minutes')
    .values({ minute_at: minuteAt, sampled_at: sampledAt, users, sessions, peak_sessions: peakSessions })
    .$if(engine === 'sqlite', (insert) =>
      insert.onConflict((conflict) =>
        conflict.column('minute_at').doUpdateSet(merged((column) => sql.ref(`excluded.${column}`))),
      ),
    )
    .$if(engine === 'mysql', (insert) =>
      insert.onDuplicateKeyUpdate(merged((column) => sql`values(${sql.ref(column)})`)),
    )
    .execute();
}

/** @param given the value of the sample that is inserted; a column alone is the value that is stored. */
function merged(given: (column: keyof MinuteRow) => Expression<number>) {
  const { case: when, ref } = expressionBuilder<HistoryTables, 'presence_minutes'>();
  const greater = (by: keyof MinuteRow, column: keyof MinuteRow) =>
    when().when(given(by), '>', ref(by)).then(given(column)).else(ref(column)).end();
  // MySQL assigns from left to right, and later expressions see the new values: sampled_at is last.
  return {
    peak_sessions: greater('peak_sessions', 'peak_sessions'),
    users: greater('sampled_at', 'users'),
    sessions: greater('sampled_at', 'sessions'),
    sampled_at: greater('sampled_at', 'sampled_at'),
  };
}

/**
 * Raises an hour to the values given: hits to the greater ones, users to the merge of both. Inserts first and reads
 * then, so that the row exists and is locked until the transaction ends, whoever comes first.
 */
export async function mergeHour(
  db: Transaction<HistoryTables>,
  engine: Engine,
  given: HourRecord,
  merge: MergeUsers,
): Promise<void> {
  const { hourAt, generation, clicks, impressions } = given;
  await db
    .insertInto('presence_hours')
    .values({ hour_at: hourAt, generation, clicks, impressions, users: Buffer.from(given.users) })
    .$if(engine === 'sqlite', (insert) => insert.onConflict((conflict) => conflict.doNothing()))
    .$if(engine === 'mysql', (insert) => insert.onDuplicateKeyUpdate(({ ref }) => ({ hour_at: ref('hour_at') })))
    .execute();
  const stored = await db
    .selectFrom('presence_hours')
    .selectAll()
    .where('hour_at', '=', hourAt)
    .where('generation', '=', generation)
    .$if(engine === 'mysql', (query) => query.forUpdate())
    .executeTakeFirstOrThrow();
  await db
    .updateTable('presence_hours')
    .set({
      clicks: Math.max(stored.clicks, clicks),
      impressions: Math.max(stored.impressions, impressions),
      users: Buffer.from(merge(new Uint8Array(stored.users), given.users)),
    })
    .where('hour_at', '=', hourAt)
    .where('generation', '=', generation)
    .execute();
}
