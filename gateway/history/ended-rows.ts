/** Which rows of history a change of the log ends. */
import type { Change } from '../../presence-core/index.ts';
import type { EndedSession } from './history-database.ts';

/** A switch after less than this leaves no row: zapping would fill the disk. */
const WATCHED_MIN_MS = 1_000;

type Place = Pick<Change, 'streamId' | 'deviceType' | 'country' | 'state' | 'segment' | 'segmentStartedAt'>;

/**
 * The row that ends with this change: of the last stream on a close, of the former one on a switch.
 * Presence-only marks watch nothing and leave none, nor does the time before a session first named a stream.
 */
export function endedRow(change: Change): EndedSession | undefined {
  const { kind, previous, reason } = change;
  if (change.via === 'presence') return undefined;
  if (kind === 'close' && reason !== undefined) return row(change, change, change.at, reason);
  const switched = previous?.streamId !== undefined && previous.segment !== change.segment;
  if (!switched || change.segmentStartedAt - previous.segmentStartedAt < WATCHED_MIN_MS) return undefined;
  return row(change, previous, change.segmentStartedAt, 'switched');
}

function row(change: Change, place: Place, at: number, reason: EndedSession['reason']): EndedSession {
  const { userId, sessionId, startedAt: sessionStartedAt } = change;
  const { streamId, deviceType, country, state, segment, segmentStartedAt: startedAt } = place;
  // A master that took over may have had a clock behind the former one's.
  const endedAt = Math.max(at, startedAt);
  return {
    userId,
    sessionId,
    sessionStartedAt,
    segment,
    ...(streamId !== undefined && { streamId }),
    ...(deviceType !== undefined && { deviceType }),
    ...(country !== undefined && { country }),
    ...(state !== undefined && { state }),
    startedAt,
    endedAt,
    watchedMs: endedAt - startedAt,
    reason,
    via: change.via as EndedSession['via'],
  };
}
