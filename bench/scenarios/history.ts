/** The history in SQL: how fast it is written, and read when it is large. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  createHistoryDatabase,
  type DatabaseLocation,
  type EndedSession,
  type HistoryDatabase,
  parseDatabaseUrl,
} from '../../gateway/history/index.ts';
import { startMariadb } from '../../tests/support/mariadb-server.ts';
import { inLanes } from '../players.ts';
import type { Figure } from '../report.ts';

const ROWS = 5_000_000;
const REPORTED_ROWS = [1_000_000, ROWS];
/** Rates are of the last so many rows. */
const WINDOW_ROWS = 250_000;
const ROWS_PER_CALL = 1_000;
const CALLS_AT_ONCE = 2;
/** A machine that is slower is measured on the rows that it has by then. */
const FILL_MS = 45 * 60_000;
const USERS = 1_000_000;
const STREAMS = 5_000;
/** Users by their number of rows, most first: of five million rows each of these has 50 or more. */
const BUSY_USERS = 2_000;
const READS = 500;
const DAYS = 7;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const FIRST_AT = 1_790_000_000_000;
const MEAN_GAP_MS = 10;
const LONGEST_WATCH_MS = 3 * 3_600_000;

const DEVICES = ['android', 'ios', 'web', 'tvos', 'firetv', 'roku', 'tizen', 'webos'];
const STATES = ['CA', 'TX', 'NY', 'FL', 'IL', 'PA', 'OH', 'GA'];
const REASONS = ['left', 'left', 'left', 'timeout', 'switched'] as const;
const pick = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)] as T;
const userName = (rank: number): string => `user-${String(rank).padStart(8, '0')}`;

/** Sessions in the order of their ends. Streams by Zipf's law; the users at the front have thousands, most a few. */
class EndedSessions {
  private now = FIRST_AT;

  next(count: number): EndedSession[] {
    return Array.from({ length: count }, () => {
      this.now += Math.floor(Math.random() * 2 * MEAN_GAP_MS);
      const watchedMs = Math.floor(Math.random() * LONGEST_WATCH_MS);
      return {
        userId: userName(Math.floor(Math.random() ** 2 * USERS)),
        sessionId: randomBytes(17).toString('base64url').slice(0, 22),
        sessionStartedAt: this.now - watchedMs,
        segment: 0,
        streamId: `channel-${Math.floor(STREAMS ** Math.random())}`,
        deviceType: pick(DEVICES),
        country: 'US',
        state: pick(STATES),
        startedAt: this.now - watchedMs,
        endedAt: this.now,
        watchedMs,
        reason: pick(REASONS),
        via: 'socket',
      };
    });
  }
}

async function fill(
  name: string,
  history: HistoryDatabase,
  sessions: EndedSessions,
): Promise<{ rows: number; figures: Figure[] }> {
  const figures: Figure[] = [];
  const target = history.engine === 'sqlite' ? '≥ 5,000' : '≥ 3,000';
  const begun = performance.now();
  let rows = 0;
  while (rows < ROWS && performance.now() - begun < FILL_MS) {
    const from = performance.now();
    await inLanes(Array(WINDOW_ROWS / ROWS_PER_CALL).fill(0), CALLS_AT_ONCE, () =>
      history.addSessions(sessions.next(ROWS_PER_CALL)),
    );
    rows += WINDOW_ROWS;
    const perSecond = WINDOW_ROWS / ((performance.now() - from) / 1_000);
    process.stderr.write(`${name}: ${rows} rows, ${Math.round(perSecond)}/s\n`);
    if (REPORTED_ROWS.includes(rows)) {
      figures.push({
        what: `${name}, written at ${rows / 1e6}M rows`,
        value: perSecond,
        unit: 'rows/s',
        target,
      });
    }
  }
  return { rows, figures };
}

