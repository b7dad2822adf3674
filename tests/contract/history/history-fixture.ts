/** What the contract of the history needs of an engine, and rows to write. */
import {
  createHistoryDatabase,
  type EndedSession,
  type HistoryDatabase,
  parseDatabaseUrl,
  type SessionsQuery,
} from '../../../gateway/history/index.ts';

export interface HistoryEngine {
  /** Of a new, empty database. */
  newUrl(): Promise<string>;
  /** Runs a statement beside the history. */
  execute(url: string, statement: string): Promise<void>;
}

export class HistoryFixture {
  readonly url: string;
  private readonly handles: HistoryDatabase[] = [];

  constructor(url: string) {
    this.url = url;
  }

  /** A handle on the same data, started or not. */
  handle(bounds?: { readMs: number; writeMs: number }): HistoryDatabase {
    const location = parseDatabaseUrl(this.url);
    if (!location) throw new Error('none is no database');
    const handle = createHistoryDatabase(location, bounds);
    this.handles.push(handle);
    return handle;
  }

  async open(bounds?: { readMs: number; writeMs: number }): Promise<HistoryDatabase> {
    const handle = this.handle(bounds);
    await handle.start();
    return handle;
  }

  async stop(): Promise<void> {
    for (const handle of this.handles) await handle.stop();
  }
}

/** Runs a test on an empty database and closes what it opened, whatever happens. */
export async function withHistory(
  engine: HistoryEngine,
  act: (history: HistoryDatabase, fixture: HistoryFixture) => Promise<void>,
): Promise<void> {
  const fixture = new HistoryFixture(await engine.newUrl());
  try {
    await act(await fixture.open(), fixture);
  } finally {
    await fixture.stop();
  }
}

/** An instant as they are in life: beyond 32 bits. */
export const T = 1_790_000_000_000;

export function ended(more: Partial<EndedSession> = {}): EndedSession {
  return {
    userId: 'u',
    sessionId: 's',
    sessionStartedAt: T,
    segment: 0,
    startedAt: T,
    endedAt: T + 60_000,
    watchedMs: 60_000,
    reason: 'left',
    via: 'socket',
    ...more,
  };
}

/** All pages of a query. */
export async function allOf(
  history: HistoryDatabase,
  query: Omit<SessionsQuery, 'cursor' | 'limit'>,
  limit = 500,
): Promise<EndedSession[]> {
  const all: EndedSession[] = [];
  for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
    const page = await history.sessions({ ...query, limit, ...(cursor === undefined ? {} : { cursor }) });
    all.push(...page.sessions);
    cursor = page.cursor;
  }
  return all;
}
