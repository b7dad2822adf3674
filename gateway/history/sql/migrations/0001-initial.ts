/**
 * The names of a row of sessions begin with time in the unique key: what is written together then lies together, and
 * only the index by user is written all over. `id` is in every index already, as the row's own place.
 * SQLite compares text byte by byte; so does MySQL with `_bin`.
 */
export const sqlite = [
  `create table presence_sessions (
    id integer primary key,
    user_id text not null,
    session_id text not null,
    session_started_at integer not null,
    segment integer not null,
    stream_id text,
    device_type text,
    country text,
    state text,
    started_at integer not null,
    ended_at integer not null,
    watched_ms integer not null,
    reason text not null,
    via text not null,
    unique (session_started_at, user_id, session_id, segment)
  ) strict`,
  'create index presence_sessions_by_user on presence_sessions (user_id, ended_at)',
  'create index presence_sessions_by_stream on presence_sessions (stream_id, ended_at)',
  'create index presence_sessions_by_end on presence_sessions (ended_at)',
  `create table presence_minutes (
    minute_at integer primary key,
    sampled_at integer not null,
    users integer not null,
    sessions integer not null,
    peak_sessions integer not null
  ) strict`,
  `create table presence_hours (
    hour_at integer not null,
    generation text not null,
    clicks integer not null,
    impressions integer not null,
    users blob not null,
    primary key (hour_at, generation)
  ) strict`,
];

const ID = 'varchar(128) character set ascii collate ascii_bin';
const WORD = 'varchar(16) character set ascii collate ascii_bin not null';
const LABEL = 'varchar(64) character set utf8mb4 collate utf8mb4_bin';

export const mysql = [
  `create table if not exists presence_sessions (
    id bigint not null auto_increment primary key,
    user_id ${ID} not null,
    session_id ${ID} not null,
    session_started_at bigint not null,
    segment int not null,
    stream_id ${ID},
    device_type ${LABEL},
    country ${LABEL},
    state ${LABEL},
    started_at bigint not null,
    ended_at bigint not null,
    watched_ms bigint not null,
    reason ${WORD},
    via ${WORD},
    unique key presence_sessions_by_name (session_started_at, user_id, session_id, segment),
    key presence_sessions_by_user (user_id, ended_at),
    key presence_sessions_by_stream (stream_id, ended_at),
    key presence_sessions_by_end (ended_at)
  ) engine = InnoDB default charset = utf8mb4`,
  `create table if not exists presence_minutes (
    minute_at bigint not null primary key,
    sampled_at bigint not null,
    users bigint not null,
    sessions bigint not null,
    peak_sessions bigint not null
  ) engine = InnoDB default charset = utf8mb4`,
  `create table if not exists presence_hours (
    hour_at bigint not null,
    generation ${ID} not null,
    clicks bigint not null,
    impressions bigint not null,
    users mediumblob not null,
    primary key (hour_at, generation)
  ) engine = InnoDB default charset = utf8mb4`,
];
