// Another process on the same history: what tests need a second process for, or one that may be killed.
// `start <url>`, `start` (each URL that its input names), `write <url>`, and on the file alone:
// `sql <file> <statement>`, `lock <file>` (until its input ends).
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const [act, target, statement] = process.argv.slice(2);
const HISTORY = process.env.HISTORY_MODULE ?? '../../dist/gateway/history/index.js';
const say = (text) => process.stdout.write(`${text}\n`);

async function open(url) {
  const { createHistoryDatabase, parseDatabaseUrl } = await import(HISTORY);
  const history = createHistoryDatabase(parseDatabaseUrl(url));
  await history.start();
  return history;
}

async function openFile() {
  const { default: Sqlite } = await import('better-sqlite3');
  return new Sqlite(target);
}

const ROWS = 20;
const rowsOf = (batch) =>
  Array.from({ length: ROWS }, (_, i) => ({
    userId: 'writer',
    sessionId: `s${batch * ROWS + i}`,
    sessionStartedAt: 1_000,
    segment: 0,
    startedAt: 1_000,
    endedAt: 2_000 + batch,
    watchedMs: 1_000,
    reason: 'left',
    via: 'socket',
  }));

const ACTS = {
  async start() {
    for await (const url of target === undefined ? createInterface(process.stdin) : [target]) {
      const history = await open(url);
      say('started');
      await history.stop();
    }
  },
  /** Says after each batch how many rows have been acknowledged. */
  async write() {
    const history = await open(target);
    for (let batch = 0; ; batch++) {
      await history.addSessions(rowsOf(batch));
      say((batch + 1) * ROWS);
    }
  },
  async sql() {
    const db = await openFile();
    const prepared = db.prepare(statement);
    say(JSON.stringify(prepared.reader ? prepared.all() : prepared.run()));
    db.close();
  },
  async lock() {
    const db = await openFile();
    db.exec('begin immediate');
    say('locked');
    process.stdin.resume();
    await once(process.stdin, 'end');
    db.exec('rollback');
    db.close();
  },
};

try {
  await ACTS[act]();
} catch (error) {
  say(JSON.stringify({ code: error.code, message: error.message }));
  process.exit(1);
}
