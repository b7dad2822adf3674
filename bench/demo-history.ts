/** The last day of the demo's world, as a history would have it: its sessions, and how many there were each minute. */
import { createHistoryDatabase, type EndedSession, MAX_ROWS, parseDatabaseUrl } from '../gateway/history/index.ts';
import { chanceOf, drawn, LIMIT, pick, pickStream, type Viewer } from './world.ts';

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const WATCH_MS = 35 * MINUTE_MS;
/** Samples of the last hours are as dense as those of a server, older ones are not: each takes a transaction. */
const DENSE_MINUTES = 120;
const SPARSE_STEP = 5;
/** One in so many sessions switches to another stream. */
const SWITCHES = 0.3;

interface Minute {
  readonly at: number;
  readonly users: number;
  readonly sessions: number;
}

interface Watching {
  readonly viewer: Viewer;
  readonly startedAt: number;
  readonly endsAt: number;
}

export interface Day {
  readonly minutes: readonly Minute[];
  readonly rows: readonly EndedSession[];
}

/** Most leave; some lose their network, or give way to another screen. */
function drawReason(): EndedSession['reason'] {
  const draw = Math.random();
  if (draw < 0.82) return 'left';
  if (draw < 0.95) return 'timeout';
  return draw < 0.99 ? 'replaced' : 'kicked';
}

function rowsOf({ viewer, startedAt, endsAt }: Watching): EndedSession[] {
  const { userId, deviceId, device, place } = viewer;
  const sessionId = `${deviceId}-${startedAt.toString(36)}`;
  const common = { userId, sessionId, sessionStartedAt: startedAt, deviceType: device.deviceType, ...place };
  const cut = Math.random() < SWITCHES ? startedAt + Math.floor((endsAt - startedAt) * Math.random()) : endsAt;
  const row = (segment: number, from: number, to: number, reason: EndedSession['reason']): EndedSession => ({
    ...common,
    segment,
    streamId: pickStream(),
    startedAt: from,
    endedAt: to,
    watchedMs: to - from,
    reason,
    via: 'socket',
  });
  if (cut === endsAt) return [row(0, startedAt, endsAt, drawReason())];
  return [row(0, startedAt, cut, 'switched'), row(1, cut, endsAt, drawReason())];
}

/** @param until whole minutes up to here */
export function makeDay(viewers: readonly Viewer[], until: number): Day {
  const minutes: Minute[] = [];
  const rows: EndedSession[] = [];
  const first = Math.floor(until / MINUTE_MS) * MINUTE_MS - DAY_MINUTES * MINUTE_MS;
  let live: Watching[] = [];
  for (let at = first; at < first + DAY_MINUTES * MINUTE_MS; at += MINUTE_MS) {
    for (const ended of live.filter(({ endsAt }) => endsAt <= at)) rows.push(...rowsOf(ended));
    live = live.filter(({ endsAt }) => endsAt > at);
    const busy = new Set(live.map(({ viewer }) => viewer));
    const screensOf = (userId: string): number => live.filter(({ viewer }) => viewer.userId === userId).length;
    const expected = viewers.reduce((sum, viewer) => sum + chanceOf(viewer, at), 0);
    const wanted = Math.round(expected * (0.97 + 0.06 * Math.random()));
    for (let tries = 0; live.length < wanted && tries < viewers.length; tries++) {
      const viewer = pick(viewers);
      if (Math.random() > chanceOf(viewer, at) || busy.has(viewer) || screensOf(viewer.userId) >= LIMIT) continue;
      busy.add(viewer);
      const startedAt = at + Math.floor(Math.random() * MINUTE_MS);
      live.push({ viewer, startedAt, endsAt: startedAt + MINUTE_MS + Math.floor(drawn(WATCH_MS)) });
    }
    minutes.push({ at, users: new Set(live.map(({ viewer }) => viewer.userId)).size, sessions: live.length });
  }
  return { minutes, rows };
}

/** Writes it to a database that this process may have open too. @throws HistoryError */
export async function fillHistory(databaseUrl: string, day: Day): Promise<void> {
  const location = parseDatabaseUrl(databaseUrl);
  if (!location) return;
  const database = createHistoryDatabase(location);
  await database.start();
  try {
    for (let i = 0; i < day.rows.length; i += MAX_ROWS) await database.addSessions(day.rows.slice(i, i + MAX_ROWS));
    const newest = day.minutes.toReversed().filter((_, i) => i < DENSE_MINUTES || i % SPARSE_STEP === 0);
    for (const { at, users, sessions } of newest) {
      await database.addSample({ minuteAt: at, sampledAt: at, users, sessions, peakSessions: sessions + 2 });
    }
  } finally {
    await database.stop();
  }
}
