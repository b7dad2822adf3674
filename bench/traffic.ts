/** What players and readers send to the sidecar. */
import type { Bed } from './bed.ts';
import { atRate } from './load.ts';
import { type BenchSession, makeSessions } from './players.ts';
import { NEW_NUMBER, request, requestFile } from './requests.ts';

/** Of 20,000 users, a fifth on two screens. */
const SESSIONS = 24_000;
/** Of a hundred beats, how many are of a player that was never seen. */
const NEW_BEATS = 1;
const LISTS = 400;
const IDS_PER_LIST = 100;
const FILL_PER_SECOND = 3_000;
export const CONNECTIONS = 64;
/** Nobody goes offline by himself. */
export const LASTING = { HEARTBEAT_TTL_MS: '3600000' };

export const sessions: readonly BenchSession[] = makeSessions(SESSIONS);

const beat = ({ userId, sessionId, attributes }: BenchSession): string =>
  request('POST', '/heartbeat', { userId, sessionId, ...attributes });

/** Every session beats once. */
export async function fill(bed: Bed): Promise<void> {
  const forMs = (sessions.length * 1_000) / FILL_PER_SECOND;
  const order = { port: bed.port, file: requestFile(sessions.map(beat)), forMs, connections: CONNECTIONS };
  await atRate(order, FILL_PER_SECOND);
}

/** Beats of the known, and now and then of somebody new. */
export function beats(): string[] {
  return sessions.map((session, i) => {
    if (i % 100 >= NEW_BEATS) return beat(session);
    return beat({ ...session, userId: `new-${NEW_NUMBER}`, sessionId: `new-${NEW_NUMBER}` });
  });
}

/**
 * Lists that share few ids, so that no memory of answers would help.
 * @param away of the ids of a list, how many are of users who are not online.
 */
export function statusLists(away = 0): string[] {
  return Array.from({ length: LISTS }, (_, list) => {
    const ids = Array.from({ length: IDS_PER_LIST }, (_, i) => {
      if (i < away) return `away-${String(list * away + i).padStart(8, '0')}`;
      return (sessions[(list * 59 + i * 239) % sessions.length] as BenchSession).userId;
    });
    return request('GET', `/status/users?ids=${ids.join(',')}`);
  });
}
