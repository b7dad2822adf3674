/** I1: no live player is reported or logged offline, thrown out, or closed with a final code. */
import { CLOSE_CODES } from '../../../gateway/protocol/close-codes.ts';
import { FINAL_CODES, ownTime, type RunRecord, type SessionRecord } from '../record.ts';
import { endOf, isConnected, liveSpans, splitOf } from './claims.ts';

export function checkLive(run: RunRecord): string[] {
  const faults: string[] = [];
  for (const session of run.sessions) {
    checkEnd(session, faults);
    checkProven(session, run, faults);
    if (session.isContended) continue;
    const { userId } = session;
    const others = run.sessions.filter((one) => one.userId === userId && one !== session);
    for (const span of liveSpans(session, run)) {
      const wrong = run.polls.filter(
        ({ gateway, askedAt, answeredAt, ageMs, isDegraded, online }) =>
          !isDegraded &&
          splitOf(gateway, answeredAt, run) !== 'unnoticed' &&
          askedAt - ageMs >= span.from &&
          answeredAt <= span.to &&
          !online.has(userId),
      );
      const [first] = wrong;
      if (first) {
        const ms = Math.round((wrong.at(-1)?.answeredAt ?? 0) - first.askedAt);
        faults.push(`${userId} is live, and ${first.gateway} says offline (${wrong.length} answers in ${ms} ms)`);
      }
      if (others.length > 0) continue;
      for (const { gateway, changes } of run.dashboards) {
        const told = changes.find(
          (change) =>
            change.userId === userId &&
            change.isOffline &&
            ownTime(change.happenedAt, change.at, run) > span.from &&
            ownTime(change.happenedAt, change.at, run) < span.to,
        );
        if (told) faults.push(`${userId} is live, and the log of ${gateway} says offline (${told.reason})`);
      }
    }
  }
  return faults;
}

/** Whoever was welcomed is ended by nobody but itself. */
function checkEnd(session: SessionRecord, faults: string[]): void {
  const ownEndAt = endOf(session)?.at ?? Number.POSITIVE_INFINITY;
  let isWelcomed = false;
  let isDegraded = false;
  for (const event of session.events) {
    if (event.at > ownEndAt) return;
    if (event.what === 'welcome') {
      isWelcomed = true;
      isDegraded = event.degraded;
    }
    if (event.what === 'alive') isDegraded = false;
    if (!isWelcomed || event.what !== 'closed' || !FINAL_CODES.has(event.code)) continue;
    // Whoever was let in unchecked, or whose session ended while it was away, goes through admission.
    const mayBeRefused = session.isContended && event.code === CLOSE_CODES.concurrency_limit.code;
    if (mayBeRefused) continue;
    faults.push(`${session.userId}/${session.sessionId}${isDegraded ? ' (unchecked)' : ''} was closed ${event.code}`);
  }
}

/** Longer than anybody waits between two questions, and than any rule gives for opening sessions again. */
const PROVEN_MS = 12_000;

/** Whoever is connected has its session in the store, soon after whatever was away is back. */
function checkProven(session: SessionRecord, run: RunRecord, faults: string[]): void {
  const { userId, sessionId, events } = session;
  if (!isConnected(session)) return;
  const endAt = endOf(session)?.at ?? run.final?.at ?? 0;
  const provenAt = events.findLast(({ what }) => what === 'welcome' || what === 'alive')?.at ?? 0;
  const sinceAt = Math.max(provenAt, ...run.windows.map(({ to }) => to));
  if (endAt - sinceAt > PROVEN_MS) {
    faults.push(
      `${userId}/${sessionId} is connected, and for ${Math.round(endAt - sinceAt)} ms nothing shows its session`,
    );
  }
}
