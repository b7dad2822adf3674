/** The writer of ended sessions over a real Redis, with a database that fails when it is told to. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { createHistoryDatabase, type EndedSession, HistoryError } from '../../gateway/history/index.ts';
import { SessionWriter } from '../../gateway/history/session-writer.ts';
import type { RedisStore } from '../../presence-core/index.ts';
import { socket } from '../contract/store/store-fixture.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { redisStore } from '../support/redis-stores.ts';
import { until } from '../support/servers.ts';

/** The log is trimmed in blocks of 100 entries. */
const LOG_MAX = 500;
const CLAIM_MS = 300;

let redis: TestRedis;
const ended: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  redis = await startRedis({ shared: true });
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});
afterAll(() => redis.stop());

async function connect(prefix: string): Promise<RedisStore> {
  const store = await redisStore({ url: redis.url, prefix, shards: 1, logMax: LOG_MAX, claimMs: CLAIM_MS });
  ended.push(() => store.stop());
  return store;
}

/** @param save where the rows go, beside `state.rows`. */
function writerOf(
  store: RedisStore,
  member: string,
  save: (rows: readonly EndedSession[]) => Promise<void> = async () => {},
) {
  const state = { away: false, refused: '', rows: [] as EndedSession[], lines: [] as string[] };
  const told =
    (level: string) =>
    (_: object, message: string): void => {
      state.lines.push(`${level}: ${message}`);
    };
  const writer = new SessionWriter({
    group: store.groups.join('history', member),
    save: async (rows) => {
      if (state.away) throw new HistoryError('history_unavailable', 'away');
      if (rows.some(({ userId }) => userId === state.refused)) throw new HistoryError('value_refused', 'does not fit');
      await save(rows);
      state.rows.push(...rows);
    },
    log: { info: told('info'), warn: told('warn'), error: told('error') },
  });
  ended.push(() => writer.stop(0));
  return { state, writer };
}

async function watchAndLeave(store: RedisStore, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) {
    const session = { userId: `u${n}`, sessionId: 's' };
    const attributes = { streamId: 'film' };
    await store.sessions.open({ ...session, attributes, owner: 'heartbeat', leaseMs: 60_000, intent: 'beat' });
    await store.sessions.close({ ...session, reason: 'left' });
  }
}

test('[P17] what ended before the first writer came is stored with its true times', async () => {
  const store = await connect(redis.prefix());
  await watchAndLeave(store, 0, 20);
  const { state, writer } = writerOf(store, 'late');
  writer.start();
  await until(() => state.rows.length >= 20);
  expect(state.rows.map(({ userId }) => userId)).toEqual(Array.from({ length: 20 }, (_, n) => `u${n}`));
  for (const row of state.rows) expect(row.startedAt).toBe(row.sessionStartedAt);
});

test('[P17] two writers share the work; what a silent one took is stored by the other', async () => {
  const prefix = redis.prefix();
  const store = await connect(prefix);
  const one = writerOf(store, 'one');
  const two = writerOf(await connect(prefix), 'two');
  await watchAndLeave(store, 0, 10);
  const silent = (await connect(prefix)).groups.join('history', 'silent');
  const taken = await silent.take(100, 0);
  expect(taken.changes.length).toBe(20);
  one.writer.start();
  two.writer.start();
  await watchAndLeave(store, 10, 60);
  await until(() => one.state.rows.length + two.state.rows.length >= 60);
  const users = [...one.state.rows, ...two.state.rows].map(({ userId }) => userId);
  expect(users.length).toBe(60);
  expect(new Set(users).size).toBe(60);
});

test('[P17] a database that is away: told, warned of before the log is trimmed, then counted what is lost', async () => {
  const store = await connect(redis.prefix());
  const { state, writer } = writerOf(store, 'only');
  state.away = true;
  writer.start();
  await watchAndLeave(store, 0, 1);
  await until(() => state.lines.length > 0);
  expect(state.lines).toEqual(['warn: history: the database cannot be written; ended sessions wait in the change log']);
  // Half of what the log keeps: nothing is lost yet.
  await watchAndLeave(store, 1, 150);
  await until(() => state.lines.length > 1);
  expect(state.lines[1]).toMatch(/^warn: history falls behind/);
  expect(writer.report.backlogRatio).toBeGreaterThanOrEqual(0.5);
  expect(writer.report.entriesLost).toBe(0);
  await watchAndLeave(store, 150, 1_000);
  state.away = false;
  await until(() => state.rows.at(-1)?.userId === 'u999');
  await until(() => state.lines.some((line) => line.startsWith('info: history has caught up')));
  const { entriesLost, rowsWritten, backlogRatio } = writer.report;
  expect(state.lines.filter((line) => line.startsWith('error: history: the change log was trimmed'))).toHaveLength(1);
  expect(rowsWritten).toBe(state.rows.length);
  // An open and a close of each session that is missing, one of them perhaps read still.
  const missing = 1_000 - state.rows.length;
  expect(missing).toBeGreaterThan(0);
  expect([missing * 2 - 1, missing * 2, missing * 2 + 1]).toContain(entriesLost);
  expect(backlogRatio).toBeLessThan(0.25);
});

