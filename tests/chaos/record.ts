/** What was seen of a run from outside, each with its time: all that the checker reads. Times are ms of this machine's clock. */

import { CLOSE_CODES } from '../../gateway/protocol/close-codes.ts';

/** What happened to one session, as its player saw it. */
export type SessionEvent =
  | { readonly what: 'hello'; readonly at: number; readonly gateway: string; readonly resumes: boolean }
  | {
      readonly what: 'welcome';
      readonly at: number;
      readonly gateway: string;
      readonly degraded: boolean;
      readonly resumed: boolean;
    }
  /** The store was asked, and has the session. */
  | { readonly what: 'alive'; readonly at: number; readonly gateway: string; readonly tookMs: number }
  | { readonly what: 'evicted'; readonly at: number; readonly reason: string }
  | { readonly what: 'problem'; readonly at: number; readonly code: string }
  | { readonly what: 'closed'; readonly at: number; readonly code: number }
  /** The player left: the message was sent; `left`: it was answered. */
  | { readonly what: 'leave'; readonly at: number }
  | { readonly what: 'left'; readonly at: number }
  /** The player is gone without a word: its socket was closed, or its network ended. */
  | { readonly what: 'gone'; readonly at: number; readonly way: 'socket' | 'network' };

export interface SessionRecord {
  readonly userId: string;
  readonly sessionId: string;
  readonly streamId: string;
  /** Others of the same user want the same slots. */
  readonly isContended: boolean;
  readonly events: SessionEvent[];
}

/** One answer about who is online. */
export interface StatusPoll {
  readonly gateway: string;
  readonly askedAt: number;
  readonly answeredAt: number;
  /** How old it may be, by its own word. */
  readonly ageMs: number;
  /** It says that it may lack some. */
  readonly isDegraded: boolean;
  readonly online: ReadonlySet<string>;
}

/** What a gateway says of itself; `status` 0: no answer. */
export interface HealthPoll {
  readonly gateway: string;
  readonly askedAt: number;
  readonly answeredAt: number;
  readonly status: number;
  readonly word: string;
}

/** A change as a dashboard was told it. */
export interface ToldChange {
  readonly at: number;
  /** By the store's clock. */
  readonly happenedAt: number;
  readonly kind: 'open' | 'update' | 'close';
  readonly userId: string;
  readonly sessionId: string;
  readonly isOffline: boolean;
  readonly reason: string;
}

export interface DashboardRecord {
  readonly gateway: string;
  readonly changes: ToldChange[];
  /** What should never come. */
  readonly faults: string[];
  /** When it was connected and had a snapshot. */
  readonly connected: { readonly from: number; to: number }[];
}

export interface LogLine {
  readonly gateway: string;
  readonly at: number;
  readonly level: number;
  readonly message: string;
}

export interface ProcessEnd {
  readonly gateway: string;
  readonly at: number;
  readonly code: number | null;
  readonly signal: string | null;
  readonly wasPlanned: boolean;
}

/** The store, or a gateway, was away on purpose. */
export interface Window {
  readonly from: number;
  readonly to: number;
  /** Of one gateway alone; undefined: of all. */
  readonly gateway?: string;
  /** In the meantime the lease of a gateway may lapse, and its players' sessions end by rule. */
  readonly mayLapse: boolean;
  /**
   * Its store is not the one that others have: neither knows the sessions of the other. `unnoticed`: it takes writes all
   * the same, and the gateway cannot know; `noticed`: the gateway has to say so.
   */
  readonly split?: 'unnoticed' | 'noticed';
  /** The gateway's process ended at `from`, and what it held ends with its lease. */
  readonly isKilled?: boolean;
}

/** How often a timer of 10 ms fired. */
export interface Pace {
  readonly from: number;
  readonly to: number;
  readonly ticks: number;
}

/** One run: what was done, and what was seen. */
export interface RunRecord {
  readonly seed: number;
  readonly limit: number;
  /** Since when it was looked: what players saw before is kept of those who are still there. */
  lookedFrom: number;
  readonly timers: Timers;
  readonly sessions: SessionRecord[];
  readonly polls: StatusPoll[];
  readonly health: HealthPoll[];
  readonly dashboards: DashboardRecord[];
  readonly lines: LogLine[];
  readonly ends: ProcessEnd[];
  readonly windows: Window[];
  readonly pace: Pace[];
  /** How far the store's clock was ahead, from when on; before the first: not at all. */
  readonly storeClock: { readonly from: number; readonly aheadMs: number }[];
  /** What was read when all was over and quiet. */
  final: FinalState | undefined;
}

export interface Timers {
  readonly pingMs: number;
  readonly pongMs: number;
  readonly graceMs: number;
  readonly beatMs: number;
  readonly leaseMs: number;
  readonly sweepMs: number;
  /** By which a silence of the store extends the leases that ended in it (P9). */
  readonly stallGraceMs: number;
}

export interface FinalState {
  readonly at: number;
  /** `user/session` that the API has. */
  readonly sessions: readonly string[];
  readonly totals: { readonly users: number; readonly sessions: number };
  readonly counted: { readonly users: number; readonly sessions: number };
  /** Of each dashboard, what its map has. */
  readonly maps: readonly { readonly gateway: string; readonly rows: readonly string[] }[];
  readonly history: readonly HistoryRow[] | undefined;
  readonly memoryMb: readonly { readonly gateway: string; readonly mb: number }[];
}

export interface HistoryRow {
  readonly userId: string;
  readonly sessionId: string;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly reason: string;
}

/** When it was by this machine's clock what a store's clock showed then. @param near about when it was: steps are longer. */
export function ownTime(storeAt: number, near: number, { storeClock }: RunRecord): number {
  const times = storeClock.map(({ aheadMs }) => storeAt - aheadMs);
  return times.reduce((best, at) => (Math.abs(at - near) < Math.abs(best - near) ? at : best), storeAt);
}

/** Of the timer by which this machine's pace is seen. */
export const TICK_MS = 10;

/**
 * How much longer than it says a row of short timers takes on this machine, as it is busy: pings of a gateway are due by
 * such a row, and each that is late makes all after it late. From 1 on.
 */
export function stretch(from: number, to: number, { pace }: RunRecord): number {
  const some = pace.filter((one) => one.from < to && one.to > from);
  const ms = some.reduce((sum, one) => sum + one.to - one.from, 0);
  const ticks = some.reduce((sum, one) => sum + one.ticks, 0);
  return ticks === 0 ? 1 : Math.max(1, ms / TICK_MS / ticks);
}

/** When this machine stood still for so long that no gateway can have beaten: a silence of the store, as P9 has it. */
export function standstills({ pace, timers: { beatMs, leaseMs } }: RunRecord): Window[] {
  return pace
    .map(({ from, to }) => ({ from: from - beatMs, to, mayLapse: false }))
    .filter(({ from, to }) => to - from > leaseMs / 2);
}

/** Close codes after which a client does not come back. */
export const FINAL_CODES: ReadonlySet<number> = new Set(
  Object.values(CLOSE_CODES)
    .filter(({ reconnect }) => reconnect === 'never')
    .map(({ code }) => code),
);

/** This machine's clock, in fractions of ms, which never steps back. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}
