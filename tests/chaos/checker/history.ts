/** I7: history has each ended session exactly once, with its true times. */
import { type HistoryRow, ownTime, type RunRecord, type SessionRecord } from '../record.ts';
import { endOf, ghostUntil, isAbout, overlaps, SLACK_MS } from './claims.ts';

/** A writer gathers for so long. */
const WRITE_MS = 2_000;

export function checkHistory(run: RunRecord): string[] {
  const rows = run.final?.history;
  if (rows === undefined) return [];
  const faults: string[] = [];
  const bySession = new Map<string, HistoryRow[]>();
  for (const row of rows) {
    const list = bySession.get(row.sessionId);
    if (list) list.push(row);
    else bySession.set(row.sessionId, [row]);
  }
  for (const session of run.sessions) {
    const { sessionId } = session;
    const found = bySession.get(sessionId) ?? [];
    const end = endOf(session);
    if (end === undefined || !wasAdmitted(session)) continue;
    const { until } = ghostUntil(session, run);
    if (until + WRITE_MS > (run.final?.at ?? 0)) continue;
    if (found.length === 0) faults.push(`${sessionId} ended, and is not in history`);
    // A session that ended while its player was away began anew under the same id.
    if (isUnbroken(session, run) && found.length > 1) faults.push(`${sessionId} is in history ${found.length} times`);
    const last = found.toSorted((a, b) => a.endedAt - b.endedAt).at(-1);
    if (!last || !isUnbroken(session, run) || isOfTwoClocks(session, end.at, run)) continue;
    const endedAt = ownTime(last.endedAt, end.at, run);
    if (endedAt < end.at - SLACK_MS || endedAt > until) {
      faults.push(`${sessionId} ended at ${Math.round(end.at)}, in history at ${last.endedAt} (${last.reason})`);
    }
    const beganAt = session.events.find(({ what }) => what === 'hello')?.at as number;
    const welcomedAt = session.events.find(({ what }) => what === 'welcome')?.at as number;
    const startedAt = ownTime(last.startedAt, welcomedAt, run);
    if (startedAt < beganAt - SLACK_MS || startedAt > welcomedAt + SLACK_MS) {
      faults.push(`${sessionId} began at ${Math.round(welcomedAt)}, in history at ${last.startedAt}`);
    }
  }
  return faults;
}

function wasAdmitted({ events }: SessionRecord): boolean {
  return events.some((event) => event.what === 'alive' || (event.what === 'welcome' && !event.degraded));
}

/** The store's clock stepped while it lived: a row has the times that it showed, and an end no earlier than its start. */
function isOfTwoClocks({ events }: SessionRecord, endAt: number, { storeClock }: RunRecord): boolean {
  return storeClock.some(({ from }) => from > (events[0]?.at ?? 0) && from < endAt);
}

/** It was never let in unchecked, nor began anew, nor may its gateway's lease have lapsed. */
function isUnbroken({ events }: SessionRecord, run: RunRecord): boolean {
  const proofs = events.filter((event) => event.what === 'welcome' || event.what === 'alive');
  const life = { from: proofs[0]?.at ?? 0, to: proofs.at(-1)?.at ?? 0 };
  const mayLapse = run.windows.some(
    (window) => window.mayLapse && overlaps(window, life) && proofs.some(({ gateway }) => isAbout(window, gateway)),
  );
  if (mayLapse) return false;
  const welcomes = events.filter((event) => event.what === 'welcome');
  return welcomes.every(({ degraded, resumed }, i) => !degraded && (i === 0 || resumed));
}
