/** The dashboard in a real browser: what it shows is what the API says, and what is clicked happens. */
import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { simulatePlayers } from '../../bench/simulated-players.ts';
import { makeViewers } from '../../bench/world.ts';
import { RedisStore } from '../../presence-core/index.ts';
import { dashboardTests, figure, watch } from '../support/dashboard-page.ts';
import { Player } from '../support/player.ts';
import { startRedis } from '../support/redis-server.ts';
import { eventually, lastingPorts, startTestServer, type TestServer, until } from '../support/servers.ts';
import { apiKeyEntry, hsToken, SECRET } from '../support/tokens.ts';

const { start, open, ends } = dashboardTests();

test('totals and tops are those of the API, while players come and go', async () => {
  const server = await start();
  const crowd = simulatePlayers({ wsPort: server.wsPort, httpPort: server.httpPort, viewers: makeViewers(80) });
  ends.push(() => crowd.stop());
  const { page, complaints, asked } = await open(server);
  const isSame = async (): Promise<boolean> => {
    const shown = [await figure(page, 'Users online'), await figure(page, 'Sessions')];
    const { users, sessions } = (await server.get('/stats/viewercount')).body;
    return sessions !== 0 && shown[0] === String(users) && shown[1] === String(sessions);
  };
  for (let times = 0; times < 5; times += 1) {
    await until(isSame);
    await page.waitForTimeout(500);
  }
  await until(async () => {
    const rows = await page.locator('#tops tbody tr').allInnerTexts();
    const { items } = (await server.get('/stats/top?by=stream&limit=10')).body;
    const told = (items as { key: string; users: number; sessions: number }[]).map(
      ({ key, users, sessions }) => `${key} ${users} ${sessions}`,
    );
    const shown = rows.map((row) => row.split(/\s+/).slice(0, 3).join(' '));
    return told.length > 0 && JSON.stringify(shown) === JSON.stringify(told);
  });
  await until(async () => Number(await figure(page, 'joins')) > 0);
  expect(complaints).toEqual([]);
  const hosts = new Set(asked.map((url) => new URL(url).host));
  expect([...hosts].sort()).toEqual([`127.0.0.1:${server.httpPort}`, `127.0.0.1:${server.wsPort}`].sort());
});

test('a person: sessions, limit and refusals; end one, end all and set a limit, each with a reason', async () => {
  const server = await start({ MAX_STREAMS: '2' });
  await watch(server, 'ann', 'a');
  await watch(server, 'ann', 'b', 'espn');
  await watch(server, 'ann', 'c', 'abc');
  const { page, complaints } = await open(server, '#/person?user=ann');
  const summary = page.locator('.person .summary');
  await summary.getByText('2 of 2').waitFor();
  await summary.getByText('the default of this deployment').waitFor();
  await page.getByText('2 of 2 in use by tv (tnt), tv (espn).').waitFor();

  const confirm = async (button: string, verb: string): Promise<void> => {
    await page.getByRole('button', { name: button }).first().click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Reason').fill('ticket 12');
    await dialog.getByRole('button', { name: verb }).click();
    await dialog.waitFor({ state: 'detached' });
  };
  await page.getByRole('button', { name: 'Set limit…' }).click();
  await page.getByLabel('Sessions at once').fill('5');
  // What was typed outlives the answers that come meanwhile.
  await page.waitForTimeout(6_000);
  expect(await page.getByLabel('Sessions at once').inputValue()).toBe('5');
  await page.getByLabel('Reason').fill('a big family');
  await page.getByRole('dialog').getByRole('button', { name: 'Set limit' }).click();
  await summary.getByText('2 of 5').waitFor();
  await summary.getByText('set for this user by an operator').waitFor();
  expect((await server.get('/limits/ann')).body).toEqual({ max: 5 });

  await confirm('End… tv', 'End session');
  await summary.getByText('1 of 5').waitFor();
  await watch(server, 'ann', 'd');
  await summary.getByText('2 of 5').waitFor();
  await confirm('End all…', 'End all');
  await summary.getByText('0 of 5').waitFor();
  expect((await server.get('/concurrency/user/ann')).body).toMatchObject({ current: 0, max: 5 });
  await confirm('Remove limit…', 'Remove limit');
  await summary.getByText('0 of 2').waitFor();

  // Without a reason, or after Escape, nothing happens.
  await watch(server, 'ann', 'e');
  await summary.getByText('1 of 2').waitFor();
  await page.getByRole('button', { name: 'End all…' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'End all' }).click();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect((await server.get('/concurrency/user/ann')).body).toMatchObject({ current: 1 });
  expect(complaints).toEqual([]);
});

