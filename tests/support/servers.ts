/** The product itself, in this process, on free ports. */
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { loadConfig } from '../../gateway/config/config.ts';
import { type Server, startServer } from '../../gateway/server.ts';
import { type HttpClient, httpClient } from './http-client.ts';

export interface TestServer extends Server, HttpClient {
  readonly wsPort: number;
  readonly httpPort: number;
}

/** Timers short enough for a test and long enough for a busy machine. */
const QUICK = {
  WS_PORT: '0',
  HTTP_PORT: '0',
  LOG_LEVEL: 'silent',
  DATABASE_URL: 'none',
  RESUME_GRACE_MS: '600',
  NODE_BEAT_MS: '100',
  NODE_LEASE_MS: '1000',
  SWEEP_MS: '100',
  DRAIN_MS: '0',
};

export async function startTestServer(env: Record<string, string> = {}, ready = true): Promise<TestServer> {
  const server = await startServer(loadConfig({ ...QUICK, ...env }, []), pino({ level: env.LOG_LEVEL ?? 'silent' }));
  if (ready) await server.ready;
  return {
    ...server,
    ...httpClient(`http://127.0.0.1:${server.httpPort}`),
    wsPort: server.wsPort as number,
    httpPort: server.httpPort as number,
  };
}

/** Tries until it works: what comes back takes as long as reconnecting does. The test's own time limit ends a wait in vain. */
export async function eventually<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch {
      await sleep(50);
    }
  }
}

/** Waits until a check holds; the test's own time limit ends a wait in vain. */
export async function until(check: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await check())) await sleep(20);
}
