/** `npm run demo`: the whole product in one process, with a world of players in it and a history of its last day. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../gateway/command.ts';
import { eventsOf, hasNoEvents, sendEvents } from './demo-events.ts';
import { type Day, fillHistory, makeDay } from './demo-history.ts';
import { simulatePlayers } from './simulated-players.ts';
import { makeViewers } from './world.ts';

const DEFAULT_PLAYERS = 300;
const REPORT_MS = 10_000;

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

/** What simulated players watched is nobody's history: it is gone when the demo ends. */
function ownDatabase(): string {
  const folder = mkdtempSync(join(tmpdir(), 'presence-demo-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return `sqlite:${join(folder, 'demo.db')}`;
}

async function fillAnalytics(origin: string, day: Day): Promise<void> {
  const now = Date.now();
  if (!(await hasNoEvents(origin, now))) return;
  const events = eventsOf(day, now);
  await sendEvents(origin, events);
  say(`The analytics have ${events.length.toLocaleString('en')} impressions and clicks of it.`);
}

/** Screens that there are; four of five are on at the evening's peak. */
const viewers = makeViewers(Number(process.env.DEMO_PLAYERS ?? DEFAULT_PLAYERS));
const isOwn = process.env.DATABASE_URL === undefined;
process.env.DATABASE_URL ??= ownDatabase();
process.env.DEMO ??= 'on';
// Refusals are part of the demo, and no news.
process.env.LOG_LEVEL ??= 'error';

await main(async (server) => {
  const wsPort = server.wsPort as number;
  const httpPort = server.httpPort as number;
  const origin = `http://127.0.0.1:${httpPort}`;
  simulatePlayers({ wsPort, httpPort, viewers });
  say(`
  Dashboard      ${origin}/
  Player demo    ${origin}/demo
  Documentation  ${origin}/docs

  ${viewers.length} screens in ${new Set(viewers.map(({ userId }) => userId)).size} households. Ctrl-C ends it.
`);
  const report = async (): Promise<void> => {
    const online = (await (await fetch(`${origin}/online`)).json()) as { users: number; sessions: number };
    say(`${online.sessions} screens of ${online.users} users are on`);
  };
  setInterval(() => void report().catch(() => {}), REPORT_MS).unref();
  if (!isOwn) return;
  const day = makeDay(viewers, Date.now());
  await fillHistory(process.env.DATABASE_URL as string, day).then(
    () => say(`The history has ${day.rows.length.toLocaleString('en')} sessions of the last day.`),
    (error: Error) => say(`The history could not be filled: ${error.message}`),
  );
  await fillAnalytics(origin, day).catch((error: Error) => say(`The analytics could not be filled: ${error.message}`));
});
