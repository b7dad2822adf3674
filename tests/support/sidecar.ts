/** A sidecar on a free port over an embedded store whose clock the test steps. */
import { type Logger, pino } from 'pino';
import { createAuthenticator } from '../../gateway/auth/authenticator.ts';
import { type Config, loadConfig } from '../../gateway/config.ts';
import { createSidecar, type Sidecar } from '../../gateway/http/sidecar.ts';
import { MemoryStore, type PresenceStore } from '../../presence-core/index.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  // Tests look into answers of every shape.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly body: any;
}

export interface TestSidecar {
  readonly url: string;
  readonly port: number;
  readonly config: Config;
  readonly log: Logger;
  readonly dispatch: Sidecar['dispatch'];
  /** Parsed log lines so far. */
  readonly lines: Record<string, unknown>[];
  draining: boolean;
  /** Sends JSON when a body is given. */
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Reply>;
  get(path: string): Promise<Reply>;
  close(): Promise<void>;
}

/** The store's clock; steps only when told. */
export class ManualClock {
  now = 1_700_000_000_000;
  readonly read = (): number => this.now;
}

export async function startSidecar(
  store: PresenceStore = new MemoryStore(),
  env: Record<string, string> = {},
): Promise<TestSidecar> {
  const config = loadConfig(env, []);
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: config.logLevel }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  await store.start();
  const sidecar = createSidecar({
    config,
    authenticator: createAuthenticator(config),
    store,
    log,
    isDraining: () => running.draining,
  });
  const port = await sidecar.listen('127.0.0.1', 0);
  const url = `http://127.0.0.1:${port}`;
  const running: TestSidecar = {
    url,
    port,
    config,
    log,
    dispatch: sidecar.dispatch,
    lines,
    draining: false,
    async request(method, path, body, headers = {}) {
      const response = await fetch(url + path, {
        method,
        headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) };
    },
    get: (path) => running.request('GET', path),
    async close() {
      await sidecar.close();
      await store.stop();
    },
  };
  return running;
}
