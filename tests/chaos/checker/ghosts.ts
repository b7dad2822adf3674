/** I2: whoever is gone is shown no longer than its bound. */
import type { RunRecord } from '../record.ts';
import { endOf, ghostUntil } from './claims.ts';

export function checkGhosts(run: RunRecord): { readonly faults: string[]; readonly worstMs: number } {
  const faults: string[] = [];
  let worstMs = 0;
  for (const session of run.sessions) {
    const { userId, isContended } = session;
    const end = endOf(session);
    if (isContended || end === undefined) continue;
    const { base, until } = ghostUntil(session, run);
    // By another session, now or later, the user is online all the same.
    const nextAt = Math.min(
      ...run.sessions
        .filter((one) => one !== session && one.userId === userId)
        .filter((one) => (endOf(one)?.at ?? Number.POSITIVE_INFINITY) > end.at)
        .map(({ events }) => events[0]?.at ?? Number.POSITIVE_INFINITY),
    );
    const shown = run.polls.filter(
      ({ askedAt, answeredAt, ageMs, online }) => online.has(userId) && askedAt - ageMs > end.at && answeredAt < nextAt,
    );
    const last = shown.at(-1);
    if (!last) continue;
    const lastAt = Math.max(...shown.map(({ askedAt, ageMs }) => askedAt - ageMs));
    worstMs = Math.max(worstMs, lastAt - base);
    if (lastAt > until) {
      const way = end.what === 'leave' ? 'left' : `is gone (${end.way})`;
      faults.push(`${userId} ${way}, and ${last.gateway} shows it ${Math.round(lastAt - until)} ms beyond its bound`);
    }
  }
  return { faults, worstMs };
}
