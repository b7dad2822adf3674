/** Deletes what is kept no longer, one batch of oldest rows at a time. */
import type { Kysely } from 'kysely';
import type { Retention, Trimmed } from '../history-database.ts';
import type { HistoryTables } from './schema.ts';

export interface Batch {
  readonly deleted: number;
  /** As many were found as the batch may have: there may be more. */
  readonly full: boolean;
}

/** One kind of rows; runs a batch on the connection it is given. */
export interface TrimPart {
  readonly what: keyof Omit<Trimmed, 'more'>;
  batch(db: Kysely<HistoryTables>, rows: number): Promise<Batch>;
}

/** Neither engine lets a DELETE name the rows of a bounded SELECT of the same table in the same words: read, then delete. */
function sessionsBefore(before: number): TrimPart {
  return {
    what: 'sessions',
    async batch(db, rows) {
      const found = await db
        .selectFrom('presence_sessions')
        .select('id')
        .where('ended_at', '<', before)
        .orderBy('ended_at')
        .limit(rows)
        .execute();
      if (found.length === 0) return { deleted: 0, full: false };
      const ids = found.map(({ id }) => id);
      // A row that has got a later end since it was read stays.
      const { numDeletedRows } = await db
        .deleteFrom('presence_sessions')
        .where('id', 'in', ids)
        .where('ended_at', '<', before)
        .executeTakeFirst();
      return { deleted: Number(numDeletedRows), full: found.length === rows };
    },
  };
}

function samplesBefore(before: number): TrimPart {
  return {
    what: 'samples',
    async batch(db, rows) {
      const found = await db
        .selectFrom('presence_minutes')
        .select('minute_at')
        .where('minute_at', '<', before)
        .orderBy('minute_at')
        .limit(rows)
        .execute();
      const last = found.at(-1);
      if (!last) return { deleted: 0, full: false };
      const { numDeletedRows } = await db
        .deleteFrom('presence_minutes')
        .where('minute_at', '<=', last.minute_at)
        .executeTakeFirst();
      return { deleted: Number(numDeletedRows), full: found.length === rows };
    },
  };
}

/** Whole hours: of the last one some more than `rows`, one for each generation. */
function hoursBefore(before: number): TrimPart {
  return {
    what: 'hours',
    async batch(db, rows) {
      const found = await db
        .selectFrom('presence_hours')
        .select('hour_at')
        .where('hour_at', '<', before)
        .orderBy('hour_at')
        .limit(rows)
        .execute();
      const last = found.at(-1);
      if (!last) return { deleted: 0, full: false };
      const { numDeletedRows } = await db
        .deleteFrom('presence_hours')
        .where('hour_at', '<=', last.hour_at)
        .executeTakeFirst();
      return { deleted: Number(numDeletedRows), full: found.length === rows };
    },
  };
}

export function trimParts(retention: Retention): TrimPart[] {
  const parts: TrimPart[] = [];
  if (retention.sessionsBefore !== undefined) parts.push(sessionsBefore(retention.sessionsBefore));
  if (retention.samplesBefore !== undefined) parts.push(samplesBefore(retention.samplesBefore));
  if (retention.hoursBefore !== undefined) parts.push(hoursBefore(retention.hoursBefore));
  return parts;
}