test('an id that is markup is text', async () => {
  const server = await start();
  const meta = { name: '<img src=x onerror=alert(1)>' };
  const [player] = await Player.hello(server.wsPort, { userId: 'eve', sessionId: 's', streamId: 'tnt', meta });
  ends.push(() => player.socket.close());
  const { page, complaints } = await open(server, '#/person?user=eve');
  await page.getByText('<img src=x onerror=alert(1)>').first().waitFor();
  expect(await page.locator('main img').count()).toBe(0);
  expect(complaints).toEqual([]);
});

test('a stream lists who watches it, and the feed what happens, filtered and paused', async () => {
  const server = await start();
  await watch(server, 'ann', 'a');
  const { page } = await open(server, '#/now?stream=tnt');
  const viewers = page.getByRole('region', { name: 'Viewers' });
  await viewers.getByText('ann').waitFor();
  await watch(server, 'bob', 'b');
  await viewers.getByText('bob').waitFor();
  await viewers.getByText('DE / BE').first().waitFor();

  await page.getByRole('link', { name: 'Live feed' }).click();
  await page.getByText('Nothing has happened since you looked.').waitFor();
  // The subscription is there once the server has counted its socket.
  await eventually(async () => {
    await watch(server, 'cat', `c${Math.random()}`.slice(0, 8), 'espn');
    await page.getByText('joined').first().waitFor({ timeout: 1_000 });
  });
  await page.getByRole('button', { name: 'Pause' }).click();
  await watch(server, 'dan', 'd');
  await page.getByRole('button', { name: 'Go on (1 new)' }).click();
  await page.getByRole('region', { name: 'Feed' }).getByText('dan').waitFor();
  await page.getByLabel('User').fill('dan');
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.waitForURL(/user=dan/);
  await page.getByText('Nothing has happened since you looked.').waitFor();
});

test('a link shares the view with its time zone', async () => {
  const server = await start();
  await watch(server, 'ann', 'a');
  const { page } = await open(server, '#/person?user=ann');
  await page.getByLabel('Time zone').selectOption('Asia/Tokyo');
  await page.waitForURL(/user=ann.*tz=Asia|tz=Asia.*user=ann/);
  const other = await open(server, new URL(page.url()).hash);
  await other.page.getByText('1 of 3').waitFor();
  expect(await other.page.getByLabel('Time zone').inputValue()).toBe('Asia/Tokyo');
});

test('a link with another name of a time zone than this browser lists keeps that zone', async () => {
  const { page } = await open(await start(), '#/now?tz=Asia/Kolkata');
  const zone = page.getByLabel('Time zone');
  await zone.waitFor();
  const epoch = new Date(0).toLocaleTimeString('en-GB', { timeZone: await zone.inputValue() });
  expect(epoch).toBe('05:30:00');
  const wrong = await open(await start(), '#/now?tz=No/Where');
  await wrong.page.getByLabel('Time zone').waitFor();
  expect(await wrong.page.getByLabel('Time zone').inputValue()).not.toBe('No/Where');
});

