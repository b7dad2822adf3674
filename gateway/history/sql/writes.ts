/** The texts of all inserts. Kysely has one syntax for each engine here, and takes 10 µs a row to build what never changes. */
import { CompiledQuery } from 'kysely';
import type { ConcurrencySample, EndedSession, HourRecord } from '../history-database.ts';
import type { Engine } from './schema.ts';

const SESSION_COLUMNS = [
  'user_id',
  'session_id',
  'session_started_at',
  'segment',
  'stream_id',
  'device_type',
  'country',
  'state',
  'started_at',
  'ended_at',
  'watched_ms',
  'reason',
  'via',
];

/**
 * What makes a repeated insert change nothing. Not INSERT IGNORE: that would cut values that do not fit, too.
 * @param column any of the table.
 */
const keepStored = (engine: Engine, column: string): string =>
  engine === 'sqlite' ? 'on conflict do nothing' : `on duplicate key update ${column} = ${column}`;

function insert(table: string, columns: readonly string[], rows: number, conflict: string): string {
  const row = `(${columns.map(() => '?').join(', ')})`;
  return `insert into ${table} (${columns.join(', ')}) values ${Array(rows).fill(row).join(', ')} ${conflict}`;
}

export function insertSessions(engine: Engine, sessions: readonly EndedSession[]): CompiledQuery {
  const values = sessions.flatMap((session) => [
    session.userId,
    session.sessionId,
    session.sessionStartedAt,
    session.segment,
    session.streamId ?? null,
    session.deviceType ?? null,
    session.country ?? null,
    session.state ?? null,
    session.startedAt,
    session.endedAt,
    session.watchedMs,
    session.reason,
    session.via,
  ]);
  const conflict = keepStored(engine, 'id');
  return CompiledQuery.raw(insert('presence_sessions', SESSION_COLUMNS, sessions.length, conflict), values);
}

export function upsertSample(engine: Engine, sample: ConcurrencySample): CompiledQuery {
  const { minuteAt, sampledAt, users, sessions, peakSessions } = sample;
  const given = (column: string): string => (engine === 'sqlite' ? `excluded.${column}` : `values(${column})`);
  const latest = (column: string): string =>
    `${column} = case when ${given('sampled_at')} > sampled_at then ${given(column)} else ${column} end`;
  // MySQL assigns from left to right, and what comes later sees it: sampled_at is last.
  const changes = [
    `peak_sessions = case when ${given('peak_sessions')} > peak_sessions then ${given('peak_sessions')} else peak_sessions end`,
    latest('users'),
    latest('sessions'),
    latest('sampled_at'),
  ].join(', ');
  const conflict =
    engine === 'sqlite' ? `on conflict (minute_at) do update set ${changes}` : `on duplicate key update ${changes}`;
  const columns = ['minute_at', 'sampled_at', 'users', 'sessions', 'peak_sessions'];
  return CompiledQuery.raw(insert('presence_minutes', columns, 1, conflict), [
    minuteAt,
    sampledAt,
    users,
    sessions,
    peakSessions,
  ]);
}

/** Leaves the row locked until the transaction ends, whether it was there or not. */
export function insertHour(engine: Engine, record: HourRecord): CompiledQuery {
  const columns = ['hour_at', 'generation', 'clicks', 'impressions', 'users'];
  return CompiledQuery.raw(insert('presence_hours', columns, 1, keepStored(engine, 'hour_at')), [
    record.hourAt,
    record.generation,
    record.clicks,
    record.impressions,
    Buffer.from(record.users),
  ]);
}