test('[P17] a stop with a database that is away ends, and the next writer goes on', async () => {
  const store = await connect(redis.prefix());
  const first = writerOf(store, 'first');
  first.state.away = true;
  first.writer.start();
  await watchAndLeave(store, 0, 10);
  await until(() => first.state.lines.length > 0);
  await first.writer.stop(0);
  const second = writerOf(store, 'second');
  second.writer.start();
  await until(() => second.state.rows.length >= 10);
  expect(new Set(second.state.rows.map(({ userId }) => userId)).size).toBe(10);
});

test('[P17] a row that the database refuses is left out and told, and holds up no other', async () => {
  const store = await connect(redis.prefix());
  const { state, writer } = writerOf(store, 'only');
  state.refused = 'u7';
  await watchAndLeave(store, 0, 20);
  writer.start();
  await until(() => writer.report.rowsRefused > 0 && state.rows.length >= 19);
  expect(state.rows.map(({ userId }) => userId)).not.toContain('u7');
  expect(writer.report).toMatchObject({ rowsWritten: 19, rowsRefused: 1 });
  expect(state.lines).toEqual(['error: history: the database refused a row; it is left out']);
});

test('[P17] a last drain tries again while it has time', async () => {
  const store = await connect(redis.prefix());
  const { state, writer } = writerOf(store, 'last');
  state.away = true;
  await watchAndLeave(store, 0, 30);
  writer.start();
  await until(() => state.lines.length > 0);
  const stopped = writer.stop(20_000);
  state.away = false;
  await stopped;
  expect(new Set(state.rows.map(({ userId }) => userId)).size).toBe(30);
});

test('[P17] what cannot be read is counted once', async () => {
  const prefix = redis.prefix();
  const store = await connect(prefix);
  const client = new Redis(redis.url);
  await watchAndLeave(store, 0, 1);
  const log = `{${prefix}:0}:log`;
  const [last] = (await client.xrevrange(log, '+', '-', 'COUNT', 1)) as [string, string[]][];
  const field = last?.[1][0] as string;
  await client.xadd(log, `${last?.[0].split('-')[0]}-*`, field, 'c|u|s|h|1.5|1|0|0');
  client.disconnect();
  const { state, writer } = writerOf(store, 'reader');
  writer.start();
  await until(() => state.rows.length === 1 && writer.report.entriesLost === 1);
  // Longer than it takes until what was not acknowledged is given again.
  await new Promise((resolve) => setTimeout(resolve, 4 * CLAIM_MS));
  expect(writer.report.entriesLost).toBe(1);
  expect(writer.report.backlogRatio).toBe(0);
});

test('[P10] [P11] a session that ended, was restored and ended again is one row with its later end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'session-writer-'));
  ended.push(async () => rmSync(folder, { recursive: true, force: true }));
  const database = createHistoryDatabase({ engine: 'sqlite', file: join(folder, 'presence.db') });
  ended.push(() => database.stop());
  await database.start();
  const prefix = redis.prefix();
  const store = await connect(prefix);
  const { state, writer } = writerOf(store, 'only', (rows) => database.addSessions(rows));
  writer.start();
  const session = {
    userId: 'u',
    sessionId: 's',
    attributes: { streamId: 'film' },
    owner: socket('n'),
    leaseMs: 60_000,
  };
  await store.nodes.join('n', 60_000);
  const opened = await store.sessions.open({ ...session, intent: 'fresh' });
  await store.sessions.close({ ...session, reason: 'timeout' });
  await until(() => state.rows.length === 1);
  const client = new Redis(redis.url);
  await client.unlink(...(await client.keys(`{${prefix}:0}*`)));
  client.disconnect();
  await store.nodes.beat('n', 60_000);
  await store.nodes.join('n2', 60_000);
  const { startedAt } = opened as { startedAt: number };
  const restored = await store.sessions.open({ ...session, owner: socket('n2'), intent: 'restore', startedAt });
  expect(restored).toMatchObject({ outcome: 'opened', startedAt });
  await store.sessions.close({ userId: 'u', sessionId: 's', reason: 'left' });
  await until(() => state.rows.length === 2);
  const [short, long] = state.rows as [EndedSession, EndedSession];
  expect(long.endedAt).toBeGreaterThan(short.endedAt);
  expect(await database.sessions({ userId: 'u', limit: 10 })).toEqual({ sessions: [long] });
});
