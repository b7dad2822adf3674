/** I5: totals are what a count of users, one by one, gives; and whoever is there is there. */
import type { RunRecord } from '../record.ts';
import { endOf, ghostUntil, isConnected, liveSpans } from './claims.ts';

export function checkCounts(run: RunRecord): string[] {
  const { final } = run;
  if (!final) return ['the run did not come to its end'];
  const faults: string[] = [];
  const { totals, counted } = final;
  if (totals.users !== counted.users) faults.push(`${totals.users} users are counted, and ${counted.users} are online`);
  if (totals.sessions !== counted.sessions) {
    faults.push(`${totals.sessions} sessions are counted, and ${counted.sessions} are there`);
  }
  const there = new Set(final.sessions);
  for (const session of run.sessions) {
    const name = `${session.userId}/${session.sessionId}`;
    const isLive = endOf(session) === undefined && liveSpans(session, run).length > 0 && isConnected(session);
    if (isLive && !there.has(name)) faults.push(`${name} plays on, and is not there`);
    const isOver = endOf(session) !== undefined && ghostUntil(session, run).until < final.at;
    if (isOver && there.has(name)) faults.push(`${name} is gone, and is there`);
  }
  return faults;
}
