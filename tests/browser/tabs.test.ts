/** All tabs of an origin on one socket. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import type * as SDK from '../../gateway/client/index.ts';
import { startBrowser, type TestBrowser } from '../support/browser.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { Player } from '../support/player.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

declare const Presence: typeof SDK;
declare const views: SDK.PresenceSubscription[];

let browser: TestBrowser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

let server: TestServer;
let proxy: FaultProxy;
let context: BrowserContext;
beforeAll(async () => {
  // Also of a frame without an origin.
  server = await startTestServer({ SUMMARY_INTERVAL_MS: '200', ALLOWED_ORIGINS: '*' });
  proxy = await FaultProxy.to(server.wsPort);
});
afterAll(async () => {
  await proxy.close();
  await server.stop(0);
});
afterEach(() => context.close());

type Asked = Pick<SDK.SubscriptionFields, 'topic' | 'mode'>;

/** Its subscriptions as `views`. */
async function tab(topics: readonly Asked[], isShared = true): Promise<Page> {
  const page = await browser.page(context);
  await page.evaluate(
    async ([url, all, shared]) => {
      const WebSocket = shared ? Presence.sharedWebSocket({ url, name: 'all' }) : undefined;
      const on = new Presence.PresenceConnection({ url, ...(WebSocket && { WebSocket }), pongTimeoutMs: 1_000 });
      Object.assign(window, { views: all.map((asked) => new Presence.PresenceSubscription({ on, ...asked })) });
      await Promise.all(views.map((view) => view.connect()));
    },
    [`ws://127.0.0.1:${proxy.port}/ws`, topics, isShared] as const,
  );
  return page;
}

const shows = (page: Page, wanted: unknown) =>
  page.waitForFunction((all) => JSON.stringify(views.map((view) => view.count?.users)) === all, JSON.stringify(wanted));

test('three tabs have one socket, each sees its topics, and a tab that closes leaves it to another', async () => {
  context = await browser.browser.newContext();
  const first = await tab([{ topic: 'stream:tnt' }, { topic: 'stats' }]);
  const second = await tab([{ topic: 'stream:tnt', mode: 'interval' }]);
  const third = await tab([{ topic: 'user:ann' }, { topic: 'stream:espn', mode: 'interval' }]);
  expect(proxy.connections).toBe(1);
  const [ann] = await Player.hello(server.wsPort, { userId: 'ann', sessionId: 's', streamId: 'tnt' });
  await shows(first, [1, 1]);
  await shows(second, [1]);
  await shows(third, [1, 0]);
  expect(proxy.connections).toBe(1);
  const maps = await third.evaluate(() => [...(views[0]?.sessions.keys() ?? [])]);
  expect(maps).toEqual(['ann/s']);
  await first.close();
  ann.send({ type: 'update', streamId: 'espn' });
  await shows(second, [0]);
  await shows(third, [1, 1]);
  expect(proxy.connections).toBe(1);
  ann.send({ type: 'leave' });
  await shows(third, [0, 0]);
});

test('a tab whose process dies leaves the socket to another', async () => {
  context = await browser.browser.newContext();
  const first = await tab([{ topic: 'all' }]);
  const second = await tab([{ topic: 'all' }]);
  const before = proxy.accepted;
  await first.goto('chrome://crash').catch(() => {});
  const [ann] = await Player.hello(server.wsPort, { userId: 'ann', sessionId: 's', streamId: 'tnt' });
  await shows(second, [1]);
  await until(() => proxy.connections === 1);
  expect(proxy.accepted).toBe(before + 1);
  ann.send({ type: 'leave' });
  await shows(second, [0]);
});

