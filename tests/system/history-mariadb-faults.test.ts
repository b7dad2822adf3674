/** The history in a MariaDB that is killed, frozen, full of locks, or refuses. */
import { createServer, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { EndedSession, HistoryDatabase } from '../../gateway/history/index.ts';
import { allOf, ended, HistoryFixture } from '../contract/history/history-fixture.ts';
import { startMariadb, type TestMariadb } from '../support/mariadb-server.ts';
import { freePort } from '../support/redis-server.ts';
import { until } from '../support/servers.ts';

/** A new server lays out its files first. */
const START_MS = 300_000;

let server: TestMariadb;
beforeAll(async () => {
  server = await startMariadb();
}, START_MS);
afterAll(() => server?.stop());
const cleanup: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

function fixtureOn(url: string): HistoryFixture {
  const rig = new HistoryFixture(url);
  cleanup.push(() => rig.stop());
  return rig;
}

/** The same URL with something changed. */
function changed(url: string, change: (parts: URL) => void): string {
  const parts = new URL(url);
  change(parts);
  return parts.href;
}

async function eventually(history: HistoryDatabase, act: () => Promise<unknown>): Promise<void> {
  await until(async () => {
    try {
      await act();
      return true;
    } catch (error) {
      expect(error).toMatchObject(unavailable);
      return false;
    }
  });
  await history.ping();
}

const rowsOf = (batch: number): EndedSession[] =>
  Array.from({ length: 1_000 }, (_, i) => ended({ sessionId: `s${batch * 1_000 + i}` }));

const unavailable = { name: 'HistoryError', code: 'history_unavailable', retryable: true };
const refused = { name: 'HistoryError', code: 'value_refused', retryable: false };
const misconfigured = { name: 'HistoryError', code: 'history_misconfigured', retryable: false };

test('a server killed in the middle of a write: the call fails, and a repeat writes every row once', async () => {
  const history = await fixtureOn(await server.newUrl()).open();
  for (let round = 0; round < 3; round++) {
    let batch = round * 100;
    const writing = (async () => {
      for (; ; batch++) await history.addSessions(rowsOf(batch));
    })();
    const failed = expect(writing).rejects.toMatchObject(unavailable);
    const enough = batch + 2;
    await until(() => batch >= enough);
    await server.kill('SIGKILL');
    await failed;
    await expect(history.ping()).rejects.toMatchObject(unavailable);
    await server.restart();
    await eventually(history, () => history.addSessions(rowsOf(batch)));
    const sessionIds = new Set<string>();
    const rows = await allOf(history, { userId: 'u' });
    for (const { sessionId } of rows) sessionIds.add(sessionId);
    expect(sessionIds.size).toBe(rows.length);
    for (let written = round * 100; written <= batch; written++) {
      expect(rowsOf(written).every(({ sessionId }) => sessionIds.has(sessionId))).toBe(true);
    }
  }
}, 90_000);

test('[P14] a frozen server fails every call in bounded time and queues none', async () => {
  const rig = fixtureOn(await server.newUrl());
  const history = await rig.open({ readMs: 500, writeMs: 500 });
  const frozen = server.process;
  frozen.kill('SIGSTOP');
  cleanup.push(async () => frozen.kill('SIGCONT'));
  for (let round = 0; round < 3; round++) {
    const calls = Array.from({ length: 200 }, (_, i) => (i % 2 ? history.addSessions([ended()]) : history.ping()));
    for (const call of await Promise.allSettled(calls)) expect(call).toMatchObject({ reason: unavailable });
  }
  await rig.handle({ readMs: 500, writeMs: 500 }).stop();
  frozen.kill('SIGCONT');
  await eventually(history, () => history.addSessions([ended()]));
  expect(await allOf(history, { userId: 'u' })).toEqual([ended()]);
});

/** A connection with a transaction in which a statement has run; `commit` ends it. */
async function holding(url: string, statement: string): Promise<Awaited<ReturnType<TestMariadb['connect']>>> {
  const holder = await server.connect();
  cleanup.push(async () => holder.destroy());
  await holder.query(`use ${new URL(url).pathname.slice(1)}`);
  await holder.query('begin');
  await holder.query(statement);
  return holder;
}

/** Whether a call waits for the lock of a row. */
async function oneWaits(): Promise<boolean> {
  return (await server.query("show global status like 'Innodb_row_lock_current_waits'"))[0]?.Value === '1';
}

test('[P11] a row that gets a later end while it is trimmed stays', async () => {
  const url = await server.newUrl();
  const history = await fixtureOn(url).open();
  await history.addSessions([ended({ endedAt: 1 })]);
  const holder = await holding(url, 'update presence_sessions set ended_at = 5');
  const trimmed = history.trim({ sessionsBefore: 2 }, 10);
  await until(oneWaits);
  await holder.query('commit');
  expect(await trimmed).toMatchObject({ sessions: 0, more: false });
  expect(await allOf(history, { userId: 'u' })).toEqual([ended({ endedAt: 5 })]);
});

test('a write waits for a row that another holds', async () => {
  const url = await server.newUrl();
  const history = await fixtureOn(url).open();
  const record = { hourAt: 0, generation: 'g', clicks: 1, impressions: 0, users: Uint8Array.of(1) };
  await history.saveHours([record], (a) => a);
  const holder = await holding(url, 'update presence_hours set clicks = 5');
  let saved = false;
  const saving = history
    .saveHours([{ ...record, clicks: 3 }], (a) => a)
    .then(() => {
      saved = true;
    });
  await until(oneWaits);
  expect(saved).toBe(false);
  await holder.query('commit');
  await saving;
  expect(await history.hours(0)).toEqual([{ ...record, clicks: 5 }]);
});

test('a value that does not fit is refused, not cut, and not worth a repeat', async () => {
  const history = await fixtureOn(await server.newUrl()).open();
  const long = ended({ country: 'x'.repeat(65) });
  await expect(history.addSessions([ended({ sessionId: 'a' }), long])).rejects.toMatchObject(refused);
  await expect(history.addSessions([ended({ userId: 'x'.repeat(256) })])).rejects.toMatchObject(refused);
  expect(await allOf(history, { userId: 'u' })).toEqual([]);
});

test('a migration that was cut short is run again and makes what is missing', async () => {
  const url = await server.newUrl();
  await (await fixtureOn(url).open()).stop();
  const use = `use ${new URL(url).pathname.slice(1)}`;
  const indexes = async (): Promise<unknown[]> => {
    const rows = await server.query(use, 'show index from presence_sessions');
    return rows.map((row) => `${row.Key_name}(${row.Column_name})`);
  };
  const before = await indexes();
  expect(before).toContain('presence_sessions_by_end(ended_at)');
  await server.query(
    use,
    'drop table presence_hours',
    'drop index presence_sessions_by_end on presence_sessions',
    'delete from presence_migrations',
  );
  const history = await fixtureOn(url).open();
  expect(await indexes()).toEqual(before);
  expect(await history.hours(0)).toEqual([]);
});

test('[P13] a table of the former version keeps its rows, and takes ids that it could not', async () => {
  const fixture = fixtureOn(await server.newUrl());
  const history = await fixture.open();
  const database = new URL(fixture.url).pathname.slice(1);
  const former = 'varchar(128) character set ascii collate ascii_bin';
  await server.query(
    `use ${database}`,
    `alter table presence_sessions modify user_id ${former} not null, modify session_id ${former} not null, modify stream_id ${former}`,
    "delete from presence_migrations where name = '0002-ids'",
  );
  const rows = [
    ended({ streamId: 'tnt' }),
    ended({ userId: 'auth0|jürgen', sessionId: '😀', streamId: 'a/b' }),
  ] as const;
  await history.addSessions([rows[0]]);
  await expect(history.addSessions([rows[1]])).rejects.toMatchObject(refused);
  const newer = await fixture.open();
  await newer.addSessions([rows[1]]);
  expect(await allOf(newer, { userId: 'u' })).toEqual([rows[0]]);
  expect(await allOf(newer, { userId: 'auth0|jürgen' })).toEqual([rows[1]]);
  expect(await allOf(newer, { userId: 'auth0|jurgen' })).toEqual([]);
});

test('what waiting does not mend is told apart, and no message has the password', async () => {
  const url = await server.newUrl();
  await server.query(
    "create user if not exists 'reader'@'%' identified by 'l00k-only'",
    "grant select on *.* to 'reader'@'%'",
  );
  const reader = changed(url, (parts) => {
    parts.username = 'reader';
    parts.password = 'l00k-only';
  });
  const secret = 's3cr3t-%40';
  const reasons: [string, object, RegExp][] = [
    [
      changed(url, (parts) => Object.assign(parts, { password: secret })),
      misconfigured,
      /refuses the user or the password/,
    ],
    [changed(url, (parts) => Object.assign(parts, { username: 'nobody' })), misconfigured, /refuses the user/],
    [changed(url, (parts) => Object.assign(parts, { pathname: '/nowhere' })), misconfigured, /no such database/],
    [
      changed(url, (parts) => Object.assign(parts, { hostname: 'localhost', search: '?ssl=true' })),
      misconfigured,
      /does not support TLS/,
    ],
    [reader, misconfigured, /denies this user a privilege/],
    [`mysql://u:${secret}@127.0.0.1:${await freePort()}/x`, unavailable, /cannot be reached: .*ECONNREFUSED/],
  ];
  for (const [where, kind, reason] of reasons) {
    const error = await fixtureOn(where)
      .handle()
      .start()
      .catch((thrown: Error) => thrown);
    expect(error).toMatchObject(kind);
    expect(error).toMatchObject({ message: expect.stringMatching(reason) });
    const password = decodeURIComponent(new URL(where).password);
    expect(JSON.stringify([String(error), (error as Error).stack, (error as Error).cause])).not.toContain(password);
  }
});

test('a port that accepts and says nothing fails the start in bounded time', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  cleanup.push(async () => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as { port: number };
  const history = fixtureOn(`mysql://u:p@127.0.0.1:${port}/x`).handle();
  await expect(history.start()).rejects.toMatchObject(unavailable);
});
