/** A server and pages of its dashboard in Chromium, both ended after each test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Page } from 'playwright-core';
import { startBrowser, type TestBrowser } from './browser.ts';
import { startTestServer, type TestServer } from './servers.ts';

export interface Opened {
  readonly page: Page;
  /** What the browser complained about, such as a breach of the page's policy. */
  readonly complaints: string[];
  /** Addresses asked for. */
  readonly asked: string[];
}

interface OpenOptions {
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
}

export interface DashboardTests {
  start(env?: Record<string, string>): Promise<TestServer>;
  open(server: TestServer, view?: string, options?: OpenOptions): Promise<Opened>;
  /** Run after the test, the last first. */
  readonly ends: (() => unknown)[];
}

export function dashboardTests(): DashboardTests {
  let browser: TestBrowser;
  const ends: (() => unknown)[] = [];
  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  return {
    ends,
    async start(env = {}) {
      const folder = mkdtempSync(join(tmpdir(), 'presence-dashboard-'));
      ends.push(() => rmSync(folder, { recursive: true, force: true }));
      const history = `sqlite:${join(folder, 'h.db')}`;
      const server = await startTestServer({ RESUME_GRACE_MS: '20000', DATABASE_URL: history, ...env });
      ends.push(() => server.stop(0));
      return server;
    },
    async open(server, view = '#/now', { width = 1440, colorScheme = 'light' } = {}) {
      const context = await browser.browser.newContext({ viewport: { width, height: 900 }, colorScheme });
      ends.push(() => context.close());
      context.setDefaultTimeout(10_000);
      const page = await context.newPage();
      const complaints: string[] = [];
      const asked: string[] = [];
      page.on('pageerror', (error) => complaints.push(error.message));
      page.on('console', (message) => {
        if (message.type() === 'error' && !message.text().includes('Failed to load resource'))
          complaints.push(message.text());
      });
      page.on('request', (request) => asked.push(request.url()));
      page.on('websocket', (socket) => asked.push(socket.url()));
      await page.goto(`http://127.0.0.1:${server.httpPort}/${view}`);
      return { page, complaints, asked };
    },
  };
}

export const figure = async (page: Page, name: string): Promise<string> =>
  (await page.locator(`[data-of="${name}"]`).textContent()) ?? '';

export async function watch(server: TestServer, userId: string, sessionId: string, streamId = 'tnt'): Promise<void> {
  const body = { userId, sessionId, streamId, deviceType: 'tv', country: 'DE', state: 'BE', intervalMs: 60_000 };
  await server.post('/heartbeat', body);
}