test('the page survives a restart of the gateway, and says meanwhile how old it is', async () => {
  const ports = { ...(await lastingPorts()), DATABASE_URL: 'none' };
  const first = await startTestServer(ports);
  await watch(first, 'ann', 'a');
  const { page } = await open(first);
  await until(async () => (await figure(page, 'Users online')) === '1');
  await first.stop(0);
  await page.getByText('The server does not answer. What is shown is of').waitFor();
  const second = await eventually(() => start(ports));
  await watch(second, 'ann', 'a');
  await watch(second, 'bob', 'b');
  await until(async () => (await figure(page, 'Users online')) === '2');
  await page.getByText('The server does not answer.').waitFor({ state: 'detached' });
});

/** Numbers on the page and those of the API, until they are the same. */
async function agree(page: Page, server: TestServer, users: number): Promise<void> {
  await until(async () => {
    const shown = [await figure(page, 'Users online'), await figure(page, 'Sessions')];
    const { body } = await server.get('/stats/viewercount');
    return body.users === users && shown[0] === String(body.users) && shown[1] === String(body.sessions);
  });
}

test('the page says that the store is away, and since when; it survives a restart of Redis', async () => {
  const redis = await startRedis();
  ends.push(() => redis.stop());
  const env = { REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix(), PRESENCE_SHARDS: '4', DATABASE_URL: 'none' };
  const server = await start(env);
  const play = async (userId: string): Promise<void> => {
    const [player] = await Player.hello(server.wsPort, { userId, sessionId: userId, streamId: 'tnt' });
    ends.push(() => player.socket.close());
  };
  for (const userId of ['ann', 'bob', 'cat']) await play(userId);
  const { page, complaints } = await open(server);
  await agree(page, server, 3);
  const banner = page.locator('.banner');
  // A node that has just started says for a moment that it is degraded.
  await banner.waitFor({ state: 'detached' });

  await redis.kill();
  await banner.getByText(/The store is away since \d+ s\. Numbers are of before/).waitFor();
  const secondsOf = async (): Promise<number> => Number(/since (\d+) s/.exec((await banner.textContent()) ?? '')?.[1]);
  const first = await secondsOf();
  await until(async () => (await secondsOf()) > first);
  // What is shown stays.
  expect(await figure(page, 'Users online')).toBe('3');

  // It comes back empty, and the sockets' sessions with it.
  await redis.restart();
  await banner.waitFor({ state: 'detached', timeout: 30_000 });
  await agree(page, server, 3);
  await play('dan');
  await agree(page, server, 4);
  await page
    .getByRole('region', { name: 'Most watched' })
    .getByRole('row', { name: /^tnt/ })
    .getByText('4')
    .first()
    .waitFor();
  expect(complaints).toEqual([]);
});

test('when the server is gone the page says how old it is, older each second', async () => {
  const server = await start({ DATABASE_URL: 'none' });
  await watch(server, 'ann', 'a');
  const { page } = await open(server);
  await agree(page, server, 1);
  const banner = page.locator('.banner');
  await server.stop(0);
  await banner.getByText(/What is shown is of \d\d:\d\d:\d\d, \d+ s ago\./).waitFor();
  const ageOf = async (): Promise<number> => Number(/, (\d+) s ago/.exec((await banner.textContent()) ?? '')?.[1]);
  const first = await ageOf();
  expect(first).toBeGreaterThanOrEqual(6);
  await until(async () => (await ageOf()) > first);
  expect(await figure(page, 'Users online')).toBe('1');
});

