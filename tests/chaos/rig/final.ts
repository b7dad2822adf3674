/** What is there when all is over and quiet, as the API, the dashboards and history have it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type FinalState, type HistoryRow, now, type RunRecord } from '../record.ts';
import type { ChaosDashboard } from './dashboard.ts';
import type { Gateway } from './gateway.ts';

const USERS_PER_CALL = 200;
/** Counts and the log follow an end by a sweep (P1), and dashboards a moment later. */
const FOLLOW_MS = 1_000;
/** Extensions of a silence may end just then, one after the other. */
const LOOKS = 8;

interface FinalParts {
  readonly record: RunRecord;
  readonly gateways: readonly Gateway[];
  readonly dashboards: readonly ChaosDashboard[];
  readonly hasHistory: boolean;
}

export async function finalState(rig: FinalParts): Promise<FinalState> {
  const users = [...new Set(rig.record.sessions.map(({ userId }) => userId))];
  const [first] = rig.gateways.filter((gateway) => gateway.isRunning);
  if (!first) throw new Error('no gateway is left');
  const get: Get = async <T>(path: string): Promise<T> => {
    const response = await fetch(first.url(path));
    if (!response.ok) throw new Error(`${path} answered ${response.status}`);
    return (await response.json()) as T;
  };
  const sessionsOf = async (): Promise<string[]> => {
    const sessions: string[] = [];
    for (const userId of users) {
      const user = await get<{ sessions: { sessionId: string }[] }>(`/concurrency/user/${userId}`);
      sessions.push(...user.sessions.map(({ sessionId }) => `${userId}/${sessionId}`));
    }
    return sessions.sort();
  };
  // Nothing ends while it is looked at.
  let sessions = await sessionsOf();
  for (let look = 1; ; look++) {
    await sleep(FOLLOW_MS);
    const state = await stateNow(rig, users, sessions, get);
    const after = await sessionsOf();
    if (after.join() === sessions.join() || look === LOOKS) {
      return { ...state, history: rig.hasHistory ? await historyOf(users, get) : undefined };
    }
    sessions = after;
  }
}

type Get = <T>(path: string) => Promise<T>;

async function stateNow(
  rig: FinalParts,
  users: readonly string[],
  sessions: readonly string[],
  get: Get,
): Promise<FinalState> {
  const maps = rig.dashboards.map(({ record, view }) => ({
    gateway: record.gateway,
    rows: view.rows().map((row) => row.split('=')[0] as string),
  }));
  const online = await get<{ users: number; sessions: number }>('/online');
  let counted = 0;
  for (let at = 0; at < users.length; at += USERS_PER_CALL) {
    const ids = users.slice(at, at + USERS_PER_CALL).join(',');
    const { users: some } = await get<{ users: { online: boolean }[] }>(`/status/users?ids=${ids}`);
    counted += some.filter((user) => user.online).length;
  }
  return {
    at: now(),
    sessions,
    totals: { users: online.users, sessions: online.sessions },
    counted: { users: counted, sessions: sessions.length },
    maps,
    history: undefined,
    memoryMb: rig.gateways
      .filter((gateway) => gateway.isRunning)
      .map((gateway) => ({ gateway: gateway.name, mb: gateway.memoryMb() })),
  };
}

async function historyOf(users: readonly string[], get: Get): Promise<HistoryRow[]> {
  const rows: HistoryRow[] = [];
  for (const userId of users) {
    let cursor: string | undefined;
    do {
      const query = `/history/sessions?userId=${userId}&limit=500${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;
      const page = await get<{ sessions: HistoryRow[]; cursor?: string }>(query);
      rows.push(...page.sessions);
      cursor = page.cursor;
    } while (cursor !== undefined);
  }
  return rows;
}
