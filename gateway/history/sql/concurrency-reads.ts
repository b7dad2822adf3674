/** Concurrency over time, out of its minutes. */
import { type Kysely, sql } from 'kysely';
import { type ConcurrencyPoint, type ConcurrencyQuery, MAX_POINTS } from '../history-database.ts';
import type { HistoryTables } from './schema.ts';

/** Checks what would else be an unbounded answer. */
export function checkSteps({ from, to, stepMs }: ConcurrencyQuery): void {
  if (!(Number.isInteger(stepMs) && stepMs >= 1)) throw new RangeError('stepMs must be a positive integer');
  if ((to - from) / stepMs > MAX_POINTS)
    throw new RangeError(`from, to and stepMs make more than ${MAX_POINTS} points`);
}

export async function readConcurrency(
  db: Kysely<HistoryTables>,
  { from, to, stepMs }: ConcurrencyQuery,
): Promise<ConcurrencyPoint[]> {
  const rows = await db
    .selectFrom('presence_minutes')
    .select([
      sql<number>`minute_at - (minute_at - ${from}) % ${stepMs}`.as('at'),
      sql<number | string>`sum(users)`.as('users'),
      sql<number | string>`sum(sessions)`.as('sessions'),
      sql<number>`max(peak_sessions)`.as('peak'),
      sql<number>`count(*)`.as('minutes'),
    ])
    .where('minute_at', '>=', from)
    .where('minute_at', '<', to)
    .groupBy('at')
    .orderBy('at')
    .execute();
  // MySQL gives sums as decimal text.
  return rows.map(({ at, users, sessions, peak, minutes }) => ({
    at,
    users: Math.round(Number(users) / minutes),
    sessions: Math.round(Number(sessions) / minutes),
    peakSessions: peak,
  }));
}
