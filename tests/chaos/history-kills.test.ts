/**
 * History when its writers, Redis or the database are killed in the middle: after all of them are back, every session
 * that ended is there exactly once, with its true start and end. `CHAOS_KILLS` kills of each.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import type { EndedSession, HistoryDatabase } from '../../gateway/history/history-database.ts';
import { createHistoryDatabase, type DatabaseLocation, parseDatabaseUrl } from '../../gateway/history/index.ts';
import type { RedisStore } from '../../presence-core/index.ts';
import { startMariadb } from '../support/mariadb-server.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { redisStore } from '../support/redis-stores.ts';
import { until } from '../support/servers.ts';

const KILLS = Number(process.env.CHAOS_KILLS ?? 20);
const SHARDS = 8;
const STREAMS = ['news', 'film', 'goal'];
const USERS = 40;
const TEST_MS = 60_000 + KILLS * 15_000;

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** As an operator starts it: a process that does nothing but write history. */
class Writer {
  private readonly env: Record<string, string>;
  private child: ChildProcess | undefined;

  constructor(env: Record<string, string>) {
    this.env = env;
  }

  start(): void {
    const env = { ...process.env, ...this.env };
    this.child = spawn(process.execPath, ['dist/gateway/main.js'], { env, stdio: 'ignore' });
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

type Row = Pick<EndedSession, 'userId' | 'sessionId' | 'sessionStartedAt' | 'segment' | 'streamId' | 'reason'>;

/** Tries until Redis has answered: acts are idempotent (P7). */
async function surely<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch {
      await sleep(50);
    }
  }
}

/** One user after another session opens, switches streams and leaves, until told to stop; notes what must be history. */
async function watch(store: RedisStore, userId: string, expected: Row[], stopped: () => boolean): Promise<void> {
  for (let n = 0; !stopped(); n++) {
    const sessionId = `s${n}`;
    let stream = n % STREAMS.length;
    const opened = await surely(() =>
      store.sessions.open({
        userId,
        sessionId,
        attributes: { streamId: STREAMS[stream] as string, deviceType: 'tv', country: 'US', state: 'CA' },
        owner: 'heartbeat',
        leaseMs: 600_000,
        intent: 'beat',
      }),
    );
    if (opened.outcome !== 'opened' && opened.outcome !== 'renewed') throw new Error(opened.outcome);
    const row = { userId, sessionId, sessionStartedAt: opened.startedAt };
    const switches = n % 3;
    for (let segment = 0; segment < switches; segment++) {
      // Less leaves no row.
      await sleep(1_010);
      expected.push({ ...row, segment, streamId: STREAMS[stream] as string, reason: 'switched' });
      stream = (stream + 1) % STREAMS.length;
      await surely(() =>
        store.sessions.update({ userId, sessionId, attributes: { streamId: STREAMS[stream] as string } }),
      );
    }
    await sleep(10);
    await surely(() => store.sessions.close({ userId, sessionId, reason: 'left' }));
    expected.push({ ...row, segment: switches, streamId: STREAMS[stream] as string, reason: 'left' });
  }
}

async function allRows(database: HistoryDatabase): Promise<EndedSession[]> {
  const rows: EndedSession[] = [];
  for (const streamId of STREAMS) {
    let cursor: string | undefined;
    do {
      const page = await database.sessions({ streamId, limit: 500, ...(cursor !== undefined && { cursor }) });
      rows.push(...page.sessions);
      cursor = page.cursor;
    } while (cursor !== undefined);
  }
  return rows;
}

const keyOf = (row: Row): string => [row.userId, row.sessionId, row.sessionStartedAt, row.segment].join(' ');

/** @param kill kills once, and brings back what it killed. */
async function killed(
  redis: TestRedis,
  databaseUrl: string,
  kill: (victims: { writers: readonly Writer[] }) => Promise<void>,
): Promise<void> {
  const prefix = redis.prefix();
  const env = {
    ROLES: 'history',
    HTTP_PORT: '0',
    REDIS_URL: redis.url,
    REDIS_PREFIX: prefix,
    PRESENCE_SHARDS: String(SHARDS),
    DATABASE_URL: databaseUrl,
  };
  const writers = [new Writer(env), new Writer(env)];
  for (const writer of writers) {
    ended.push(() => writer.kill());
    writer.start();
  }
  const store = await redisStore({ url: redis.url, prefix, shards: SHARDS });
  ended.push(() => store.stop());
  const expected: Row[] = [];
  let stopped = false;
  const watching = Array.from({ length: USERS }, (_, i) => watch(store, `u${i}`, expected, () => stopped));
  for (let n = 0; n < KILLS; n++) {
    await sleep(200 + Math.random() * 1_500);
    await kill({ writers });
  }
  stopped = true;
  await Promise.all(watching);
  const database = createHistoryDatabase(parseDatabaseUrl(databaseUrl) as DatabaseLocation);
  ended.push(() => database.stop());
  await database.start();
  await until(async () => (await allRows(database)).length >= expected.length);
  const rows = await allRows(database);
  const named = ({ userId, sessionId, sessionStartedAt, segment, streamId, reason }: Row): Row => {
    return { userId, sessionId, sessionStartedAt, segment, streamId, reason };
  };
  const inOrder = (a: Row, b: Row): number => (keyOf(a) < keyOf(b) ? -1 : 1);
  expect(rows.map(named).sort(inOrder)).toEqual(expected.map(named).sort(inOrder));
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  for (const row of rows) {
    const before = byKey.get(keyOf({ ...row, segment: row.segment - 1 }));
    expect(row.startedAt).toBe(before?.endedAt ?? row.sessionStartedAt);
    expect(row.watchedMs).toBe(row.endedAt - row.startedAt);
    expect(row.watchedMs).toBeGreaterThan(0);
  }
  process.stdout.write(`${rows.length} rows of history after ${KILLS} kills\n`);
}

/** Acknowledged means on disk: else the close of a session would be forgotten with the rest. */
async function durableRedis(): Promise<TestRedis> {
  const dir = mkdtempSync(join(tmpdir(), 'history-redis-'));
  const redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', dir] });
  ended.push(async () => {
    await redis.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  return redis;
}

function sqliteUrl(): string {
  const dir = mkdtempSync(join(tmpdir(), 'history-sqlite-'));
  ended.push(() => rmSync(dir, { recursive: true, force: true }));
  return `sqlite:${join(dir, 'presence.db')}`;
}

async function killWriter({ writers }: { writers: readonly Writer[] }): Promise<void> {
  const writer = writers[Math.floor(Math.random() * writers.length)] as Writer;
  await writer.kill();
  await sleep(Math.random() * 500);
  writer.start();
}

test(
  '[P17] writers are killed: every ended session is in SQLite exactly once',
  async () => {
    await killed(await durableRedis(), sqliteUrl(), killWriter);
  },
  TEST_MS,
);

test(
  '[P17] Redis is killed: every ended session is in SQLite exactly once',
  async () => {
    const redis = await durableRedis();
    await killed(redis, sqliteUrl(), async () => {
      await redis.kill();
      await sleep(Math.random() * 500);
      await redis.restart();
    });
  },
  TEST_MS,
);

test(
  '[P17] the database is killed: every ended session is in MariaDB exactly once',
  async () => {
    const mariadb = await startMariadb();
    ended.push(() => mariadb.stop());
    await killed(await durableRedis(), await mariadb.newUrl(), async () => {
      await mariadb.kill();
      await sleep(Math.random() * 500);
      await mariadb.restart();
    });
  },
  TEST_MS,
);
