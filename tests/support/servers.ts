/** The product itself, in this process, on free ports. */
import { createServer } from 'node:net';
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

/**
 * Settings with ports that a server can be started on again: no connection takes one of them for its own end meanwhile, as
 * they lie below those that the system gives away.
 */
export async function lastingPorts(): Promise<{ WS_PORT: string; HTTP_PORT: string }> {
  const free = async (): Promise<string> => {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    return isFree ? String(port) : free();
  };
  return { WS_PORT: await free(), HTTP_PORT: await free() };
}

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
