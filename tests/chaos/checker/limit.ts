/** I3: nobody is admitted, and told so without a reserve, while others surely hold all slots of the user. */
import type { RunRecord, SessionRecord } from '../record.ts';
import { liveSpans, splitOf } from './claims.ts';

export function checkLimit(run: RunRecord): string[] {
  const faults: string[] = [];
  for (const [userId, sessions] of byUser(run)) {
    const spans = new Map(sessions.map((session) => [session, liveSpans(session, run)]));
    for (const session of sessions) {
      for (const { from, to } of admissionsOf(session, run)) {
        const holders = sessions.filter(
          (other) => other !== session && spans.get(other)?.some((span) => span.from <= from && span.to >= to),
        );
        if (holders.length < run.limit) continue;
        const names = holders.map(({ sessionId }) => sessionId).join(', ');
        faults.push(`${userId}/${session.sessionId} was admitted while ${names} held all ${run.limit} slots`);
      }
    }
  }
  return faults;
}

function byUser(run: RunRecord): Map<string, SessionRecord[]> {
  const users = new Map<string, SessionRecord[]>();
  for (const session of run.sessions) {
    if (!session.isContended) continue;
    const list = users.get(session.userId);
    if (list) list.push(session);
    else users.set(session.userId, [session]);
  }
  return users;
}

/** From each hello to its welcome as a new session, but for degraded ones, and those by a part that others cannot see. */
function admissionsOf(session: SessionRecord, run: RunRecord): { from: number; to: number }[] {
  const admissions: { from: number; to: number }[] = [];
  let helloAt = 0;
  let isFirst = true;
  for (const event of session.events) {
    if (event.what === 'hello') helloAt = event.at;
    if (event.what !== 'welcome') continue;
    const isKnown = !event.degraded && splitOf(event.gateway, event.at, run) !== 'unnoticed';
    if (isKnown && !event.resumed && isFirst) admissions.push({ from: helloAt, to: event.at });
    isFirst = false;
  }
  return admissions;
}
