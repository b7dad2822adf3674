/** Each example of the client's guide is run as it stands, in the order of the guide. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import type { Page } from 'playwright-core';
import { startBrowser, type TestBrowser } from '../support/browser.ts';
import { Player } from '../support/player.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';
import { hsToken, SECRET } from '../support/tokens.ts';

const PACKAGE = join(process.cwd(), 'dist/gateway/client-package');
const WS = 'wss://presence.example.com/ws';
const HTTP = 'https://presence.example.com';

/** Section, language and text of each block of code. */
const BLOCKS = [
  ...readFileSync('gateway/client/README.md', 'utf8').matchAll(/^## (.*)$|^```(\w+)\n([\s\S]*?)^```$/gm),
].reduce<{ section: string; all: { section: string; language: string; text: string }[] }>(
  ({ section, all }, [, heading, language, text]) => {
    if (heading !== undefined) return { section: heading, all };
    return { section, all: [...all, { section, language: language as string, text: text as string }] };
  },
  { section: '', all: [] },
).all;

const blockOf = (section: string, language: string): string =>
  BLOCKS.find((block) => block.section === section && block.language === language)?.text ?? '';

let browser: TestBrowser;
let server: TestServer;
let page: Page;
let failures: string[];
beforeAll(async () => {
  browser = await startBrowser();
});
afterAll(() => browser.close());
beforeEach(async () => {
  failures = [];
  page = await browser.page();
  page.on('pageerror', (error) => failures.push(error.message));
});
afterEach(async () => {
  await page.context().close();
  await server.stop(0);
  expect(failures).toEqual([]);
});

const start = async (env: Record<string, string> = {}): Promise<void> => {
  server = await startTestServer({ RESUME_GRACE_MS: '20000', ...env });
};
const here = (text: string): string =>
  text.replaceAll(WS, `ws://127.0.0.1:${server.wsPort}/ws`).replaceAll(HTTP, `http://127.0.0.1:${server.httpPort}`);
const titled = (wanted: string) => page.waitForFunction((title) => document.title === title, wanted);
const sessions = async () =>
  (await server.get('/concurrency/user/ann')).body.sessions as { sessionId: string; streamId: string }[];

/** The example as a module of a page, which bundles it with the package as an application would. */
async function run(section: string, language = 'js', more = ''): Promise<void> {
  const { outputFiles } = await build({
    stdin: { contents: here(blockOf(section, language)) + more, loader: 'jsx', resolveDir: process.cwd() },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    alias: {
      'presence-gateway-client': join(PACKAGE, 'index.mjs'),
      'presence-gateway-client/react': join(PACKAGE, 'react.mjs'),
      'react-native': './tests/browser/react-native.js',
    },
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  browser.paths.set('/example.js', () => ['text/javascript', outputFiles[0]?.text ?? '']);
  browser.paths.set('/example', () => [
    'text/html',
    '<!doctype html><body><script type="module" src="/example.js"></script>',
  ]);
  await page.goto(`${browser.origin}/example`);
}

const TESTED = [
  'A page html',
  'A page js',
  'React jsx',
  'React Native js',
  'Node js',
  'The fourth stream: let the user choose js',
  'Zapping js',
  'Reload and closing a tab js',
  'Two tabs js',
  'Tokens js',
  'A friends list js',
];

test('the guide has no example that is not run below', async () => {
  await start();
  const examples = BLOCKS.filter(({ language }) => language !== 'sh').map(
    ({ section, language }) => `${section} ${language}`,
  );
  expect(examples).toEqual(TESTED);
});

test('A page: by a script of the sidecar', async () => {
  await start();
  browser.paths.set('/example', () => ['text/html', `<!doctype html><body>${here(blockOf('A page', 'html'))}`]);
  await page.goto(`${browser.origin}/example`);
  await titled('live');
  expect(await sessions()).toMatchObject([{ streamId: 'tnt' }]);
});

test('A page: with a build', async () => {
  await start();
  await run('A page', 'js', '\nglobalThis.done = true;');
  await page.waitForFunction(() => (globalThis as unknown as { done?: boolean }).done);
  // The subscription goes on without the player.
  await titled('0 watch');
  expect(await sessions()).toEqual([]);
});

test('React', async () => {
  await start({ SUMMARY_INTERVAL_MS: '100', MAX_STREAMS: '1' });
  const mount = "\nimport { createRoot } from 'react-dom/client'; createRoot(document.body).render(<App />);";
  await run('React', 'jsx', mount);
  await page.waitForFunction(() => document.body.textContent === 'playing1 watch: ann (live)');
  const other = await browser.page();
  await other.goto(`${browser.origin}/example`);
  await other.click('text=Stop Living room');
  await other.waitForFunction(() => document.body.textContent?.startsWith('playing'));
  await other.context().close();
});

test('React Native', async () => {
  await start();
  await run('React Native');
  await until(async () => (await sessions()).length === 1);
  await page.evaluate(() => (window as unknown as { foreground(): void }).foreground());
});

test('Node', async () => {
  await start();
  const folder = mkdtempSync(join(tmpdir(), 'presence-guide-'));
  try {
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(PACKAGE, join(folder, 'node_modules/presence-gateway-client'));
    symlinkSync(join(process.cwd(), 'node_modules/ws'), join(folder, 'node_modules/ws'));
    writeFileSync(join(folder, 'example.mjs'), here(blockOf('Node', 'js')));
    const child = spawn(process.execPath, ['example.mjs'], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    await until(() => output.includes('users'));
    const [player] = await Player.hello(server.wsPort, { userId: 'ann' });
    player.send({ type: 'leave' });
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(output).toContain('close');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('The fourth stream', async () => {
  await start({ MAX_STREAMS: '1' });
  const [other] = await Player.hello(server.wsPort, { userId: 'ann', sessionId: 'tv', meta: { name: 'TV' } });
  await run('The fourth stream: let the user choose');
  await page.click('text=Stop TV');
  expect(await other.closed).toBe(4012);
  await until(async () => (await sessions())[0]?.streamId === 'tnt');
  await server.request('DELETE', '/sessions/ann');
  await titled('operator');
});

test('Zapping', async () => {
  await start();
  await run('Zapping', 'js', "\ndocument.title = 'done';");
  await titled('done');
  expect(await sessions()).toEqual([]);
});

test('Reload and closing a tab', async () => {
  await start();
  await run('Reload and closing a tab');
  await titled('false');
  const [before] = await sessions();
  await page.reload();
  await titled('true');
  expect(await sessions()).toMatchObject([{ sessionId: before?.sessionId }]);
});

test('Two tabs', async () => {
  await start();
  await run('Two tabs');
  await titled('0');
});

test('Tokens', async () => {
  await start({ AUTH: 'jwt', JWT_SECRET: SECRET });
  browser.paths.set('/presence-token', async () => ['text/plain', await hsToken({ sub: 'ann' })]);
  await run('Tokens');
  await titled('ann');
});

test('A friends list', async () => {
  await start();
  const [bob] = await Player.hello(server.wsPort, { userId: 'bob' });
  await run('A friends list');
  await titled('bob online, carl never');
  bob.send({ type: 'leave' });
  await page.waitForFunction(() => /^bob \d{4}-.*, carl never$/.test(document.title));
});

test('the error table has every code that the SDK makes', async () => {
  await start();
  const guide = readFileSync('gateway/client/README.md', 'utf8');
  const codes = readFileSync('gateway/client/presence-error.ts', 'utf8').matchAll(/^ {2}\| '(\w+)'/gm);
  for (const [, code] of codes) expect(guide).toContain(`\`${code}\``);
});
