/** Connections to Redis that go silent, fill up or end: others take their place, and nothing collects (P9, P14). */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect } from '@jest/globals';
import { type Cluster, Redis } from 'ioredis';
import { pino } from 'pino';
import { loadConfig } from '../../gateway/config/config.ts';
import { startServer } from '../../gateway/server.ts';
import type { OpenRequest } from '../../presence-core/index.ts';
import { hearSentinels } from '../../presence-core/redis/lasting-client.ts';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { hasRead } from '../support/loop-turns.ts';
import { startCluster, type TestCluster } from '../support/redis-cluster.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { redisStore, shardOf } from '../support/redis-stores.ts';
import { ScriptedSentinel } from '../support/scripted-sentinel.ts';
import { eventually, until } from '../support/servers.ts';
import { type Ends, slowTests } from '../support/slow-tests.ts';

const LONG_MS = 60_000;
const SHARDS = 8;
const slowTest = slowTests();

async function redisFor(ends: Ends, args: string[] = []): Promise<TestRedis> {
  const redis = await startRedis({ args });
  ends.push(() => redis.stop());
  return redis;
}

async function proxyTo(ends: Ends, port: number): Promise<FaultProxy> {
  const proxy = await FaultProxy.to(port);
  ends.push(() => proxy.close());
  return proxy;
}

async function storeAt(ends: Ends, url: string, more: object = {}): Promise<RedisStore> {
  const store = await redisStore({ url, shards: SHARDS, ...more });
  ends.push(() => store.stop());
  return store;
}

const beatOf = (userId: string, more: Partial<OpenRequest> = {}): OpenRequest => ({
  userId,
  sessionId: 's',
  attributes: {},
  owner: 'heartbeat',
  leaseMs: LONG_MS,
  intent: 'beat',
  ...more,
});

const unavailable = { code: 'store_unavailable' };

/** `once` of Node rejects at the first `error`. */
function emitted(client: Redis, event: 'end' | 'close'): Promise<void> {
  return new Promise((resolve) => client.once(event, () => resolve()));
}

/** The connection that serves calls on sessions; on Cluster one for each master. */
function serving(store: RedisStore): Redis[] {
  const { client } = store as unknown as { client: Redis | Cluster };
  return client.isCluster ? (client as Cluster).nodes('master') : [client as Redis];
}

/** All connections of a store are lost without a word; whatever it does works again on new ones. */
async function goesOnAfterLoss(store: RedisStore, other: RedisStore, proxies: readonly FaultProxy[]): Promise<void> {
  await store.nodes.join('node', LONG_MS);
  const displaced: string[] = [];
  store.inbox.listen('node', (message) => 'userId' in message && displaced.push(message.userId));
  let cursor = await store.log.tail();
  const changed: string[] = [];
  let isOver = false;
  const reading = (async () => {
    while (!isOver) {
      const page = await eventually(() => store.log.read(cursor, 100, 1_000));
      cursor = page.cursor;
      changed.push(...page.changes.map(({ userId }) => userId));
    }
  })();
  const session = { userId: 'first', sessionId: 's', via: 'socket' as const, startedAt: 1, expiresAt: 2 };
  const tell = (userId: string): Promise<void> =>
    other.inbox.notify([
      { session: { ...session, userId }, owner: { nodeId: 'node', connection: 1 }, reason: 'evicted' },
    ]);
  await tell('first');
  await other.sessions.open(beatOf('first'));
  await until(() => displaced.includes('first') && changed.includes('first'));
  for (const proxy of proxies) proxy.lose();
  // At once, as a gateway does: a loss shows to who waits for an answer.
  const users = Array.from({ length: 4 * SHARDS }, (_, i) => `u${i}`);
  const [beat] = await Promise.all([
    eventually(() => store.nodes.beat('node', LONG_MS)),
    tell('second'),
    other.sessions.open(beatOf('second')),
    ...users.map((userId) => eventually(() => store.sessions.open(beatOf(userId)))),
  ]);
  expect(beat).toMatchObject({ outcome: 'alive' });
  await until(() => displaced.includes('second') && changed.includes('second'));
  isOver = true;
  await reading;
}

slowTest('[P14] connections that are lost without a word are replaced: one Redis', async (ends) => {
  const redis = await redisFor(ends);
  const proxy = await proxyTo(ends, redis.port);
  const prefix = redis.prefix();
  const store = await storeAt(ends, `redis://127.0.0.1:${proxy.port}`, { prefix });
  await goesOnAfterLoss(store, await storeAt(ends, redis.url, { prefix }), [proxy]);
});

slowTest('[P14] connections that are lost without a word are replaced: Sentinel', async (ends) => {
  const redis = await redisFor(ends);
  const proxy = await proxyTo(ends, redis.port);
  const sentinel = await ScriptedSentinel.for(proxy.port);
  ends.push(() => sentinel.stop());
  const prefix = redis.prefix();
  const store = await storeAt(ends, sentinel.url, { prefix });
  await goesOnAfterLoss(store, await storeAt(ends, redis.url, { prefix }), [proxy]);
});

