/** Chromium, and pages of an origin of their own that load the SDK as it was built. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const PACKAGE = 'dist/gateway/client-package';
const ARGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];

export interface TestBrowser {
  readonly browser: Browser;
  /** Serves pages: `/` has the SDK as `Presence`; others are as given. */
  readonly origin: string;
  /** What paths beyond those of the package answer, with their type. */
  readonly paths: Map<string, () => readonly [type: string, body: string] | Promise<readonly [string, string]>>;
  page(context?: BrowserContext): Promise<Page>;
  close(): Promise<void>;
}

const PAGE = '<!doctype html><title>page</title><script src="/index.js"></script>';

export async function startBrowser(): Promise<TestBrowser> {
  // Playwright turns the cache of pages off.
  const ignoreDefaultArgs = ['--disable-back-forward-cache'];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS, ignoreDefaultArgs });
  const paths: TestBrowser['paths'] = new Map();
  const server = createServer((request, response) => void answer(request, response, paths));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    browser,
    origin,
    paths,
    async page(context) {
      const page = await (context ?? (await browser.newContext())).newPage();
      await page.goto(origin);
      return page;
    },
    close: () => close(browser, server),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, paths: TestBrowser['paths']): Promise<void> {
  const url = request.url ?? '/';
  const given = paths.get(url);
  if (given) {
    const [type, body] = await given();
    response.writeHead(200, { 'content-type': type }).end(body);
  } else if (/^\/\w+\.m?js$/.test(url)) {
    response.writeHead(200, { 'content-type': 'text/javascript' }).end(readFileSync(PACKAGE + url));
  } else {
    response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
  }
}

async function close(browser: Browser, server: Server): Promise<void> {
  await browser.close();
  server.closeAllConnections();
  await new Promise<void>((resolve) => server.close(() => resolve()));
}
