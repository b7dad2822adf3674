/** I4: each dashboard sees each change once, in order per user, and in the end shows what the API has. */
import type { RunRecord } from '../record.ts';

const NAMED = 5;

export function checkDashboards(run: RunRecord): string[] {
  const faults: string[] = [];
  for (const { gateway, faults: own } of run.dashboards) {
    if (own.length > 0) faults.push(`the dashboard of ${gateway}: ${own.slice(0, NAMED).join('; ')} (${own.length})`);
  }
  const { final } = run;
  if (!final) return [...faults, 'the run did not come to its end'];
  const there = new Set(final.sessions);
  for (const { gateway, rows } of final.maps) {
    const shown = new Set(rows);
    const missing = final.sessions.filter((row) => !shown.has(row));
    const ghosts = rows.filter((row) => !there.has(row));
    if (missing.length > 0) faults.push(`the dashboard of ${gateway} lacks ${missing.slice(0, NAMED).join(', ')}`);
    if (ghosts.length > 0) faults.push(`the dashboard of ${gateway} still shows ${ghosts.slice(0, NAMED).join(', ')}`);
  }
  return faults;
}