test('what only a tab watched whose process died is watched no more', async () => {
  context = await browser.browser.newContext();
  await context.addInitScript(() => {
    const { send } = WebSocket.prototype;
    const sent: string[] = [];
    Object.assign(window, { sent });
    WebSocket.prototype.send = function (data) {
      const { type, topic } = JSON.parse(data as string);
      if (topic !== undefined) sent.push(`${type} ${topic}`);
      send.call(this, data);
    };
  });
  const first = await tab([{ topic: 'stats' }]);
  const second = await tab([{ topic: 'stream:tnt' }, { topic: 'user:ann' }]);
  await second.goto('chrome://crash').catch(() => {});
  await first.waitForFunction(() => (window as unknown as { sent: string[] }).sent.length === 5);
  const all = ['stats', 'stream:tnt', 'user:ann'].map((topic) => `subscribe ${topic}`);
  expect(await first.evaluate(() => (window as unknown as { sent: string[] }).sent)).toEqual([
    ...all,
    'unsubscribe stream:tnt',
    'unsubscribe user:ann',
  ]);
  await shows(first, [0]);
  expect(proxy.connections).toBe(1);
});

test('a tab that dies in the middle of its hello is answered by the next one', async () => {
  context = await browser.browser.newContext();
  const first = await tab([{ topic: 'all' }]);
  const second = tab([{ topic: 'all' }]);
  await Promise.all([first.goto('chrome://crash').catch(() => {}), second]);
  await shows(await second, [0]);
  await until(() => proxy.connections === 1);
});

test('a page that may not have locks has a socket of its own, and nothing is thrown', async () => {
  context = await browser.browser.newContext();
  const code = `Presence.sharedWebSocket({ url, name: 'all' })`;
  const script = `
    const url = 'ws://127.0.0.1:${proxy.port}/ws';
    const say = (text) => { document.title += text; parent.postMessage(document.title, '*'); };
    addEventListener('unhandledrejection', ({ reason }) => say(' unhandled ' + reason));
    const on = new Presence.PresenceConnection({ url, WebSocket: ${code} });
    const view = new Presence.PresenceSubscription({ on, topic: 'all' });
    view.connect().then(() => say(' live'), ({ code }) => say(code));`;
  browser.paths.set('/inner', () => ['text/html', `<script src="/index.js"></script><script>${script}</script>`]);
  browser.paths.set('/outer', () => [
    'text/html',
    `<script>addEventListener('message', ({ data }) => { document.title = data; })</script>
    <iframe sandbox="allow-scripts" src="/inner"></iframe>`,
  ]);
  const page = await context.newPage();
  await page.goto(`${browser.origin}/outer`);
  await page.waitForFunction(() => document.title !== '');
  expect((await page.title()).trim()).toBe('live');
});

test('a tab that wants changes after one that wanted counts gets them', async () => {
  context = await browser.browser.newContext();
  const [bob] = await Player.hello(server.wsPort, { userId: 'bob', sessionId: 's', streamId: 'abc' });
  const counts = await tab([{ topic: 'stream:abc', mode: 'interval' }]);
  const changes = await tab([{ topic: 'stream:abc' }]);
  await shows(counts, [1]);
  await shows(changes, [1]);
  bob.send({ type: 'leave' });
  await shows(changes, [0]);
  await shows(counts, [0]);
  expect(proxy.connections).toBe(1);
});

test('what the server refuses is refused in each tab', async () => {
  context = await browser.browser.newContext();
  await tab([{ topic: 'all' }]);
  await expect(tab([{ topic: 'nonsense' }])).rejects.toThrow('/topic');
});

test('a tab whose relay does not answer gets a socket of its own', async () => {
  context = await browser.browser.newContext();
  const first = await tab([{ topic: 'all' }]);
  // It holds the lock, and hears nothing any more.
  await first.evaluate(() => {
    void navigator.locks.query().then(() => {});
    const until = Date.now() + 8_000;
    setTimeout(() => {
      while (Date.now() < until);
    }, 0);
  });
  const second = await tab([{ topic: 'all' }]);
  await shows(second, [0]);
  await until(() => proxy.connections >= 2);
});

test('without Web Locks each tab has a socket', async () => {
  context = await browser.browser.newContext();
  await context.addInitScript(() => {
    Object.defineProperty(Navigator.prototype, 'locks', { value: undefined });
  });
  await tab([{ topic: 'all' }]);
  const second = await tab([{ topic: 'all' }]);
  await shows(second, [0]);
  expect(proxy.connections).toBe(2);
});
