/** The React entry, with React itself, in development mode: StrictMode mounts everything twice. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { startBrowser, type TestBrowser } from '../support/browser.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { Player } from '../support/player.ts';
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
  await page.evaluate(() => {
    const seen: string[] = [];
    Object.assign(window, { seen });
    new MutationObserver(() => seen.push(document.querySelector('.viewers')?.textContent ?? '')).observe(
      document.body,
      {
        subtree: true,
        childList: true,
        characterData: true,
      },
    );
  });
  proxy.cut();
  await until(() => proxy.accepted === 2);
  await says(page, '#screen0', 'playing');
  expect(
    await page.evaluate(() => (window as unknown as { seen: string[] }).seen.filter((text) => text !== 'ann')),
  ).toEqual([]);
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
