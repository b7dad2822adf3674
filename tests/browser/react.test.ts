/** The React entry, with React itself, in development mode: StrictMode mounts everything twice. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { startBrowser, type TestBrowser } from '../support/browser.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { Player } from '../support/player.ts';
import { startScriptedServer, welcome } from '../support/scripted-server.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';
import type { What } from './react-app.ts';

const ALIAS = {
  'presence-gateway-client/react': './dist/gateway/client-package/react.mjs',
};

async function bundle(platform: 'browser' | 'node'): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: ['tests/browser/react-app.ts'],
    bundle: true,
    write: false,
    platform,
    format: platform === 'node' ? 'cjs' : 'iife',
    alias: ALIAS,
    define: { 'process.env.NODE_ENV': '"development"' },
    ...(platform === 'node' && { external: ['react', 'react-dom'] }),
  });
  return outputFiles[0]?.text ?? '';
}

let browser: TestBrowser;
let server: TestServer;
let proxy: FaultProxy;
beforeAll(async () => {
  browser = await startBrowser();
  const code = await bundle('browser');
  browser.paths.set('/app', () => ['text/html', '<!doctype html><body><script src="/app.js"></script>']);
  browser.paths.set('/app.js', () => ['text/javascript', code]);
});
afterAll(() => browser.close());
beforeEach(async () => {
  server = await startTestServer({ MAX_STREAMS: '1', SUMMARY_INTERVAL_MS: '200', RESUME_GRACE_MS: '20000' });
  proxy = await FaultProxy.to(server.wsPort);
});
afterEach(async () => {
  await proxy.close();
  await server.stop(0);
});

async function open(): Promise<Page> {
  const page = await browser.page();
  await page.goto(`${browser.origin}/app`);
  return page;
}

const show = (page: Page, what: Partial<What>) =>
  page.evaluate((given) => window.show(given), {
    url: `ws://127.0.0.1:${proxy.port}/ws`,
    userId: 'ann',
    players: 0,
    viewers: 0,
    ...what,
  });
const says = (page: Page, selector: string, text: string) =>
  page.waitForFunction(
    ([at, wanted]) => document.querySelector(at as string)?.textContent === wanted,
    [selector, text],
  );
/** What is shown there from now on, each once. */
const watch = (page: Page, selectors: readonly string[]) =>
  page.evaluate((all) => {
    const textOf = (): string => all.map((each) => document.querySelector(each)?.textContent).join(' ');
    const texts = new Set([textOf()]);
    Object.assign(window, { texts });
    const options = { subtree: true, childList: true, characterData: true };
    new MutationObserver(() => texts.add(textOf())).observe(document.body, options);
  }, selectors);
const seen = (page: Page) => page.evaluate(() => [...(window as unknown as { texts: Set<string> }).texts]);
const sessions = async () => (await server.get('/concurrency/user/ann')).body.sessions as { streamId: string }[];

test('under StrictMode a player and its viewers open one socket, and one session', async () => {
  const page = await open();
  await show(page, { streamId: 'tnt', players: 2, viewers: 2, occupancy: 'tnt' });
  await says(page, '#screen0', 'playing');
  await says(page, '#screen1', 'playing');
  await says(page, '.viewers', 'ann');
  await says(page, '#occupancy', '1/1');
  await says(page, '#state', 'live');
  expect([proxy.accepted, await sessions()]).toMatchObject([1, [{ streamId: 'tnt' }]]);
});

test('another stream is a switch; one of two components that unmounts leaves the other its slot; the last one leaves', async () => {
  const page = await open();
  await show(page, { streamId: 'tnt', players: 2, viewers: 2 });
  await says(page, '#screen1', 'playing');
  await show(page, { streamId: 'espn', players: 1, viewers: 1 });
  await until(async () => (await sessions())[0]?.streamId === 'espn');
  await says(page, '#screen0', 'playing');
  await Player.hello(server.wsPort, { userId: 'bob', sessionId: 'b' });
  await says(page, '.viewers', 'ann,bob');
  expect(proxy.accepted).toBe(1);
  await show(page, { players: 1, viewers: 1 });
  await until(async () => (await sessions()).length === 0);
  await says(page, '#screen0', 'idle');
  await says(page, '.viewers', 'bob');
  await show(page, {});
  await until(() => proxy.connections === 0);
  await says(page, '#state', 'idle');
});

