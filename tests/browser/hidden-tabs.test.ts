/** A player in a tab that the browser hides, slows down and freezes by itself. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { startBrowser, type TestBrowser } from '../support/browser.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';
import { type Tab, TabsBrowser } from '../support/tabs-browser.ts';

const HIDDEN_MS = 70_000;

/** Serves the page. */
let pages: TestBrowser;
let browser: TabsBrowser;
beforeAll(async () => {
  [pages, browser] = await Promise.all([startBrowser(), TabsBrowser.start()]);
});
afterAll(async () => {
  await Promise.all([pages.close(), browser.close()]);
});

let server: TestServer;
afterEach(() => server.stop(0));

/** A player as `player`, what it says as `seen`; `ticks` counts a timer of 100 ms. */
async function play(env: Record<string, string>): Promise<Tab> {
  server = await startTestServer({ PING_INTERVAL_MS: '5000', ...env });
  const tab = await browser.open(pages.origin);
  const options = { url: `ws://127.0.0.1:${server.wsPort}/ws`, userId: 'u', streamId: 'tnt' };
  await until(async () => (await tab.evaluate('typeof Presence')) === 'object');
  await tab.evaluate(`
    ticks = 0; seen = [];
    setInterval(() => { ticks += 1; }, 100);
    player = new Presence.PresenceClient(${JSON.stringify(options)});
    for (const name of ['welcome', 'disconnected', 'evicted', 'drain']) player.on(name, () => seen.push(name));
    player.connect().then(() => true);
  `);
  return tab;
}

async function hide(tab: Tab): Promise<void> {
  await browser.open('about:blank');
  await until(async () => (await tab.evaluate('document.visibilityState')) === 'hidden');
}

const sessions = async () => (await server.get('/concurrency/user/u')).body.sessions as { sessionId: string }[];

test('a tab that is frozen gives its slot back after the grace, and plays again when it thaws', async () => {
  const tab = await play({ RESUME_GRACE_MS: '300' });
  const before = await sessions();
  expect(before).toHaveLength(1);
  await hide(tab);
  await tab.send('Page.setWebLifecycleState', { state: 'frozen' });
  await until(async () => (await sessions()).length === 0);
  await tab.send('Page.setWebLifecycleState', { state: 'active' });
  await tab.activate();
  await until(async () => (await tab.evaluate('player.state')) === 'live');
  expect(await sessions()).toHaveLength(1);
  expect(await tab.evaluate('seen')).toEqual(['welcome', 'disconnected', 'welcome']);
});

test('a tab that is hidden for more than a minute, its timers slowed down, is live all the time', async () => {
  const tab = await play({ RESUME_GRACE_MS: '1000' });
  const before = await sessions();
  await hide(tab);
  await tab.evaluate('ticks = 0');
  await new Promise((resolve) => setTimeout(resolve, HIDDEN_MS));
  // Once a second at first, then once a minute; seen it would be 700.
  expect(await tab.evaluate('ticks')).toBeLessThan(HIDDEN_MS / 1_000);
  expect(await tab.evaluate('player.state')).toBe('live');
  await tab.activate();
  await until(async () => (await tab.evaluate('document.visibilityState')) === 'visible');
  await tab.evaluate('player.check()');
  expect(await tab.evaluate('[player.state, seen]')).toEqual(['live', ['welcome']]);
  expect((await sessions()).map(({ sessionId }) => sessionId)).toEqual(before.map(({ sessionId }) => sessionId));
}, 120_000);
