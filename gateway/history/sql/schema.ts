/** The tables as the newest migration leaves them. Times are epoch milliseconds. */
import type { Generated } from 'kysely';

export interface SessionRow {
  /** Grows with each row: orders those that ended at the same instant. */
  readonly id: Generated<number>;
  readonly user_id: string;
  readonly session_id: string;
  readonly session_started_at: number;
  readonly segment: number;
  readonly stream_id: string | null;
  readonly device_type: string | null;
  readonly country: string | null;
  readonly state: string | null;
  readonly started_at: number;
  readonly ended_at: number;
  readonly watched_ms: number;
  readonly reason: string;
  readonly via: string;
}

export interface MinuteRow {
  readonly minute_at: number;
  readonly sampled_at: number;
  readonly users: number;
  readonly sessions: number;
  readonly peak_sessions: number;
}

export interface HourRow {
  readonly hour_at: number;
  readonly generation: string;
  readonly clicks: number;
  readonly impressions: number;
  readonly users: Uint8Array;
}

/** Named apart from whatever else lives in a shared database. */
export interface HistoryTables {
  readonly presence_sessions: SessionRow;
  readonly presence_minutes: MinuteRow;
  readonly presence_hours: HourRow;
}

export type Engine = 'sqlite' | 'mysql';