test('whoever plays after the last player has left begins like the first one, and is shown no end of before', async () => {
  const page = await open();
  const statuses = () => page.evaluate(() => [...new Set(window.statuses.splice(0))]);
  await show(page, { streamId: 'tnt', players: 1 });
  await says(page, '#screen0', 'playing');
  const first = await statuses();
  await show(page, { players: 1 });
  await until(async () => (await sessions()).length === 0);
  await says(page, '#screen0', 'idle');
  expect(await page.evaluate(() => window.playback.error)).toBeUndefined();
  await statuses();
  await show(page, { streamId: 'espn', players: 1 });
  await says(page, '#screen0', 'playing');
  expect([first, await statuses()]).toEqual([first, first]);
  await show(page, {});
  await until(async () => (await sessions()).length === 0);
  await show(page, { streamId: 'tnt', players: 1 });
  await says(page, '#screen0', 'playing');
  expect(await statuses()).toEqual(first);
});

test('at the limit the conflicts are shown, and one is taken over; whoever lost its slot is shown that', async () => {
  const [first, second] = [await open(), await open()];
  await show(first, { streamId: 'tnt', players: 1 });
  await says(first, '#screen0', 'playing');
  await show(second, { streamId: 'tnt', players: 1, viewers: 1 });
  await says(second, '#screen0', 'denied page');
  await says(second, '.viewers', 'ann');
  await second.click('#screen0');
  await says(second, '#screen0', 'playing');
  await says(first, '#screen0', 'evicted');
  await first.click('#screen0');
  await says(first, '#screen0', 'denied page');
});

test('components that take the place of others in one turn go on with their session and what they watch', async () => {
  const page = await open();
  await show(page, { streamId: 'tnt', players: 1, viewers: 1 });
  await says(page, '#screen0', 'playing');
  await says(page, '.viewers', 'ann');
  const before = await page.evaluate(() => window.playback.client?.session);
  await watch(page, ['#screen0', '.viewers']);
  for (let generation = 1; generation <= 3; generation++) {
    await show(page, { streamId: `s${generation}`, players: 1, viewers: 1, generation });
  }
  await until(async () => (await sessions())[0]?.streamId === 's3');
  expect(await page.evaluate(() => window.playback.client?.session)).toEqual(before);
  expect(await seen(page)).toEqual(['playing ann']);
  expect(proxy.accepted).toBe(1);
});

test('under StrictMode, a page that is loaded again goes on with the session of the page before', async () => {
  const [first, second] = [await open(), await open()];
  await show(first, { streamId: 'tnt', players: 1 });
  await says(first, '#screen0', 'playing');
  const before = await first.evaluate(() => window.playback.client?.session);
  await first.close();
  await show(second, { streamId: 'tnt', players: 1, resume: before?.resumeToken ?? '' });
  await says(second, '#screen0', 'playing');
  const after = await second.evaluate(() => window.playback.client?.session);
  expect(after).toMatchObject({ sessionId: before?.sessionId, resumed: true });
});

test('who takes over twice ends one session; who takes over after it is gone takes nothing', async () => {
  const [first, second] = [await open(), await open()];
  await show(first, { streamId: 'tnt', players: 1 });
  await says(first, '#screen0', 'playing');
  await show(second, { streamId: 'tnt', players: 1 });
  await says(second, '#screen0', 'denied page');
  await second.evaluate(() => {
    const { takeOver } = window.playback;
    takeOver();
    takeOver();
  });
  await says(second, '#screen0', 'playing');
  await says(first, '#screen0', 'evicted');
  await show(second, { players: 0 });
  await until(async () => (await sessions()).length === 0);
  const state = await second.evaluate(async () => {
    window.playback.takeOver();
    await new Promise((resolve) => setTimeout(resolve, 100));
    return window.playback.client?.state;
  });
  expect([state, await sessions()]).toEqual(['closed', []]);
});

