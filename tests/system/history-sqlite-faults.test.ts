/** The history in a file that is locked, killed over, unfit, or without its driver. */
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, expect, test } from '@jest/globals';
import { CompiledQuery, type Driver, Kysely } from 'kysely';
import { sqliteDialect } from '../../gateway/history/sqlite/dialect.ts';
import { allOf, ended, HistoryFixture } from '../contract/history/history-fixture.ts';
import { type HistoryProcess, historyAct, historyProcess } from '../support/history-process.ts';
import { until } from '../support/servers.ts';

const folder = mkdtempSync(join(tmpdir(), 'presence-faults-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

let files = 0;
const newFile = (): string => join(folder, `${++files}.db`);

function fixtureOn(file: string): HistoryFixture {
  const rig = new HistoryFixture(`sqlite:${file}`);
  cleanup.push(() => rig.stop());
  return rig;
}

async function lock(file: string): Promise<HistoryProcess> {
  const holder = historyProcess(['lock', file]);
  cleanup.push(() => holder.kill());
  expect(await holder.first).toBe('locked');
  return holder;
}

const unavailable = { name: 'HistoryError', code: 'history_unavailable', retryable: true };
const misconfigured = { name: 'HistoryError', code: 'history_misconfigured', retryable: false };

test('a write waits for the lock of another process, and holds up neither a read nor the event loop', async () => {
  const file = newFile();
  const history = await fixtureOn(file).open();
  await history.addSessions([ended()]);
  const holder = await lock(file);
  let written = false;
  const writing = history.addSessions([ended({ sessionId: 'late' })]).then(() => {
    written = true;
  });
  for (let i = 0; i < 10; i++) {
    expect(await allOf(history, { userId: 'u' })).toHaveLength(1);
    await sleep(10);
  }
  expect(written).toBe(false);
  holder.child.stdin.end();
  await writing;
  expect(await allOf(history, { userId: 'u' })).toHaveLength(2);
});

test('a write whose time is up while the file is locked is refused; a repeat writes it once', async () => {
  const file = newFile();
  const history = await fixtureOn(file).open({ readMs: 5_000, writeMs: 500 });
  const holder = await lock(file);
  const calls = [history.addSessions([ended()]), history.addSessions([ended()]), history.addSessions([ended()])];
  for (const call of await Promise.allSettled(calls)) expect(call).toMatchObject({ reason: unavailable });
  const other = fixtureOn(file).handle({ readMs: 500, writeMs: 500 });
  await expect(other.start()).rejects.toMatchObject(unavailable);
  holder.child.stdin.end();
  await holder.exited;
  await until(async () => {
    try {
      await history.addSessions([ended()]);
      return true;
    } catch (error) {
      // Those before it may still be at work.
      expect(error).toMatchObject(unavailable);
      return false;
    }
  });
  await other.start();
  expect(await allOf(other, { userId: 'u' })).toEqual([ended()]);
});

test('of a process killed in the middle of writing every acknowledged row is there, and no half of a call', async () => {
  for (let round = 1; round <= 5; round++) {
    const file = newFile();
    const writer = historyProcess(['write', `sqlite:${file}`]);
    cleanup.push(() => writer.kill());
    await until(() => writer.lines.length >= 3 * round);
    await writer.kill();
    const acknowledged = Number(writer.lines.findLast((line) => /^\d+$/.test(line)));
    expect(await historyAct(['sql', file, 'pragma integrity_check'])).toBe('[{"integrity_check":"ok"}]');
    const rows = await allOf(await fixtureOn(file).open(), { userId: 'writer' });
    expect(rows.length).toBeGreaterThanOrEqual(acknowledged);
    expect(rows.length % 20).toBe(0);
    expect(new Set(rows.map(({ sessionId }) => sessionId)).size).toBe(rows.length);
  }
});

test('a thread that dies rejects what is in flight, takes its transaction along, and is replaced', async () => {
  const dialect = sqliteDialect({ file: newFile(), role: 'writer', busyMs: 1_000 });
  let driver: Driver | undefined;
  const db = new Kysely<{ t: { n: number } }>({
    dialect: {
      ...dialect,
      createDriver() {
        driver = dialect.createDriver();
        return driver;
      },
    },
  });
  cleanup.push(() => db.destroy());
  const kill = (): Promise<number> =>
    (driver as unknown as { thread: { worker: { terminate(): Promise<number> } } }).thread.worker.terminate();
  await db.executeQuery(CompiledQuery.raw('create table t (n integer)'));
  const transaction = db.transaction().execute(async (trx) => {
    await trx.insertInto('t').values({ n: 1 }).execute();
    const inFlight = trx.insertInto('t').values({ n: 2 }).execute();
    await Promise.all([kill(), expect(inFlight).rejects.toMatchObject(unavailable)]);
    // On another thread this one would be committed alone.
    await trx.insertInto('t').values({ n: 3 }).execute();
  });
  await expect(transaction).rejects.toMatchObject(unavailable);
  await db.insertInto('t').values({ n: 4 }).execute();
  expect(await db.selectFrom('t').selectAll().execute()).toEqual([{ n: 4 }]);
});

test('the folder is made, and the file is of its owner alone', async () => {
  const file = join(folder, 'made', 'here', 'presence.db');
  await (await fixtureOn(file).open()).addSessions([ended()]);
  for (const end of ['', '-wal']) expect(statSync(file + end).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'made')).mode & 0o777).toBe(0o700);
});

test('a file that is no database, or cannot be one, is refused with its name and the reason', async () => {
  const text = newFile();
  writeFileSync(text, 'not a database, and long enough to be told from one. '.repeat(20));
  mkdirSync(join(folder, 'folder.db'));
  const reasons: [string, RegExp][] = [
    [text, /file is not a database/],
    [join(folder, 'folder.db'), /unable to open database file/],
    [join(text, 'below.db'), /cannot be written: (ENOTDIR|EEXIST)/],
  ];
  if (process.getuid?.() !== 0) {
    const readOnly = newFile();
    writeFileSync(readOnly, '');
    chmodSync(readOnly, 0o400);
    reasons.push([readOnly, /cannot be written: EACCES/]);
  }
  for (const [file, reason] of reasons) {
    const history = fixtureOn(file).handle();
    await expect(history.start()).rejects.toMatchObject(misconfigured);
    await expect(history.start()).rejects.toThrow(reason);
    await expect(history.start()).rejects.toThrow(file);
  }
});

test('without better-sqlite3 the start says what is missing', async () => {
  const root = join(folder, 'without-driver');
  for (const part of ['gateway/history', 'presence-core'])
    cpSync(join('dist', part), join(root, part), { recursive: true });
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  mkdirSync(join(root, 'node_modules'));
  for (const name of ['kysely', 'ioredis'])
    symlinkSync(resolve('node_modules', name), join(root, 'node_modules', name));
  const env = { HISTORY_MODULE: join(root, 'gateway/history/index.js') };
  const said = JSON.parse(await historyAct(['start', `sqlite:${newFile()}`], env));
  expect(said).toMatchObject({ code: 'history_misconfigured', message: expect.stringContaining('better-sqlite3') });
});
