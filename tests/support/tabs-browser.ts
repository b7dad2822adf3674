/**
 * Chromium without Playwright, which makes every page believe that it is seen: here the tabs that are not in front are
 * hidden, so that the browser slows down their timers and can be asked to freeze them.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

const CHROMIUM = '/usr/bin/chromium';
const ARGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--no-first-run', '--remote-debugging-port=0'];
/** So soon after it was hidden a tab's timers fire once a minute; Chromium's default is 5 minutes. */
const INTENSIVE_AFTER_S = 10;
const THROTTLING = `--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/${INTENSIVE_AFTER_S}`;

interface Target {
  readonly id: string;
  readonly webSocketDebuggerUrl: string;
}

interface Reply {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: unknown }; readonly exceptionDetails?: object };
  readonly error?: object;
}

export class Tab {
  private readonly socket: WebSocket;
  private readonly activated: () => Promise<unknown>;
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private calls = 0;

  constructor(socket: WebSocket, activated: () => Promise<unknown>) {
    this.socket = socket;
    this.activated = activated;
    socket.on('message', (data) => {
      const reply = JSON.parse(String(data)) as Reply;
      if (reply.id !== undefined) this.waiting.get(reply.id)?.(reply);
    });
  }

  /** A command of the Chrome DevTools Protocol. */
  async send(method: string, params: object = {}): Promise<Reply> {
    const id = ++this.calls;
    const answered = new Promise<Reply>((resolve) => this.waiting.set(id, resolve));
    this.socket.send(JSON.stringify({ id, method, params }));
    const reply = await answered;
    this.waiting.delete(id);
    if (reply.error) throw new Error(`${method}: ${JSON.stringify(reply.error)}`);
    return reply;
  }

  /** The value of an expression, or what its promise resolves to. */
  async evaluate(expression: string): Promise<unknown> {
    const { result } = await this.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    if (result?.exceptionDetails) throw new Error(JSON.stringify(result.exceptionDetails));
    return result?.result?.value;
  }

  /** In front; all others are hidden. */
  activate(): Promise<unknown> {
    return this.activated();
  }
}

export class TabsBrowser {
  private readonly process: ChildProcess;
  private readonly address: string;
  private readonly directory: string;

  private constructor(process: ChildProcess, address: string, directory: string) {
    this.process = process;
    this.address = address;
    this.directory = directory;
  }

  static async start(): Promise<TabsBrowser> {
    const directory = mkdtempSync(join(tmpdir(), 'tabs-browser-'));
    const args = [...ARGS, THROTTLING, `--user-data-dir=${directory}`, 'about:blank'];
    const child = spawn(CHROMIUM, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    for await (const line of createInterface({ input: child.stderr })) {
      const address = /^DevTools listening on ws:\/\/([^/]+)/.exec(line)?.[1];
      if (address) return new TabsBrowser(child, address, directory);
    }
    throw new Error('Chromium ended before it listened');
  }

  /** A tab in front. */
  async open(url: string): Promise<Tab> {
    const opened = await fetch(`http://${this.address}/json/new?${url}`, { method: 'PUT' });
    const { id, webSocketDebuggerUrl } = (await opened.json()) as Target;
    const socket = new WebSocket(webSocketDebuggerUrl);
    await once(socket, 'open');
    return new Tab(socket, () => fetch(`http://${this.address}/json/activate/${id}`));
  }

  async close(): Promise<void> {
    const ended = once(this.process, 'exit');
    this.process.kill();
    await ended;
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
