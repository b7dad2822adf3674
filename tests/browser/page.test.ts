/** A player in a real page: networks that break, pages that sleep, servers that go away, tabs that are doubled. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { Page } from 'playwright-core';
import type * as SDK from '../../gateway/client/index.ts';
import { startBrowser, type TestBrowser } from '../support/browser.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { lastingPorts, startTestServer, type TestServer, until } from '../support/servers.ts';
import { hsToken, inSeconds, SECRET } from '../support/tokens.ts';

declare const Presence: typeof SDK;
declare const player: SDK.PresenceClient;
declare const seen: string[];

let browser: TestBrowser;
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function start(env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer({ RESUME_GRACE_MS: '20000', PING_INTERVAL_MS: '1000', ...env });
  ends.push(() => server.stop(0));
  return server;
}

async function proxyTo(server: TestServer): Promise<FaultProxy> {
  const proxy = await FaultProxy.to(server.wsPort);
  ends.push(() => proxy.close());
  return proxy;
}

/** A proxy that knows no WebSockets. Returns its port. */
async function plainProxyTo(server: TestServer): Promise<number> {
  const proxy = createServer(async ({ url, headers }, response) => {
    const { status, headers: answered } = await fetch(`http://127.0.0.1:${server.wsPort}${url}`, {
      headers: { origin: headers.origin ?? '' },
    });
    const origin = answered.get('access-control-allow-origin');
    response.writeHead(status, origin === null ? {} : { 'access-control-allow-origin': origin }).end();
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  ends.push(() => proxy.close());
  return (proxy.address() as AddressInfo).port;
}

async function open(context?: Parameters<TestBrowser['page']>[0]): Promise<Page> {
  const page = await browser.page(context);
  ends.push(() => page.context().close());
  return page;
}

/** A player as `player`, what it says as `seen`. */
async function play(page: Page, port: number, more: object = {}): Promise<void> {
  const options = { url: `ws://127.0.0.1:${port}/ws`, userId: 'u', streamId: 'tnt', pongTimeoutMs: 1_000, ...more };
  await page.evaluate(async (given) => {
    const made = new Presence.PresenceClient(given);
    Object.assign(window, { player: made, seen: [] });
    for (const name of ['welcome', 'disconnected', 'evicted', 'drain'] as const) made.on(name, () => seen.push(name));
    await made.connect();
  }, options);
}

const stateOf = (page: Page) => page.evaluate(() => player.state);
const becomes = (page: Page, state: string) => page.waitForFunction((wanted) => player.state === wanted, state);
const sessionsOf = async (server: TestServer) =>
  (await server.get('/concurrency/user/u')).body.sessions as { sessionId: string; detached?: true }[];

test('the sidecar’s scripts work in a page of another origin, as a module and as a classic script', async () => {
  const server = await start();
  const at = `http://127.0.0.1:${server.httpPort}`;
  browser.paths.set('/module', () => [
    'text/html',
    `<script type="module">import * as all from '${at}/client.js'; window.Presence = all; window.done = true;</script>`,
  ]);
  browser.paths.set('/classic', () => [
    'text/html',
    `<script src="${at}/client.iife.js"></script><script>done = true</script>`,
  ]);
  for (const path of ['/module', '/classic']) {
    const page = await open();
    await page.goto(browser.origin + path);
    await page.waitForFunction(() => (window as unknown as { done: boolean }).done);
    await play(page, server.wsPort, { userId: path.slice(1) });
    expect(await stateOf(page)).toBe('live');
  }
});

test('a network that drops without a word is noticed, and left', async () => {
  const server = await start();
  const proxy = await proxyTo(server);
  const page = await open();
  await play(page, proxy.port);
  const [before] = await sessionsOf(server);
  proxy.lose();
  await becomes(page, 'reconnecting');
  await becomes(page, 'live');
  expect(await sessionsOf(server)).toMatchObject([{ sessionId: before?.sessionId }]);
  expect(await page.evaluate(() => player.session?.resumed)).toBe(true);
});

test('when the browser is back online, the connection is looked at', async () => {
  const server = await start({ PING_INTERVAL_MS: '25000' });
  const proxy = await proxyTo(server);
  const page = await open();
  await play(page, proxy.port);
  proxy.lose();
  await page.context().setOffline(true);
  await page.context().setOffline(false);
  await becomes(page, 'reconnecting');
  await becomes(page, 'live');
});

test('a page whose process stood still for long plays on', async () => {
  const server = await start();
  const page = await open();
  await play(page, server.wsPort);
  const cdp = await browser.browser.newBrowserCDPSession();
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
  const pages = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  // The browser itself goes on, and answers the server's pings.
  for (const pid of pages) process.kill(pid, 'SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, 8_000));
  for (const pid of pages) process.kill(pid, 'SIGCONT');
  await page.evaluate(() => player.check());
  expect(await page.evaluate(() => [player.state, seen])).toEqual(['live', ['welcome']]);
});

test('a page that comes back from the browser’s cache of pages plays on', async () => {
  const server = await start();
  const page = await open();
  await play(page, server.wsPort);
  await page.evaluate(() =>
    window.addEventListener('pageshow', ({ persisted }) => seen.push(`persisted ${persisted}`)),
  );
  const [before] = await sessionsOf(server);
  await page.goto(`${browser.origin}/other`);
  await until(async () => (await sessionsOf(server))[0]?.detached === true);
  // A page from the cache does not load.
  await page.goBack({ waitUntil: 'commit' });
  await becomes(page, 'live');
  expect(await page.evaluate(() => seen)).toEqual(['welcome', 'disconnected', 'persisted true', 'welcome']);
  expect(await sessionsOf(server)).toMatchObject([{ sessionId: before?.sessionId }]);
});

test('a server that is restarted, after a drain, is found again within the grace', async () => {
  const ports = await lastingPorts();
  const first = await startTestServer(ports);
  const page = await open();
  await play(page, first.wsPort);
  await first.stop(0);
  await becomes(page, 'reconnecting');
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const second = await start(ports);
  await becomes(page, 'live');
  expect(await page.evaluate(() => seen)).toEqual(expect.arrayContaining(['drain', 'disconnected']));
  expect(await sessionsOf(second)).toHaveLength(1);
});

test('a tab that is doubled takes the session over, and the first one is told that it was itself', async () => {
  const server = await start();
  const first = await open();
  await play(first, server.wsPort, { sessionId: 'mine' });
  const second = await open(first.context());
  await play(second, server.wsPort, { sessionId: 'mine' });
  await becomes(first, 'closed');
  expect(await first.evaluate(() => player.status.evicted?.who)).toBe('same-session');
  expect(await stateOf(second)).toBe('live');
  expect(await sessionsOf(server)).toHaveLength(1);
});

test('a token is renewed before it ends, and the connection outlives it', async () => {
  const server = await start({ AUTH: 'jwt', JWT_SECRET: SECRET });
  let asked = 0;
  browser.paths.set('/token', async () => {
    asked += 1;
    return ['text/plain', await hsToken({ exp: inSeconds(3) })];
  });
  const page = await open();
  await page.evaluate(async (url) => {
    const token = async (): Promise<string> => (await fetch('/token')).text();
    const made = new Presence.PresenceClient({ url, token, streamId: 'tnt' });
    Object.assign(window, { player: made, seen: [] });
    made.on('disconnected', ({ code }) => seen.push(String(code)));
    await made.connect();
  }, `ws://127.0.0.1:${server.wsPort}/ws`);
  await until(() => asked >= 4);
  expect(await page.evaluate(() => [player.state, seen])).toEqual(['live', []]);
});

test('a foreign origin, a wrong path and a proxy that passes no upgrade on are told apart', async () => {
  const strict = await start({ ALLOWED_ORIGINS: 'https://ours.example' });
  const lenient = await start();
  const page = await open();
  const failure = (url: string) =>
    page.evaluate(async (given) => {
      const made = new Presence.PresenceClient({ url: given, userId: 'u', connectTimeoutMs: 2_000 });
      return made.connect().then(
        () => undefined,
        (error: SDK.PresenceError) => [error.code, (error.cause as SDK.PresenceError | undefined)?.code],
      );
    }, url);
  expect(await failure(`ws://127.0.0.1:${strict.wsPort}/ws`)).toEqual(['forbidden', undefined]);
  expect(await failure(`ws://127.0.0.1:${strict.wsPort}/wss`)).toEqual(['not_found', undefined]);
  expect(await failure(`ws://127.0.0.1:${await plainProxyTo(lenient)}/ws`)).toEqual(['timeout', 'no_websocket']);
  // The pages' own server answers nothing else than pages.
  expect((await failure(`${browser.origin.replace('http', 'ws')}/ws`))?.[0]).toBe('timeout');
});
test('sixty players in one page', async () => {
  const server = await start();
  const page = await open();
  const count = 60;
  await page.evaluate(
    async ([url, many]) => {
      const players = Array.from({ length: many }, (_, i) => {
        return new Presence.PresenceClient({ url, userId: `u${i}`, streamId: 'wall' });
      });
      const wall = new Presence.PresenceSubscription({
        on: (players[0] as SDK.PresenceClient).connection,
        topic: 'stream:wall',
      });
      Object.assign(window, { players, wall });
      await Promise.all([...players.map((each) => each.connect()), wall.connect()]);
    },
    [`ws://127.0.0.1:${server.wsPort}/ws`, count] as const,
  );
  await page.waitForFunction(
    (many) => (window as unknown as { wall: SDK.PresenceSubscription }).wall.count?.users === many,
    count,
  );
  await page.evaluate(() => {
    const { players } = window as unknown as { players: SDK.PresenceClient[] };
    return Promise.all(players.map((each) => each.leave()));
  });
  expect((await server.get('/online')).body).toEqual({ users: 0, sessions: 0 });
});
