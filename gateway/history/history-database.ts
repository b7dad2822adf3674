/**
 * The one face of the history in SQL: what ended, how many were there, and the hours of the analytics.
 *
 * `SqlHistory` implements it over SQLite and over MySQL or MariaDB; both pass one contract suite
 * (tests/contract/history/history-contract.ts). Ids and labels must satisfy P13: the database trusts its caller there.
 * Instants are epoch milliseconds. Every call is bounded in time, rejects with `HistoryError`, and may be repeated after
 * any failure: no write counts twice. A `RangeError` is the caller's own mistake.
 */
import type { CloseReason, HourRecord, Via } from '../../presence-core/index.ts';

/** One stretch of a session on one stream. A switch of stream ends one and starts the next. */
export interface EndedSession {
  readonly userId: string;
  readonly sessionId: string;
  /** Start of the whole session; with user, session and segment it names the row. */
  readonly sessionStartedAt: number;
  readonly segment: number;
  readonly streamId?: string;
  readonly deviceType?: string;
  readonly country?: string;
  readonly state?: string;
  /** Start of this segment. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly watchedMs: number;
  readonly reason: CloseReason | 'switched';
  readonly via: Exclude<Via, 'presence'>;
}

/** Of one user, one stream, or one user on one stream. */
export interface SessionsQuery {
  readonly userId?: string;
  readonly streamId?: string;
  /** Rows with `from <= endedAt < to`. */
  readonly from?: number;
  readonly to?: number;
  /** 1 to `MAX_PAGE`. */
  readonly limit: number;
  /** Of the page before, of the same query; another `limit` is allowed. */
  readonly cursor?: string;
}

export interface SessionsPage {
  /** Newest end first; of those that ended at the same instant, the one that was new last. */
  readonly sessions: readonly EndedSession[];
  /** Absent on the last page. */
  readonly cursor?: string;
}

export interface ConcurrencySample {
  /** The minute that the sample is of: its first millisecond. */
  readonly minuteAt: number;
  readonly sampledAt: number;
  readonly users: number;
  readonly sessions: number;
  readonly peakSessions: number;
}

export interface ConcurrencyQuery {
  /** Samples with `from <= minuteAt < to`; steps are counted from `from`, at most `MAX_POINTS` of them. */
  readonly from: number;
  readonly to: number;
  readonly stepMs: number;
}

export interface ConcurrencyPoint {
  /** Start of the step. */
  readonly at: number;
  /** Averages of the step's minutes, rounded. */
  readonly users: number;
  readonly sessions: number;
  /** The greatest of the step. */
  readonly peakSessions: number;
}

export type { HourRecord };

/** Of two sketches of users, which are opaque here. */
export type MergeUsers = (stored: Uint8Array, given: Uint8Array) => Uint8Array;

/** Everything older than the instant goes; what is left out is kept. */
export interface Retention {
  /** By `endedAt`. */
  readonly sessionsBefore?: number;
  /** By `minuteAt`. */
  readonly samplesBefore?: number;
  /** By `hourAt`. */
  readonly hoursBefore?: number;
}

export interface Trimmed {
  readonly sessions: number;
  readonly samples: number;
  readonly hours: number;
  /** The call's time was up before everything was deleted: call again. */
  readonly more: boolean;
}

export interface HistoryDatabase {
  readonly engine: 'sqlite' | 'mysql';
  /**
   * Connects and brings the schema up to date; safe when several processes start at once, and again after a failure.
   * Rejects with `history_misconfigured` for what another attempt does not change: a wrong password, an unknown database, a file
   * that cannot be written, a driver that is not installed, a schema newer than this version.
   */
  start(): Promise<void>;
  /** Lets what is in flight end, then closes. */
  stop(): Promise<void>;
  ping(): Promise<void>;
  /**
   * At most `MAX_ROWS`, all or none. Of two rows of one name (user, session, its start, segment) the one with the later
   * end is kept whole, in whatever order they come; of one end, the first. Rejects with `value_refused` for a row that
   * does not fit the table.
   */
  addSessions(rows: readonly EndedSession[]): Promise<void>;
  /** One row a minute: the peak is the greatest given, users and sessions are those of the latest `sampledAt`. */
  addSample(sample: ConcurrencySample): Promise<void>;
  /** One row an hour and generation, whose users are opaque here: hits are the greatest given, users the merge of all given. All or none. */
  saveHours(records: readonly HourRecord[], merge: MergeUsers): Promise<void>;
  /** All generations of one hour. */
  hours(hourAt: number): Promise<HourRecord[]>;
  /** Rejects with `invalid_cursor` for a cursor that is none, or of another query. */
  sessions(query: SessionsQuery): Promise<SessionsPage>;
  /** Oldest first; steps without samples are left out. */
  concurrency(query: ConcurrencyQuery): Promise<ConcurrencyPoint[]>;
  /** Deletes in batches of `batchRows`, idle between two for as long as the last one took, so that others get in. */
  trim(retention: Retention, batchRows: number): Promise<Trimmed>;
}

/** What routes ask of it. */
export type HistoryReads = Pick<HistoryDatabase, 'sessions' | 'concurrency' | 'hours'>;

export const MAX_ROWS = 10_000;
export const MAX_PAGE = 500;
export const MAX_POINTS = 5_000;
