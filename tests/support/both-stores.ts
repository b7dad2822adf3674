/** Runs a suite against whole servers twice: over the embedded store, and over a real Redis. */
import { afterAll, afterEach, beforeAll, describe } from '@jest/globals';
import { startRedis, type TestRedis } from './redis-server.ts';
import { startTestServer, type TestServer } from './servers.ts';

export interface TestRig {
  readonly kind: 'memory' | 'redis';
  /** The environment of a process on data of its own. */
  fresh(): Record<string, string>;
  /** Starts a server on data of its own. All servers of a test are stopped after it. */
  start(env?: Record<string, string>): Promise<TestServer>;
  /** Starts one more on the data of the last `start`. Only over Redis: the embedded store is one process's. */
  another(env?: Record<string, string>): Promise<TestServer>;
}

const SHARDS = '4';
/** Outlasts a stall of the machine: else the leases that ran meanwhile are extended (P9). */
const NODE_LEASE_MS = '10000';
/** HTTP too, which by default is node:http: over Redis it is that. */
const BOTH_OVER_UWS = { memory: 'uws', redis: 'auto' } as const;

export function overBothStores(suite: (rig: TestRig) => void): void {
  describe.each(['memory', 'redis'] as const)('over %s', (kind) => {
    let redis: TestRedis | undefined;
    let data: Record<string, string> = {};
    const TRANSPORT = BOTH_OVER_UWS[kind];
    const running: TestServer[] = [];
    beforeAll(async () => {
      if (kind === 'redis') redis = await startRedis({ shared: true });
    });
    afterEach(async () => {
      await Promise.all(running.splice(0).map((server) => server.stop(0)));
    });
    afterAll(() => redis?.stop());

    const fresh = (): Record<string, string> =>
      redis
        ? { REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix(), PRESENCE_SHARDS: SHARDS, DATABASE_URL: 'none' }
        : {};
    const launch = async (env: Record<string, string>): Promise<TestServer> => {
      const server = await startTestServer({ NODE_LEASE_MS, TRANSPORT, ...data, ...env });
      running.push(server);
      return server;
    };
    suite({
      kind,
      fresh,
      start(env = {}) {
        data = fresh();
        return launch(env);
      },
      another(env = {}) {
        if (!redis) throw new Error('The embedded store is not shared.');
        return launch(env);
      },
    });
  });
}
