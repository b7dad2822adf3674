/** Places within one query of sessions, as opaque text. */
import { createHash } from 'node:crypto';
import type { SessionsQuery } from '../history-database.ts';
import { HistoryError } from '../history-error.ts';

/** The last row of a page. */
export interface SessionPlace {
  readonly endedAt: number;
  readonly id: number;
}

const VERSION = 's1';
const FORM = /^s1\.(\d{1,16})\.(\d{1,16})\.([A-Za-z0-9_-]{11})$/;
const MAX_LENGTH = 80;

/** Tells queries apart, not attackers: who forges a place sees no more than the query shows anyway. */
function markOf({ userId, streamId, from, to }: SessionsQuery): string {
  const text = JSON.stringify([userId ?? null, streamId ?? null, from ?? null, to ?? null]);
  return createHash('sha256').update(text).digest('base64url').slice(0, 11);
}

export function encodeCursor({ endedAt, id }: SessionPlace, query: SessionsQuery): string {
  return Buffer.from(`${VERSION}.${endedAt}.${id}.${markOf(query)}`).toString('base64url');
}

/** @throws HistoryError `invalid_cursor` */
export function decodeCursor(cursor: string, query: SessionsQuery): SessionPlace {
  const bytes = Buffer.from(cursor.slice(0, MAX_LENGTH), 'base64url');
  // Decoding passes over what is not of the alphabet; a cursor has one form.
  const text = bytes.toString('base64url') === cursor ? bytes.toString('latin1') : '';
  const [, endedAt, id, mark] = FORM.exec(text) ?? [];
  const place = { endedAt: Number(endedAt), id: Number(id) };
  if (!Number.isSafeInteger(place.endedAt) || !Number.isSafeInteger(place.id)) {
    throw new HistoryError('invalid_cursor', 'cursor is not one of this history');
  }
  if (mark !== markOf(query)) throw new HistoryError('invalid_cursor', 'cursor is of another query');
  return place;
}