/** Longest time for which the event loop did not turn while rows that exist already are written. */
async function loopHeld(history: HistoryDatabase, sessions: EndedSessions): Promise<number> {
  const calls = Array.from({ length: 50 }, () => sessions.next(ROWS_PER_CALL));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await inLanes(calls, CALLS_AT_ONCE, (rows) => history.addSessions(rows));
  delay.disable();
  return delay.max / 1e6;
}

async function timesOf(count: number, read: (i: number) => Promise<unknown>): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const begun = performance.now();
    await read(i);
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  return { p50: times[Math.floor(count * 0.5)] as number, p99: times[Math.floor(count * 0.99)] as number };
}

async function addDays(history: HistoryDatabase): Promise<void> {
  const minutes = Array.from({ length: DAYS * 1_440 }, (_, i) => FIRST_AT - (FIRST_AT % DAY_MS) + i * MINUTE_MS);
  await inLanes(minutes, CALLS_AT_ONCE, (minuteAt) => {
    const sessions = Math.floor(Math.random() * 1e6);
    return history.addSample({ minuteAt, sampledAt: minuteAt, users: sessions, sessions, peakSessions: sessions });
  });
}

async function measure(name: string, location: DatabaseLocation, bytes: () => Promise<number>): Promise<Figure[]> {
  const history = createHistoryDatabase(location);
  await history.start();
  try {
    const sessions = new EndedSessions();
    const { rows, figures } = await fill(name, history, sessions);
    const held = await loopHeld(history, sessions);
    const busy = (): string => userName(Math.floor(Math.random() * BUSY_USERS));
    const last = await timesOf(READS, () => history.sessions({ userId: busy(), limit: 50 }));
    const stream = await timesOf(READS, (i) => history.sessions({ streamId: `channel-${(i % 100) + 1}`, limit: 50 }));
    await addDays(history);
    const day = await timesOf(50, (i) => {
      const from = FIRST_AT - (FIRST_AT % DAY_MS) + (i % DAYS) * DAY_MS;
      return history.concurrency({ from, to: from + DAY_MS, stepMs: MINUTE_MS });
    });
    const size = (await bytes()) / rows;
    const trimBegun = performance.now();
    const trimmed = await history.trim({ sessionsBefore: FIRST_AT + 100_000 * MEAN_GAP_MS }, 1_000);
    const trimMs = performance.now() - trimBegun;
    const ms = (what: string, value: number, target?: string): Figure => ({
      what: `${name}, ${what}`,
      value,
      unit: 'ms',
      ...(target ? { target } : {}),
    });
    return [
      ...figures,
      { what: `${name}, rows there when reading`, value: rows, unit: 'rows' },
      { what: `${name}, bytes per row with its indexes`, value: size, unit: 'B' },
      ms('event loop held at longest, writing', held),
      ms("a user's last 50 sessions, median", last.p50, '≤ 5'),
      ms("a user's last 50 sessions, 99 %", last.p99),
      ms("a stream's last 50 sessions, median", stream.p50),
      ms('a day of concurrency (1,440 minutes), median', day.p50, '≤ 20'),
      { what: `${name}, trimmed at half of the time`, value: trimmed.sessions / (trimMs / 1_000), unit: 'rows/s' },
    ];
  } finally {
    await history.stop();
  }
}

export async function historySqlite(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'presence-bench-'));
  const file = join(folder, 'presence.db');
  try {
    return await measure('SQLite', { engine: 'sqlite', file }, async () => statSync(file).size);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export async function historyMariadb(): Promise<Figure[]> {
  const server = await startMariadb({ bufferPool: '1G', logFile: '512M' });
  try {
    const location = parseDatabaseUrl(await server.newUrl()) as DatabaseLocation;
    const size =
      "select sum(data_length + index_length) as bytes from information_schema.tables where table_name = 'presence_sessions'";
    return await measure('MariaDB', location, async () => Number((await server.query(size))[0]?.bytes));
  } finally {
    await server.stop();
  }
}