test('who counts goes on to show the count while another component asks for the viewers', async () => {
  const page = await open();
  await Player.hello(server.wsPort, { userId: 'bob', sessionId: 'b', streamId: 'tnt' });
  await show(page, { viewers: 0, occupancy: 'tnt' });
  await says(page, '#occupancy', '1/1');
  await watch(page, ['#occupancy']);
  await show(page, { viewers: 1, topic: 'stream:tnt', occupancy: 'tnt' });
  await says(page, '.viewers', 'bob');
  expect(await seen(page)).toEqual(['1/1']);
});

test('a component renders again when what it selects has changed, and not for other changes', async () => {
  const page = await open();
  await show(page, { viewers: 1 });
  await Player.hello(server.wsPort, { userId: 'bob', sessionId: 'b', streamId: 'x' });
  await says(page, '.viewers', 'bob');
  const before = await page.evaluate(() => window.renders);
  const [carl] = await Player.hello(server.wsPort, { userId: 'carl', sessionId: 'c', streamId: 'x' });
  await says(page, '.viewers', 'bob,carl');
  for (let i = 0; i < 20; i++) carl.send({ type: 'update', streamId: `s${i}` });
  carl.send({ type: 'leave' });
  await says(page, '.viewers', 'bob');
  // Twice for each change of what is shown, as StrictMode renders twice.
  expect((await page.evaluate(() => window.renders)) - before).toBe(4);
});

test('a loss is shown, and what was there stays', async () => {
  const page = await open();
  await show(page, { streamId: 'tnt', players: 1, viewers: 1 });
  await says(page, '.viewers', 'ann');
  await watch(page, ['.viewers']);
  proxy.cut();
  await until(() => proxy.accepted === 2);
  await says(page, '#screen0', 'playing');
  expect(await seen(page)).toEqual(['ann']);
});

test('what the server lost is shown of viewers and of counts, and that it is whole again', async () => {
  const snapshots = new Map<unknown, (more: object) => void>();
  const scripted = await startScriptedServer(({ type, id, topic, ...frame }, send) => {
    if (type === 'hello') send(welcome({ type, ...frame }));
    if (type !== 'subscribe') return;
    const sessions = [{ userId: 'ann', sessionId: 's', via: 'socket', startedAt: 1 }];
    const content = topic === 'all' ? { sessions } : { stats: { users: 1, sessions: 1 } };
    const page = { type: 'snapshot', topic, page: 0, last: true, ...content, cursor: 'c' };
    snapshots.set(topic, (more) => send({ ...page, ...more }));
    send({ type: 'subscribed', id, topic, resumed: false });
    send({ ...page, degraded: true });
  });
  try {
    const page = await open();
    await show(page, { url: scripted.url, viewers: 1, occupancy: 'tnt' });
    await says(page, '.viewers', 'ann,and others');
    await says(page, '#occupancy', 'at least 1/1');
    for (const whole of snapshots.values()) whole({});
    await says(page, '.viewers', 'ann');
    await says(page, '#occupancy', '1/1');
  } finally {
    await scripted.close();
  }
});

test('a server renders what is not connected yet, without a WebSocket', async () => {
  const { createRequire } = await import('node:module');
  const require = createRequire(`${process.cwd()}/tests/`);
  const exported = { exports: {} as { App(what: What): never } };
  new Function('module', 'exports', 'require', 'window', await bundle('node'))(exported, exported.exports, require, {});
  const { renderToString } = require('react-dom/server') as typeof import('react-dom/server');
  const { createElement } = require('react') as typeof import('react');
  const what = { url: 'ws://127.0.0.1:1/ws', userId: 'ann', streamId: 'tnt', players: 1, viewers: 1, occupancy: 'tnt' };
  const html = renderToString(createElement(exported.exports.App, what));
  expect(html).toContain('idle');
  expect(html).toContain('…');
});
