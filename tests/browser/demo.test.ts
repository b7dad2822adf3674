/** The player demo as somebody uses it, in tabs and with lids, and what the server knows beside it. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { startBrowser, type TestBrowser } from '../support/browser.ts';
import { eventually, lastingPorts, startTestServer, type TestServer, until } from '../support/servers.ts';

let browser: TestBrowser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

let server: TestServer;
let context: BrowserContext;
/** What the browser refuses, a script throws, or a page asks of others. */
let faults: string[];

async function start(
  env: Record<string, string> = {},
  options: Parameters<TestBrowser['browser']['newContext']>[0] = {},
) {
  server = await startTestServer({ DEMO: 'on', RESUME_GRACE_MS: '20000', ...env });
  context = await browser.browser.newContext(options);
  context.on('page', (page) => {
    page.on('pageerror', (error) => faults.push(error.message));
    // An answer without upgrade is what the SDK asks for when a connection fails.
    page.on(
      'console',
      (message) => /426/.test(message.text()) || (message.type() === 'error' && faults.push(message.text())),
    );
    page.on('request', (request) => {
      if (![server.httpPort, server.wsPort].map(String).includes(new URL(request.url()).port))
        faults.push(request.url());
    });
  });
}

beforeEach(() => {
  faults = [];
});
afterEach(async () => {
  await context.close();
  await server.stop(0);
  expect(faults).toEqual([]);
});

async function open(query = ''): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${server.httpPort}/demo${query}`);
  return page;
}

const screen = (page: Page, name: string) => page.locator('article', { has: page.getByRole('heading', { name }) });
const says = (page: Page, name: string, text: string) => screen(page, name).getByText(text).waitFor();
const slots = (page: Page, wanted: string) =>
  page.waitForFunction((text) => document.querySelector('#slots')?.textContent === text, wanted);
const sessions = async (userId = 'ann') =>
  (await server.get(`/concurrency/user/${userId}`)).body.sessions as { streamId: string; meta: { name: string } }[];

test('four tabs: the fourth is refused, chooses a victim, and that tab is told', async () => {
  await start();
  const tabs = [await open()];
  for (const name of ['Phone', 'Laptop', 'Tablet']) {
    const [tab] = tabs.slice(-1) as [Page];
    await says(tab, name, 'Live');
    const [next] = await Promise.all([context.waitForEvent('page'), tab.click('text=In a new tab')]);
    tabs.push(next);
  }
  const [phone, , , tv] = tabs as [Page, Page, Page, Page];
  await says(tv, 'TV', '3 of 3 screens are taken');
  await slots(tv, 'PhoneLaptopTablet');
  await tv.click('text=Stop Phone (tnt)');
  await says(tv, 'TV', 'Live');
  await says(phone, 'Phone', 'Another screen took this slot.');
  await slots(phone, 'LaptopTabletTV');
  await phone.getByText('Phone ends: replaced').waitFor();
  expect((await sessions()).map(({ meta }) => meta.name)).toEqual(['Laptop', 'Tablet', 'TV']);
  // Back again, by choosing another one.
  await phone.click('text=Watch here again');
  await phone.click('text=Stop Laptop (espn)');
  await says(phone, 'Phone', 'Live');
});

test('a closed lid keeps its slot for the grace, and the same session goes on when it opens', async () => {
  await start();
  const page = await open();
  await says(page, 'Phone', 'Live');
  await page.click('text=Close the lid');
  await says(page, 'Phone', 'Lid closed');
  await page.getByText(/^lost, slot kept \d+ s$/).waitFor();
  expect(await sessions()).toMatchObject([{ detached: true }]);
  await page.click('text=Open the lid');
  await says(page, 'Phone', 'Back in the same session');
  expect(await page.locator('[data-step=lost].done').count()).toBe(1);
});

test('a lid that stays closed loses its slot, and the screen begins anew', async () => {
  await start({ RESUME_GRACE_MS: '500' });
  const page = await open();
  await says(page, 'Phone', 'Live');
  await page.click('text=Close the lid');
  await page.getByText('Phone ends: timeout').waitFor();
  await slots(page, 'freefreefree');
  await page.click('text=Open the lid');
  await says(page, 'Phone', 'Live');
  await slots(page, 'Phonefreefree');
});

test('screens side by side: a switch keeps the slot, to leave frees it at once, another user has other slots', async () => {
  await start();
  const page = await open('?user=bob');
  await page.click('text=Open a screen');
  await slots(page, 'PhoneLaptopfree');
  await screen(page, 'Laptop').getByRole('combobox').selectOption('kids');
  await page.getByText('Laptop switches from espn to kids').waitFor();
  await screen(page, 'Phone').getByText('Leave').click();
  await slots(page, 'Laptopfreefree');
  await page.fill('#user', 'carl');
  await page.keyboard.press('Tab');
  await until(async () => (await sessions('carl')).length === 1);
  expect(await sessions('bob')).toEqual([]);
});

test('an operator ends a session, and the limit that an operator sets is shown', async () => {
  await start();
  const page = await open();
  await says(page, 'Phone', 'Live');
  await server.request('PUT', '/limits/ann', { max: 1 });
  await slots(page, 'Phone');
  await server.request('DELETE', '/sessions/ann');
  await says(page, 'Phone', 'An operator ended this session.');
});

test('the video plays, in a loop, only while the screen holds a slot', async () => {
  await start();
  const page = await open();
  await page.waitForFunction(() => (document.querySelector('video')?.currentTime ?? 0) > 0.2);
  await page.evaluate(() => {
    const video = document.querySelector('video') as HTMLVideoElement;
    video.playbackRate = 8;
    video.addEventListener('seeked', () => (document.title = 'looped'));
  });
  await page.waitForFunction(() => document.title === 'looped');
  await page.click('text=Close the lid');
  await page.waitForFunction(() => document.querySelector('video')?.paused);
});

test('a server that restarts is found again', async () => {
  const ports = await lastingPorts();
  await start(ports);
  const page = await open();
  await says(page, 'Phone', 'Live');
  await server.stop(0);
  await says(page, 'Phone', 'Reconnecting');
  await page.getByText('The server does not answer.').waitFor();
  // What the browser says of a server that is away is no fault of the page.
  faults = [];
  // The ports of a server that has just stopped may be in use for a moment.
  server = await eventually(() => startTestServer({ DEMO: 'on', ...ports }));
  await says(page, 'Phone', 'Live');
  await slots(page, 'Phonefreefree');
  faults = faults.filter((fault) => !fault.includes('ERR_CONNECTION_REFUSED'));
});

test.each([360, 768, 1440])('at %i px nothing is cut off, and every control has a name', async (width) => {
  await start({}, { viewport: { width, height: 800 } });
  const page = await open();
  for (let i = 0; i < 3; i++) await page.click('text=Open a screen');
  await says(page, 'TV', '3 of 3 screens are taken');
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
  const names = await page
    .locator('button, a, select, input')
    .evaluateAll((all) =>
      all.map(
        (each) => each.ariaLabel || (each as HTMLInputElement).labels?.[0]?.textContent || each.textContent?.trim(),
      ),
    );
  expect(names.length).toBeGreaterThan(15);
  expect(names.filter((name) => !name)).toEqual([]);
});
