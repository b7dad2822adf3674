/** Every view of every page, dark and light, wide and narrow: axe finds no violation, and nothing sticks out. */
import { expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import { RedisStore } from '../../presence-core/index.ts';
import { violationsOf } from '../support/axe.ts';
import { dashboardTests, watch } from '../support/dashboard-page.ts';
import { startRedis } from '../support/redis-server.ts';
import { type TestServer, until } from '../support/servers.ts';
import { SECRET } from '../support/tokens.ts';

const LOOKS = [
  [1440, 'light'],
  [1440, 'dark'],
  [360, 'light'],
  [360, 'dark'],
] as const;

const { start, open, ends } = dashboardTests();

async function isFine(page: Page, what: string): Promise<void> {
  expect({ what, violations: await violationsOf(page) }).toEqual({ what, violations: [] });
  const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect({ what, beyond }).toEqual({ what, beyond: 0 });
}

const goTo = (page: Page, server: TestServer, path: string) => page.goto(`http://127.0.0.1:${server.httpPort}${path}`);

const ready = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor();

test.each(LOOKS)('the views of the dashboard at %i px, %s', async (width, colorScheme) => {
  const server = await start();
  for (const sessionId of ['a', 'b', 'c', 'd']) await watch(server, 'ann', sessionId);
  await watch(server, 'bob', 'e');
  const { page } = await open(server, '#/now', { width, colorScheme });
  await until(async () => (await page.evaluate(() => document.documentElement.dataset.theme)) === colorScheme);
  await page.locator('#tops tbody').waitFor();
  await page.getByRole('region', { name: 'Last 24 hours' }).locator('.empty, .day').first().waitFor();
  await isFine(page, 'now');
  await goTo(page, server, '/#/now?stream=tnt&by=country');
  await page.getByRole('region', { name: 'Viewers' }).getByText('bob').waitFor();
  await isFine(page, 'a stream, by country');
  await goTo(page, server, '/#/nodes');
  await ready(page, 'Healthy');
  await isFine(page, 'nodes');
  await goTo(page, server, '/#/person');
  await ready(page, 'Enter a user id');
  await isFine(page, 'person');
  await goTo(page, server, '/#/person?user=ann');
  await ready(page, 'Refused at');
  await ready(page, 'Nothing was watched.');
  await isFine(page, 'a person');
  await page.getByRole('button', { name: 'Set limit…' }).click();
  await page.getByRole('dialog').waitFor();
  await isFine(page, 'a question');
  await page.keyboard.press('Escape');
  await goTo(page, server, '/#/live?stream=tnt');
  await ready(page, 'Nothing has happened since you looked.');
  await until(async () => {
    await watch(server, 'cat', 'f', Math.random() < 0.5 ? 'tnt' : 'abc');
    return (await page.locator('.feed li').count()) > 0;
  });
  await page.getByRole('button', { name: 'Pause' }).click();
  await isFine(page, 'live feed');
  await server.stop(0);
  await ready(page, 'The server does not answer. What is shown is of');
  await isFine(page, 'a server that is gone');
});

test('several nodes, one of them in full and one that tells nothing', async () => {
  const redis = await startRedis();
  ends.push(() => redis.stop());
  const prefix = redis.prefix();
  const server = await start({ REDIS_URL: redis.url, REDIS_PREFIX: prefix, PRESENCE_SHARDS: '4' });
  const silent = new RedisStore({ url: redis.url, prefix, shards: 4 });
  await silent.start();
  ends.push(() => silent.stop());
  await silent.nodes.join('former', 600_000);
  const { nodeId } = (await server.get('/nodes')).body.self;
  for (const [width, colorScheme] of LOOKS) {
    const { page } = await open(server, `#/nodes?node=${nodeId}`, { width, colorScheme });
    await page.getByRole('row').filter({ hasText: nodeId }).getByText('Healthy').waitFor();
    await page.getByRole('region', { name: `Node ${nodeId}` }).waitFor();
    await isFine(page, `${width} ${colorScheme}`);
  }
});

test('to sign in, and to be refused', async () => {
  const server = await start({ AUTH: 'jwt', JWT_SECRET: SECRET });
  for (const [width, colorScheme] of LOOKS) {
    const { page } = await open(server, '#/now', { width, colorScheme });
    await page.getByLabel('Token or API key').fill('nonsense');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await isFine(page, `${width} ${colorScheme}`);
  }
});

test.each(LOOKS)('documentation and player demo at %i px, %s', async (width, colorScheme) => {
  const server = await start({ DEMO: 'on', MAX_STREAMS: '1' });
  const { page } = await open(server, '#/now', { width, colorScheme });
  for (const path of ['/docs', '/docs/problems/concurrency_limit']) {
    await goTo(page, server, path);
    await page.locator('.copy').first().waitFor();
    await isFine(page, path);
    await page.keyboard.press('/');
    await page.keyboard.type('limit');
    await page.locator('form ul a').first().waitFor();
    await isFine(page, `${path}, search`);
  }
  await goTo(page, server, '/demo');
  await page.getByText('Open a screen').click();
  await ready(page, '1 of 1 screens are taken');
  await isFine(page, 'demo');
});