slowTest('[P14] connections that are lost without a word are replaced: each node of a Cluster', async (ends) => {
  const cluster = await clusterFor(ends);
  const proxies: FaultProxy[] = [];
  for (const { port } of cluster.masters) {
    const proxy = await proxyTo(ends, port);
    proxies.push(proxy);
    await admin(ends, port).config('SET', 'cluster-announce-port', String(proxy.port));
  }
  // Each master tells the others by and by.
  for (const { port } of cluster.masters) {
    await until(async () => {
      const slots = (await admin(ends, port).call('CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
      return slots.every(([, , [, announced]]) => proxies.some((proxy) => proxy.port === announced));
    });
  }
  const prefix = cluster.prefix();
  const url = `redis+cluster://${proxies.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
  const store = await storeAt(ends, url, { prefix });
  const other = await storeAt(ends, url, { prefix });
  await goesOnAfterLoss(store, throughLosses(other), proxies);
});

slowTest('[P14] a client that ended as a failover was announced while it asked is connected again', async (ends) => {
  const redis = await redisFor(ends);
  const proxy = await proxyTo(ends, redis.port);
  const sentinel = await ScriptedSentinel.for(proxy.port);
  ends.push(() => sentinel.stop());
  const store = await storeAt(ends, sentinel.url, { prefix: redis.prefix() });
  const [client] = serving(store) as [Redis];
  const hasEnded = emitted(client, 'end');
  // The other is that of beats.
  await until(() => sentinel.subscribed >= 2);
  sentinel.hold();
  proxy.cut();
  await until(() => sentinel.waiting >= 2);
  await sentinel.announce();
  // What was announced arrives on another connection than the answer.
  await sleep(100);
  await hasRead();
  sentinel.release();
  await hasEnded;
  expect(await eventually(() => store.sessions.open(beatOf('u')))).toMatchObject({ outcome: 'opened' });
  expect(await eventually(() => store.nodes.join('node', LONG_MS))).toMatchObject({ outcome: 'alive' });
});

slowTest('[P14] a client that waits to connect again does so when a sentinel announces a new master', async (ends) => {
  const redis = await redisFor(ends);
  const proxy = await proxyTo(ends, redis.port);
  const sentinel = await ScriptedSentinel.for(proxy.port);
  ends.push(() => sentinel.stop());
  // Longer than the test lasts.
  const retryStrategy = (): number => 10 * LONG_MS;
  const sentinels = [{ host: '127.0.0.1', port: Number(new URL(sentinel.url).port) }];
  const client = new Redis({ sentinels, name: 'main', failoverDetector: true, retryStrategy });
  client.on('error', () => {});
  ends.push(() => client.disconnect());
  hearSentinels(client);
  await until(() => client.status === 'ready');
  await until(() => sentinel.subscribed > 0);
  await proxy.close();
  await until(() => client.status === 'reconnecting');
  await sentinel.announce(redis.port);
  await until(() => client.status === 'ready');
  expect(await client.ping()).toBe('PONG');
});

slowTest('[P14] while Redis stands still nothing is collected behind calls that had no answer', async (ends) => {
  const redis = await redisFor(ends);
  const store = await storeAt(ends, redis.url, { prefix: redis.prefix() });
  const [client] = serving(store) as [Redis & { prevCommandQueue?: { length: number } }];
  redis.process?.kill('SIGSTOP');
  ends.push(() => redis.process?.kill('SIGCONT'));
  const hasClosed = emitted(client, 'close');
  const ask = (): Promise<unknown> => store.limits.override('u');
  for (const call of await Promise.allSettled(Array.from({ length: 100 }, ask))) expect(call.status).toBe('rejected');
  expect(client.commandQueue.length).toBe(100);
  for (const call of await Promise.allSettled(Array.from({ length: 1_000 }, ask))) {
    expect(call).toMatchObject({ status: 'rejected', reason: unavailable });
  }
  expect(client.commandQueue.length).toBe(100);
  await hasClosed;
  expect([client.commandQueue.length, client.prevCommandQueue?.length ?? 0]).toEqual([0, 0]);
  for (const call of await Promise.allSettled(Array.from({ length: 1_000 }, ask))) expect(call.status).toBe('rejected');
  // The greeting of a new connection.
  expect(client.commandQueue.length).toBeLessThan(10);
  redis.process?.kill('SIGCONT');
  expect(await eventually(ask)).toBeNull();
});

/** What is sent on these connections has no answer for as long as they last. */
function pause(connections: readonly Redis[]): void {
  for (const { stream } of connections) stream.pause();
}

async function beatsBesideStuckCalls(store: RedisStore): Promise<void> {
  await store.nodes.join('node', LONG_MS);
  pause(serving(store));
  const stuck = store.reads.status(Array.from({ length: 4 * SHARDS }, (_, i) => `u${i}`)).catch((error) => error);
  for (let i = 0; i < 3; i += 1) {
    expect(await store.nodes.beat('node', LONG_MS)).toMatchObject({ outcome: 'alive' });
    await store.nodes.sweep();
  }
  const { gap } = await store.log.read(await store.log.head(), 100, 0);
  expect(gap).toBe(false);
  expect(await stuck).toMatchObject(unavailable);
}

slowTest('[P9] calls on sessions that wait for an answer delay neither beats nor sweeps: one Redis', async (ends) => {
  const redis = await redisFor(ends);
  await beatsBesideStuckCalls(await storeAt(ends, redis.url, { prefix: redis.prefix() }));
});

slowTest('[P9] calls on sessions that wait for an answer delay neither beats nor sweeps: Cluster', async (ends) => {
  const cluster = await sharedCluster();
  await beatsBesideStuckCalls(await storeAt(ends, cluster.url, { prefix: cluster.prefix() }));
});

slowTest('[P9] on Cluster a log that is slow to read delays no call on sessions', async (ends) => {
  const cluster = await sharedCluster();
  const store = await storeAt(ends, cluster.url, { prefix: cluster.prefix() });
  const head = await store.log.head();
  pause((store.log as unknown as { parts: { client: Cluster } }).parts.client.nodes('master'));
  const reading = store.log.read(head, 100, 0).catch((error) => error);
  for (let i = 0; i < 4 * SHARDS; i += 1) await store.sessions.open(beatOf(`u${i}`));
  expect(await reading).toMatchObject(unavailable);
});

slowTest(
  '[P9] while one master of a Cluster is silent, the shards of the others are beaten and swept',
  async (ends) => {
    const cluster = await clusterFor(ends, ['--cluster-node-timeout', '120000']);
    const prefix = cluster.prefix();
    // Several groups of those that are swept together.
    const shards = 64;
    const store = await storeAt(ends, cluster.url, { prefix, shards });
    const [frozen, ...others] = cluster.masters as [TestRedis, ...TestRedis[]];
    await store.nodes.join('dead', 800);
    await store.nodes.join('beating', LONG_MS);
    const owner = { nodeId: 'dead', connection: 1 };
    for (let i = 0; i < shards; i += 1) {
      await store.sessions.open(beatOf(`expires${i}`, { leaseMs: 300 }));
      await store.sessions.open(beatOf(`lost${i}`, { owner, intent: 'fresh' }));
    }
    frozen.process?.kill('SIGSTOP');
    ends.push(() => frozen.process?.kill('SIGCONT'));

    const counts = async (): Promise<number[]> => {
      const found: number[] = [];
      for (const { port } of others) {
        const client = admin(ends, port);
        for (const key of await client.keys(`{${prefix}:*}:n`)) found.push(Number((await client.hget(key, 't')) ?? 0));
      }
      return found;
    };
    expect((await counts()).some((count) => count > 0)).toBe(true);
    await until(async () => {
      await expect(store.nodes.beat('beating', LONG_MS)).rejects.toMatchObject(unavailable);
      await expect(store.nodes.sweep()).rejects.toMatchObject(unavailable);
      return (await counts()).every((count) => count === 0);
    });

    // A node that joins now may own sessions there, once it could be told so.
    await expect(store.nodes.join('new', LONG_MS)).rejects.toMatchObject(unavailable);
    const served = await servedBy(ends, prefix, others);
    const userId = Array.from({ length: 100 }, (_, i) => `u${i}`).find((id) => served.has(shardOf(store, shards, id)));
    const open = beatOf(userId as string, { owner: { nodeId: 'new', connection: 1 }, intent: 'fresh' });
    expect(await eventually(() => store.sessions.open(open))).toMatchObject({ outcome: 'opened' });
  },
);

slowTest(
  '[P14] a replicated Redis that does not wait for replicas is warned of, at start and after a reconnection',
  async (ends) => {
    const redis = await redisFor(ends, ['--repl-diskless-sync-delay', '0']);
    const warned: string[] = [];
    const collectIn =
      (list: string[]) =>
      (message: string): void => {
        if (message.includes('min-replicas')) list.push(message);
      };
    const alone = await storeAt(ends, redis.url, { prefix: redis.prefix(), warn: collectIn(warned) });
    expect(warned).toEqual([]);
    await redisFor(ends, ['--replicaof', '127.0.0.1', String(redis.port)]);
    const client = admin(ends, redis.port);
    await until(async () => (await client.info('replication')).includes('state=online'));
    const warningsOfStart = async (): Promise<string[]> => {
      const warnings: string[] = [];
      await storeAt(ends, redis.url, { prefix: redis.prefix(), warn: collectIn(warnings) });
      return warnings;
    };
    expect(await warningsOfStart()).toEqual([expect.stringContaining('set min-replicas-to-write 1')]);
    for (let i = 0; i < 2; i += 1) {
      serving(alone)[0]?.stream.destroy();
      await until(() => warned.length === 1);
      await eventually(() => alone.ping());
    }
    expect(warned).toEqual([expect.stringContaining('set min-replicas-to-write 1')]);
    await client.config('SET', 'min-replicas-to-write', '1');
    // As installed it waits as long as a node's lease: a master that is cut off would end what it cannot hear.
    expect(await warningsOfStart()).toEqual([expect.stringContaining('set min-replicas-max-lag to less than that')]);
    await client.config('SET', 'min-replicas-max-lag', '9');
    expect(await warningsOfStart()).toEqual([]);
  },
);

slowTest('[P14] a gateway says once that Redis is away, and once that it is back', async (ends) => {
  const redis = await redisFor(ends);
  const proxy = await proxyTo(ends, redis.port);
  const lines: { level: number; message: string }[] = [];
  const log = pino(
    { level: 'warn', messageKey: 'message' },
    { write: (line: string) => void lines.push(JSON.parse(line)) },
  );
  const env = {
    REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
    ...{ WS_PORT: '0', HTTP_PORT: '0', DATABASE_URL: 'none', NODE_BEAT_MS: '100', NODE_LEASE_MS: '20000' },
  };
  const server = await startServer(loadConfig(env, []), log);
  ends.push(() => server.stop(0));
  await server.ready;
  lines.splice(0);
  await proxy.close();
  await until(() => lines.length > 0);
  await sleep(3_000);
  await proxy.open(redis.port);
  await until(() => lines.length > 1);
  expect(lines.map(({ message }) => message)).toEqual([
    expect.stringMatching(/^Redis does not answer: [a-z ]+( \(127\.0\.0\.1:\d+\))?$/),
    'Redis answers again',
  ]);
  expect((lines[1] as unknown as { failures: number }).failures).toBeGreaterThan(10);
});

/** For tests that do nothing to its servers. */
let shared: Promise<TestCluster> | undefined;
function sharedCluster(): Promise<TestCluster> {
  shared ??= startCluster();
  return shared;
}
afterAll(async () => (await shared)?.stop());

async function clusterFor(ends: Ends, args: string[] = []): Promise<TestCluster> {
  const cluster = await startCluster(args);
  ends.push(() => cluster.stop());
  return cluster;
}

function admin(ends: Ends, port: number): Redis {
  const client = new Redis(port);
  ends.push(() => client.disconnect());
  return client;
}

/** Shards that are on these masters. */
async function servedBy(ends: Ends, prefix: string, masters: readonly TestRedis[]): Promise<Set<number>> {
  const shards = new Set<number>();
  for (const { port } of masters) {
    for (const key of await admin(ends, port).keys(`{${prefix}:*}:shard`))
      shards.add(Number(/:(\d+)\}/.exec(key)?.[1]));
  }
  return shards;
}

/** The store of another process, whose connections are lost as well: it tries until it is answered. */
function throughLosses(store: RedisStore): RedisStore {
  const sessions = { open: (request: OpenRequest) => eventually(() => store.sessions.open(request)) };
  const inbox = {
    notify: (...args: Parameters<RedisStore['inbox']['notify']>) => eventually(() => store.inbox.notify(...args)),
  };
  return { sessions, inbox } as unknown as RedisStore;
}

slowTest('[P11] [P14] sentinels that do not answer keep no reader of the log from the master', async (ends) => {
  const redis = await redisFor(ends);
  const sentinels: ScriptedSentinel[] = [];
  for (let i = 0; i < 3; i += 1) sentinels.push(await ScriptedSentinel.for(redis.port));
  for (const sentinel of sentinels) ends.push(() => sentinel.stop());
  // Each takes a second of whoever asks.
  for (const sentinel of sentinels.slice(0, 2)) sentinel.hold();
  const hosts = sentinels.map(({ url }) => url.replace('redis+sentinel://', '').replace('/main', ''));
  const store = await storeAt(ends, `redis+sentinel://${hosts.join(',')}/main`, { prefix: redis.prefix() });
  await store.nodes.join('node', LONG_MS);
  await store.sessions.open(beatOf('u'));
  const head = await store.log.head();
  const pages: unknown[] = [];
  for (let tries = 0; tries < 6 && pages.length === 0; tries += 1) {
    // A try that fails has waited for a second.
    await store.log.read(head, 10, 0).then(
      ({ changes }) => pages.push(changes),
      () => undefined,
    );
  }
  expect(pages).toMatchObject([[{ kind: 'open', userId: 'u' }]]);
});
