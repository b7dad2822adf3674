/** /docs in a browser: its examples run, its script finds and copies under its policy, and without script it is all there. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { startBrowser, type TestBrowser } from '../support/browser.ts';
import { Player } from '../support/player.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

let browser: TestBrowser;
let server: TestServer;
beforeAll(async () => {
  browser = await startBrowser();
  server = await startTestServer({ MAX_STREAMS: '1' });
});
afterAll(async () => {
  await browser.close();
  await server.stop(0);
});

let context: BrowserContext;
/** What the browser refuses or a script throws. */
const faults: string[] = [];
afterEach(async () => {
  await context.close();
  expect(faults.splice(0)).toEqual([]);
});

async function open(path: string, options: Parameters<TestBrowser['browser']['newContext']>[0] = {}): Promise<Page> {
  context = await browser.browser.newContext(options);
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()));
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(`http://127.0.0.1:${server.httpPort}${path}`);
  return page;
}

/** A page that is an example of /docs, as somebody would copy it. */
async function example(id: string): Promise<Page> {
  const docs = await open('/docs');
  const code = (await docs.textContent(`#${id} .command`)) as string;
  await docs.close();
  browser.paths.set('/example', () => ['text/html', `<!doctype html><link rel="icon" href="data:,"><body>${code}`]);
  const page = await context.newPage();
  await page.goto(`${browser.origin}/example`);
  return page;
}

const titled = (page: Page, title: string) => page.waitForFunction((wanted) => document.title === wanted, title);
const watches = async (userId: string) => (await server.get(`/concurrency/user/${userId}`)).body.sessions;

test('the player in five lines plays', async () => {
  const page = await example('sdk-player');
  await titled(page, 'live 1 of 1');
  await until(async () => (await watches('ann'))[0]?.streamId === 'espn');
  await server.request('DELETE', '/sessions/ann');
});

test('the dashboard in five lines counts', async () => {
  const page = await example('sdk-dashboard');
  await titled(page, '0 watch');
  const [bob] = await Player.hello(server.wsPort, { userId: 'bob', streamId: 'tnt' });
  await titled(page, '1 watch');
  bob.send({ type: 'leave' });
  await titled(page, '0 watch');
});

test('the chooser at the limit takes the place of the one that is chosen', async () => {
  const [tv] = await Player.hello(server.wsPort, { userId: 'ann', sessionId: 'tv', meta: { name: 'TV' } });
  const page = await example('sdk-limit');
  await page.click('text=Stop TV');
  expect(await tv.closed).toBe(4012);
  await until(async () => (await watches('ann'))[0]?.meta?.name === "Ann's iPad");
  await server.request('DELETE', '/sessions/ann');
  await titled(page, 'stopped by operator');
});

test('search finds routes, codes and messages, and leads there by the keyboard', async () => {
  const page = await open('/docs');
  await page.keyboard.press('/');
  await page.keyboard.type('history_unavailable');
  await page.waitForFunction(() => document.querySelector('form ul a'));
  await page.keyboard.press('Enter');
  await page.waitForURL('**/docs/problems/history_unavailable');
  // From a page of a problem all of the documentation is found too.
  await page.keyboard.press('/');
  await page.keyboard.type('list live sessions of a user');
  await page.waitForFunction(() => document.querySelector('form ul a'));
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/docs#getConcurrencyUserByUserId');
  await page.keyboard.press('/');
  await page.keyboard.type('nothing is called so');
  await page.waitForFunction(() => document.querySelector('#found')?.textContent === '0 found');
});

test('a command is copied', async () => {
  const page = await open('/docs/problems/not_found', { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.click('.copy');
  await page.waitForFunction(() => document.querySelector('.copy')?.textContent === 'Copied');
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(await page.textContent('.command'));
});

test('without a clipboard the command is selected', async () => {
  const page = await open('/docs/problems/not_found');
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await page.click('.copy');
  expect(await page.evaluate(() => String(getSelection()))).toContain('curl');
});

test('without script all is there to read, and no control that does nothing', async () => {
  const page = await open('/docs', { javaScriptEnabled: false, viewport: { width: 390, height: 800 } });
  expect(await page.locator('form').isVisible()).toBe(false);
  expect(await page.locator('.copy').count()).toBe(0);
  expect(await page.locator('#contents').isVisible()).toBe(false);
  await page.click('.menu');
  expect(await page.locator('#contents').isVisible()).toBe(true);
});

test.each([360, 768, 1440])('at %i px nothing is cut off and nothing scrolls by itself but the page', async (width) => {
  for (const path of ['/docs', '/docs/problems/concurrency_limit']) {
    const page = await open(path, { viewport: { width, height: 800 } });
    const wide = await page.evaluate(() => [
      document.documentElement.scrollWidth,
      ...[...document.querySelectorAll('main *')]
        .filter(({ scrollWidth, clientWidth }) => clientWidth > 0 && scrollWidth > clientWidth + 1)
        .map(({ outerHTML }) => outerHTML.slice(0, 80)),
    ]);
    expect(wide).toEqual([width]);
    await context.close();
  }
});
