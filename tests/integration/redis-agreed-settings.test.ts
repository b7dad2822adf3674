/** Settings that should be equal in all processes of a deployment: a start says which are not, and what to do. */
import { afterEach, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { agreedSettings } from '../../gateway/config/agreed.ts';
import { loadConfig } from '../../gateway/config/config.ts';
import { createStore } from '../../gateway/server.ts';
import { startRedis } from '../support/redis-server.ts';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

type Line = Readonly<Record<string, unknown>>;

/** Starts the store of a process with these settings. @returns what it warned of settings. */
async function warningsOf(url: string, prefix: string, env: Record<string, string>): Promise<Line[]> {
  const lines: Line[] = [];
  const log = pino({ level: 'warn', messageKey: 'message' }, { write: (line) => void lines.push(JSON.parse(line)) });
  const settings = { REDIS_URL: url, REDIS_PREFIX: prefix, PRESENCE_SHARDS: '2', DATABASE_URL: 'none', ...env };
  const store = createStore(loadConfig(settings, []), log);
  await store.start();
  await store.stop();
  return lines.filter(({ setting }) => setting !== undefined);
}

test('[P18] a process that starts with another value than the last warns with both and the cure', async () => {
  const redis = await startRedis({ shared: true });
  ended.push(() => redis.stop());
  const prefix = redis.prefix();
  const start = (env: Record<string, string> = {}) => warningsOf(redis.url, prefix, env);
  expect(await start()).toEqual([]);
  expect(await start()).toEqual([]);
  expect(await start({ MAX_STREAMS: '5', ON_LIMIT: 'evict-oldest', DRAIN_MS: '1' })).toMatchObject([
    {
      setting: 'MAX_STREAMS',
      here: '5',
      there: '3',
      message:
        'MAX_STREAMS is 5 here and was 3 in the process that started last: set it to 3 here, or restart the others with 5',
    },
    { setting: 'ON_LIMIT', here: 'evict-oldest', there: 'reject' },
  ]);
  // The next of a rollout has the same, and is silent; one that was left out is told.
  expect(await start({ MAX_STREAMS: '5', ON_LIMIT: 'evict-oldest' })).toEqual([]);
  expect(await start({ MAX_STREAMS: '5' })).toMatchObject([{ setting: 'ON_LIMIT', there: 'evict-oldest' }]);
});

test('[P18] a Redis that takes no writes is no reason not to start', async () => {
  const redis = await startRedis();
  ended.push(() => redis.stop());
  const prefix = redis.prefix();
  await warningsOf(redis.url, prefix, {});
  const { Redis } = await import('ioredis');
  const client = new Redis(redis.url);
  ended.push(() => client.disconnect());
  await client.config('SET', 'maxmemory', '1');
  expect(await warningsOf(redis.url, prefix, { MAX_STREAMS: '5' })).toEqual([]);
});

test('what is compared holds no secret', () => {
  const url = 'mysql://app:hush@db/presence';
  const config = loadConfig({ REDIS_URL: 'redis://:hush@h', DATABASE_URL: url }, []);
  const agreed = agreedSettings(config);
  expect(JSON.stringify(agreed)).not.toContain('hush');
  expect(agreed).toMatchObject({ MAX_STREAMS: '3', DATABASE_URL: 'mysql://app:[redacted]@db/presence' });
});
