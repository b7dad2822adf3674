/** A sidecar on a free port over an embedded store whose clock the test steps. */
import type { Logger } from 'pino';
import { createAuthenticator } from '../../gateway/auth/create-authenticator.ts';
import { type Config, loadConfig } from '../../gateway/config/config.ts';
import type { HistoryReads } from '../../gateway/history/index.ts';
import { createSidecar, type Sidecar } from '../../gateway/http/sidecar.ts';
import { createLog } from '../../gateway/log.ts';
import { Metrics } from '../../gateway/metrics/metrics.ts';
import { selectTransport } from '../../gateway/transport/select.ts';
import { MemoryStore, type PresenceStore } from '../../presence-core/index.ts';
import { exampleRefusals, exampleReport } from './example-node.ts';
import { type HttpClient, httpClient } from './http-client.ts';

export interface TestSidecar extends HttpClient {
  readonly url: string;
  readonly port: number;
  readonly config: Config;
  readonly log: Logger;
  readonly dispatch: Sidecar['dispatch'];
  readonly routes: Sidecar['routes'];
  /** Parsed log lines so far. */
  readonly lines: Record<string, unknown>[];
  draining: boolean;
  close(): Promise<void>;
}

/** The store's clock; steps only when told. */
export class ManualClock {
  now = 1_700_000_000_000;
  readonly read = (): number => this.now;
}

const QUIET = { info: () => undefined, warn: () => undefined };

/** @param env settings; TRANSPORT decides which server it is. */
export async function startSidecar(
  store: PresenceStore = new MemoryStore(),
  env: Record<string, string> = {},
  history?: HistoryReads,
): Promise<TestSidecar> {
  const config = loadConfig(env, []);
  const lines: Record<string, unknown>[] = [];
  const log = createLog(config.logLevel, { write: (line: string) => void lines.push(JSON.parse(line)) });
  await store.start();
  const sidecar = createSidecar({
    config,
    authenticator: createAuthenticator(config),
    store,
    history,
    log,
    metrics: new Metrics(),
    reports: { own: () => exampleReport(), others: async () => new Map() },
    refusals: exampleRefusals(),
    uws: (await selectTransport(config.transport, QUIET)).uws,
    isDraining: () => running.draining,
  });
  const port = await sidecar.listen('127.0.0.1', 0);
  const url = `http://127.0.0.1:${port}`;
  const client = httpClient(url);
  // The client asks for the description once, which is no line of the test's.
  await client.get('/openapi.json');
  lines.length = 0;
  const running: TestSidecar = {
    ...client,
    url,
    port,
    config,
    log,
    dispatch: sidecar.dispatch,
    routes: sidecar.routes,
    lines,
    draining: false,
    async close() {
      await sidecar.close();
      await store.stop();
    },
  };
  return running;
}
