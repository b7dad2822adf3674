/** Clients that share no code with us complete a session: Python's websockets and a browser (W1, W6, W11-W13). */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Browser, chromium } from 'playwright-core';
import { SUBPROTOCOL } from '../../gateway/protocol/messages.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';

/** Debian's, as its packages belong to no other Python. */
const PYTHON = '/usr/bin/python3';
const PYTHON_SESSION = fileURLToPath(new URL('../support/websockets-session.py', import.meta.url));
const CHROMIUM = '/usr/bin/chromium';
/** Of the browser's first start. */
const START_MS = 120_000;

interface Transcript {
  readonly subprotocol: string;
  readonly frames: readonly object[];
  readonly close: { readonly code: number; readonly reason: string };
}

type Play = (port: number, messages: readonly object[]) => Promise<Transcript>;

const urlOf = (port: number): string => `ws://127.0.0.1:${port}/ws`;

async function playInPython(port: number, messages: readonly object[]): Promise<Transcript> {
  const args = [PYTHON_SESSION, urlOf(port), SUBPROTOCOL, JSON.stringify(messages)];
  const { stdout } = await promisify(execFile)(PYTHON, args);
  return JSON.parse(stdout) as Transcript;
}

/** Runs in the page: waits for an answer to each message but the last, which ends the session. */
function playInPage(given: { url: string; subprotocol: string; messages: readonly object[] }): Promise<Transcript> {
  return new Promise((resolve) => {
    const socket = new WebSocket(given.url, given.subprotocol);
    const frames: object[] = [];
    const next = (): void => socket.send(JSON.stringify(given.messages[frames.length]));
    socket.onopen = next;
    socket.onmessage = ({ data }) => {
      frames.push(JSON.parse(String(data)) as object);
      next();
    };
    socket.onclose = ({ code, reason }) => resolve({ subprotocol: socket.protocol, frames, close: { code, reason } });
  });
}

function behaves(play: Play): void {
  describe.each(['uws', 'ws'])('transport %s', (TRANSPORT) => {
    let server: TestServer;
    beforeAll(async () => {
      server = await startTestServer({ TRANSPORT });
    });
    afterAll(() => server.stop(0));

    test('[W1] [W6] [W11] [W12] [W13] [W31] hello, update, heartbeat, leave', async () => {
      const transcript = await play(server.wsPort, [
        { type: 'hello', id: 'h', userId: 'ana', sessionId: 'tv', streamId: 'tnt', meta: { title: 'Příběh 🎬' } },
        { type: 'update', id: 'u', streamId: 'espn' },
        { type: 'heartbeat', id: 'b' },
        { type: 'leave' },
      ]);
      expect(transcript).toMatchObject({
        subprotocol: SUBPROTOCOL,
        frames: [
          { type: 'welcome', id: 'h', userId: 'ana', sessionId: 'tv', resumed: false, current: 1, max: 3 },
          { type: 'ok', id: 'u' },
          { type: 'heartbeat', id: 'b', current: 1, max: 3 },
        ],
        close: { code: 1000, reason: 'normal' },
      });
      expect(transcript.frames).toHaveLength(3);
      expect((await server.get('/online')).body).toEqual({ users: 0, sessions: 0 });
    });
  });
}

describe("Debian's python3-websockets", () => {
  behaves(playInPython);
});

describe('the WebSocket of Chromium', () => {
  const site = createServer((_, response) =>
    response.setHeader('content-type', 'text/html').end('<title>page</title>'),
  );
  let browser: Browser;

  beforeAll(async () => {
    const quiet = ['--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update'];
    const args = ['--no-sandbox', '--disable-sync', ...quiet];
    // Headless, with a profile of its own.
    browser = await chromium.launch({ executablePath: CHROMIUM, args });
    site.listen(0, '127.0.0.1');
    await once(site, 'listening');
  }, START_MS);
  afterAll(async () => {
    await browser?.close();
    site.close();
  });

  behaves(async (port, messages) => {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${(site.address() as AddressInfo).port}/`);
    const transcript = await page.evaluate(playInPage, { url: urlOf(port), subprotocol: SUBPROTOCOL, messages });
    await page.close();
    return transcript;
  });
});
