/** The client's tarball in an empty project, and that in a page: by a script tag, as a module, and bundled with React. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { startBrowser, type TestBrowser } from '../support/browser.ts';
import { CLIENT, install, link, pack } from '../support/packages.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';

const project = mkdtempSync(join(tmpdir(), 'presence-page-'));
let browser: TestBrowser;
let server: TestServer;
let at: string;
beforeAll(async () => {
  at = install(project, join(project, pack(CLIENT, project).filename), 'presence-gateway-client');
  link(project, 'react', 'react-dom');
  browser = await startBrowser();
  server = await startTestServer();
});
afterAll(async () => {
  await browser.close();
  await server.stop(0);
  rmSync(project, { recursive: true, force: true });
});

const play = (userId: string): string =>
  `new PresenceClient({ url: 'ws://127.0.0.1:${server.wsPort}/ws', userId: '${userId}', streamId: 'tnt' })
    .connect().then(({ userId }) => { document.title = userId; });`;

async function shows(path: string, body: string, title: string): Promise<void> {
  browser.paths.set(path, () => ['text/html', `<!doctype html><body>${body}`]);
  const page = await browser.page();
  await page.goto(browser.origin + path);
  await page.waitForFunction((wanted) => document.title === wanted, title);
  await page.context().close();
}

test('by a script tag, classic and as a module', async () => {
  for (const file of ['index.js', 'index.mjs']) {
    browser.paths.set(`/packed/${file}`, () => ['text/javascript', readFileSync(join(at, file), 'utf8')]);
  }
  const classic = `<script src="/packed/index.js"></script><script>const { PresenceClient } = Presence; ${play('ann')}</script>`;
  await shows('/packed-classic', classic, 'ann');
  const module = `<script type="module">import { PresenceClient } from '/packed/index.mjs'; ${play('bob')}</script>`;
  await shows('/packed-module', module, 'bob');
});

test('bundled with React, as a package of the project', async () => {
  const app = `
    import { PresenceProvider, usePlayback } from 'presence-gateway-client/react';
    import { createElement } from 'react';
    import { createRoot } from 'react-dom/client';
    function Player() {
      document.title = usePlayback('tnt').status;
      return null;
    }
    const options = { url: 'ws://127.0.0.1:${server.wsPort}/ws', userId: 'carl' };
    createRoot(document.body).render(createElement(PresenceProvider, options, createElement(Player)));`;
  writeFileSync(join(project, 'app.js'), app);
  const define = { 'process.env.NODE_ENV': '"production"' };
  const entryPoints = [join(project, 'app.js')];
  const { outputFiles } = await build({ entryPoints, bundle: true, write: false, format: 'iife', define });
  const code = outputFiles[0]?.text ?? '';
  browser.paths.set('/packed/app.js', () => ['text/javascript', code]);
  await shows('/packed-react', '<script src="/packed/app.js"></script>', 'playing');
  expect((await server.get('/concurrency/user/carl')).status).toBe(200);
});
