/** I8: a gateway that admits unchecked, or does not deliver changes, says so by its health within 3 s. */
import type { RunRecord } from '../record.ts';
import { SLACK_MS } from './claims.ts';

const WITHIN_MS = 3_000;

export function checkTold(run: RunRecord): string[] {
  const faults: string[] = [];
  const silent = new Set<string>();
  for (const { events } of run.sessions) {
    for (const event of events) {
      if (event.what !== 'welcome' || !event.degraded || event.at < run.lookedFrom) continue;
      if (!saysSo(run, event.gateway, event.at)) silent.add(`${event.gateway} admits unchecked and says nothing`);
    }
  }
  for (const { gateway, connected, changes } of run.dashboards) {
    for (const { userId, sessionId, events } of run.sessions) {
      const asked = events.find(({ what }) => what === 'hello');
      const opened = events.find((event) => event.what === 'welcome' && !event.degraded);
      // Else it may be in the snapshot.
      const isThere = ({ from, to }: { from: number; to: number }): boolean =>
        from < (asked?.at ?? 0) && to > (opened?.at ?? 0) + WITHIN_MS + SLACK_MS;
      if (!opened || !connected.some(isThere)) continue;
      const told = changes.some(
        (change) =>
          change.userId === userId && change.sessionId === sessionId && change.at < opened.at + WITHIN_MS + SLACK_MS,
      );
      if (!told && !saysSo(run, gateway, opened.at)) {
        silent.add(`the dashboard of ${gateway} was not told of ${sessionId}, and its health says nothing`);
      }
    }
  }
  faults.push(...[...silent].slice(0, 5));
  return faults;
}

/** Whether its health was another than `ok` then, or within 3 s. */
function saysSo(run: RunRecord, gateway: string, at: number): boolean {
  return run.health.some(
    (poll) =>
      poll.gateway === gateway &&
      poll.answeredAt > at - WITHIN_MS &&
      poll.askedAt < at + WITHIN_MS + SLACK_MS &&
      poll.word !== 'ok',
  );
}