test('all nodes side by side, and one of them in full; a node that tells nothing by its id', async () => {
  const redis = await startRedis();
  ends.push(() => redis.stop());
  const prefix = redis.prefix();
  const env = { REDIS_URL: redis.url, REDIS_PREFIX: prefix, PRESENCE_SHARDS: '4', NODE_LEASE_MS: '10000' };
  const [server, other] = [await start(env), await start(env)];
  const silent = new RedisStore({ url: redis.url, prefix, shards: 4 });
  await silent.start();
  ends.push(() => silent.stop());
  await silent.nodes.join('former', 600_000);
  const [player] = await Player.hello(other.wsPort, { userId: 'ann', sessionId: 'a', streamId: 'tnt' });
  ends.push(() => player.socket.close());
  const { page, complaints } = await open(server, '#/nodes');
  const [ownId, otherId] = await Promise.all(
    [server, other].map(async (each) => (await each.get('/nodes')).body.self.nodeId as string),
  );
  const row = (nodeId: string) => page.getByRole('row').filter({ hasText: nodeId });
  const cell = (nodeId: string, label: string) => row(nodeId).locator(`td[data-label="${label}"]`);
  await until(async () => (await cell(otherId as string, 'Players').textContent()) === '1');
  expect(await cell(ownId as string, 'Players').textContent()).toBe('0');
  expect(
    await row(otherId as string)
      .getByText('Healthy')
      .count(),
  ).toBe(1);
  expect(await cell(otherId as string, 'Lease').textContent()).toMatch(/ago$/);
  for (const label of ['Event loop', 'Store call', 'Log lag', 'Copy', 'Backlog']) {
    expect([label, await cell(otherId as string, label).textContent()]).toEqual([label, expect.stringMatching(/./)]);
  }
  expect(await row('former').textContent()).toBe('formerversion not knownNo report');
  await page.getByRole('link', { name: otherId as string }).click();
  const full = page.getByRole('region', { name: `Node ${otherId}` });
  await full.getByText('Sessions held').waitFor();
  expect(await row(otherId as string).getAttribute('aria-current')).toBe('true');
  await other.stop(0);
  await row(otherId as string).waitFor({ state: 'detached', timeout: 30_000 });
  expect(complaints).toEqual([]);
});

test('[W18] signed in by a token or a key that is kept in memory; read-only without scope admin', async () => {
  const keys = apiKeyEntry('support', 'presence:read', 'key of support');
  const server = await start({ AUTH: 'jwt', JWT_SECRET: SECRET, API_KEYS: keys });
  const { page, asked } = await open(server);
  const signIn = async (secret: string): Promise<void> => {
    await page.getByLabel('Token or API key').fill(secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };
  await signIn('nonsense');
  await page.getByRole('alert').getByText('The API key is not valid.').waitFor();
  await signIn(await hsToken({ sub: 'ann', scope: 'presence:player' }));
  await page.getByRole('alert').getByText('Scope presence:read is required.').waitFor();

  await signIn('key of support');
  await until(async () => (await figure(page, 'Users online')) === '0');
  // By the socket, which takes the key as a token.
  await until(async () => Number(await figure(page, 'joins')) === 0);
  await page.goto(`http://127.0.0.1:${server.httpPort}/#/person?user=ann`);
  await page.getByText('Read-only').waitFor();
  expect(await page.getByRole('button', { name: 'End all…' }).count()).toBe(0);
  await page.reload();
  await page.getByLabel('Token or API key').waitFor();

  const token = await hsToken({ sub: 'ops', scope: 'presence:admin' });
  await signIn(token);
  await page.getByRole('button', { name: 'Set limit…' }).waitFor();
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]));
  expect(kept).toBe('[{},{},""]');
  for (const secret of ['support', token]) expect(asked.filter((url) => url.includes(secret))).toEqual([]);
});

test('a page that is hidden asks for nothing and holds no socket', async () => {
  const server = await start();
  const { page, asked } = await open(server);
  const dashboards = async () => (await server.get('/nodes')).body.self.sockets.dashboards as number;
  await until(async () => (await dashboards()) === 1);
  const hide = (hidden: boolean) =>
    page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { value, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await hide(true);
  await until(async () => (await dashboards()) === 0);
  const before = asked.length;
  await page.waitForTimeout(6_000);
  expect(asked.length).toBe(before);
  await hide(false);
  await until(async () => (await dashboards()) === 1);
});
