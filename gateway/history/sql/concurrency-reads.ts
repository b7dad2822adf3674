/** Concurrency over time, out of its minutes. */
import type { Kysely } from 'kysely';
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
    .select(({ eb, fn, parens }) => [
      eb('minute_at', '-', eb(parens('minute_at', '-', from), '%', stepMs)).as('at'),
      fn.sum('users').as('users'),
      fn.sum('sessions').as('sessions'),
      fn.max('peak_sessions').as('peak'),
      fn.countAll<number>().as('minutes'),
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
