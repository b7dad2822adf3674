/** What the dashboard counts and remembers, in a real browser: the day, refusals by reason, a hot stream, thirty days. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { fillHistory } from '../../bench/demo-history.ts';
import { dashboardTests, watch } from '../support/dashboard-page.ts';
import { Player } from '../support/player.ts';
import { until } from '../support/servers.ts';

const { start, open, ends } = dashboardTests();
const MINUTE_MS = 60_000;
const DAY_MS = 1_440 * MINUTE_MS;

function ownDatabase(): string {
  const folder = mkdtempSync(join(tmpdir(), 'presence-figures-'));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  return `sqlite:${join(folder, 'h.db')}`;
}

test('the chart of the last 24 hours names its peak, and is read by arrow keys', async () => {
  const DATABASE_URL = ownDatabase();
  const server = await start({ DATABASE_URL });
  const newest = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 30 * MINUTE_MS;
  const minutes = [0, 1, 2, 3].map((hours) => ({
    at: newest - hours * 60 * MINUTE_MS,
    users: 40 + hours,
    sessions: hours === 2 ? 90 : 50 + hours,
  }));
  // Older than a day: not on the chart.
  minutes.push({ at: newest - 2 * DAY_MS, users: 700, sessions: 700 });
  await fillHistory(DATABASE_URL, { minutes: minutes.reverse(), rows: [] });
  const { page, complaints } = await open(server);
  const day = page.locator('.day');
  await day.getByText(/^Peak /).waitFor();
  // A peak within a minute is two above what was counted at its end.
  expect(await day.locator('figcaption').textContent()).toMatch(/92 sessions42 users$/);
  const plot = page.getByRole('slider', { name: 'Viewers over the last day' });
  await plot.press('Home');
  await day.getByText('53 sessions').waitFor();
  await plot.press('ArrowRight');
  await day.getByText('90 sessions').waitFor();
  expect(complaints).toEqual([]);
});

test('what was refused, evicted, replaced and ended since the page opened, by reason', async () => {
  const server = await start({ MAX_STREAMS: '1', ON_LIMIT: 'evict-oldest' });
  await watch(server, 'ann', 'before');
  await watch(server, 'ann', 'a');
  const { page } = await open(server);
  const counts = page.locator('.figure', { hasText: 'Refused and evicted' }).locator('dd');
  const shown = async (): Promise<string> => (await counts.allTextContents()).join(' ');
  await until(async () => (await shown()) === '0 0 0 0');
  await watch(server, 'ann', 'b');
  await watch(server, 'ann', 'c');
  const [first] = await Player.hello(server.wsPort, { userId: 'bob', sessionId: 'd', streamId: 'tnt' });
  ends.push(() => first.socket.close());
  const [second] = await Player.hello(server.wsPort, {
    userId: 'bob',
    sessionId: 'e',
    streamId: 'tnt',
    replace: ['d'],
  });
  ends.push(() => second.socket.close());
  await server.request('DELETE', '/sessions/ann');
  await until(async () => (await shown()) === '0 2 1 1');
});

test('a refusal at the limit is counted as such', async () => {
  const server = await start({ MAX_STREAMS: '1' });
  await watch(server, 'ann', 'a');
  const { page } = await open(server);
  const refused = page.locator('.figure', { hasText: 'Refused and evicted' }).locator('dd').first();
  await until(async () => (await refused.textContent()) === '0');
  await watch(server, 'ann', 'b');
  await watch(server, 'ann', 'c');
  await until(async () => (await refused.textContent()) === '2');
});

test('a stream that changes fast shows its number in place of its viewers, and they come back', async () => {
  const server = await start({ AUTO_INTERVAL_ABOVE: '3' });
  await watch(server, 'ann', 'a');
  const { page } = await open(server, '#/now?stream=tnt');
  await page.getByRole('region', { name: 'Viewers' }).getByText('ann').waitFor();
  const panel = page.getByRole('region', { name: 'Stream tnt' });
  let count = 1;
  const hot = panel.getByText('It changes too fast for a list');
  await until(async () => {
    await Promise.all(Array.from({ length: 10 }, () => watch(server, `u${++count}`, 's')));
    return hot.isVisible();
  });
  expect(await page.getByRole('region', { name: 'Viewers' }).count()).toBe(0);
  await until(async () => (await panel.locator('.summary').textContent())?.startsWith(`${count} users`) ?? false);
  await hot.waitFor({ state: 'detached', timeout: 60_000 });
  // The newest are shown.
  await page.getByRole('region', { name: 'Viewers' }).getByText(`u${count}`, { exact: true }).waitFor();
});

test('a person’s last 30 days are there, also on a phone, and what is older is not', async () => {
  const DATABASE_URL = ownDatabase();
  const server = await start({ DATABASE_URL });
  const rows = [
    { daysAgo: 2, streamId: 'recent', reason: 'kicked' as const },
    { daysAgo: 29, streamId: 'lately', reason: 'left' as const },
    { daysAgo: 31, streamId: 'formerly', reason: 'left' as const },
  ].map(({ daysAgo, ...row }, segment) => {
    const startedAt = Date.now() - daysAgo * DAY_MS;
    const times = { startedAt, sessionStartedAt: startedAt, endedAt: startedAt + 90_000, watchedMs: 90_000 };
    return {
      userId: 'ann',
      sessionId: `s${segment}`,
      segment,
      deviceType: 'tv',
      via: 'socket' as const,
      ...times,
      ...row,
    };
  });
  await fillHistory(DATABASE_URL, { minutes: [], rows });
  const { page } = await open(server, '#/person?user=ann');
  const history = page.getByRole('region', { name: 'History' });
  const shown = history.locator('tbody tr');
  await until(async () => (await shown.count()) === 2);
  const texts = await shown.allTextContents();
  expect(texts[0]).toMatch(/recent.*tv.*1 min 30 s.*Ended by an operator$/);
  expect(texts[1]).toMatch(/lately.*Left$/);
  await page.setViewportSize({ width: 360, height: 900 });
  expect(await history.evaluate((box) => box.scrollWidth - box.clientWidth)).toBe(0);
});

test('the time to the end of a session counts down', async () => {
  const server = await start();
  await watch(server, 'ann', 'a');
  const { page } = await open(server, '#/person?user=ann');
  const cell = page.locator('td[data-label="Ends unless renewed"]');
  const secondsLeft = async (): Promise<number> => {
    const [, minutes = '0', seconds = '0'] =
      /in (?:(\d+) min ?)?(?:(\d+) s)?/.exec((await cell.textContent()) ?? '') ?? [];
    return Number(minutes) * 60 + Number(seconds);
  };
  const first = await secondsLeft();
  expect(first).toBeGreaterThan(60);
  await until(async () => (await secondsLeft()) <= first - 3);
});
