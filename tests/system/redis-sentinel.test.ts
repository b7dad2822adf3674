/** A Redis behind real sentinels that fails over (P7, P10, P14). */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { Redis } from 'ioredis';
import type { OpenRequest } from '../../presence-core/index.ts';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { drain } from '../contract/store/store-fixture.ts';
import { startSentinels, type TestSentinels } from '../support/redis-sentinels.ts';
import { redisStore } from '../support/redis-stores.ts';
import { eventually, until } from '../support/servers.ts';
import { type Ends, slowTests } from '../support/slow-tests.ts';

const LONG_MS = 60_000;
const slowTest = slowTests();

const beatOf = (userId: string): OpenRequest => ({
  userId,
  sessionId: 's',
  attributes: { streamId: 'film' },
  owner: 'heartbeat',
  leaseMs: LONG_MS,
  intent: 'beat',
});

async function sentinelsFor(ends: Ends): Promise<[TestSentinels, RedisStore]> {
  const sentinels = await startSentinels();
  ends.push(() => sentinels.stop());
  const store = await redisStore({ url: sentinels.url, prefix: sentinels.prefix() });
  ends.push(() => store.stop());
  return [sentinels, store];
}

/** Which server the calls on sessions go to. */
async function servedBy(store: RedisStore): Promise<string | undefined> {
  return (await eventually(() => store.serverStats()))[0]?.server.split(':').at(-1);
}

slowTest('[P7] [P10] the master dies while sessions open: each is live once, and logged once', async (ends) => {
  const [sentinels, store] = await sentinelsFor(ends);
  const { epoch } = await store.nodes.join('node', LONG_MS);
  for (let i = 0; i < 20; i += 1) await store.sessions.open(beatOf(`early${i}`));
  const admin = new Redis(sentinels.master.port);
  admin.on('error', () => {});
  ends.push(() => admin.disconnect());
  expect(await admin.wait(1, 5_000)).toBe(1);
  let opened = 0;
  let hasFailedOver = false;
  const opening = (async () => {
    while (!hasFailedOver) {
      // Whoever has no answer asks again (P7).
      await eventually(() => store.sessions.open(beatOf(`late${opened}`)));
      opened += 1;
      await sleep(10);
    }
  })();
  await until(() => opened > 5);
  await sentinels.master.kill();
  await sentinels.failedOver();
  const beat = await eventually(() => store.nodes.beat('node', LONG_MS));
  expect(beat).toMatchObject({ outcome: 'alive' });
  expect(beat.epoch).not.toBe(epoch);
  hasFailedOver = true;
  await opening;
  // What the replica had not got yet is opened again by whoever holds it.
  const users = [...names('early', 20), ...names('late', opened)];
  const outcomes = await Promise.all(users.map(async (userId) => (await store.sessions.open(beatOf(userId))).outcome));
  expect(new Set(outcomes.slice(0, 20))).toEqual(new Set(['renewed']));
  const found = await store.reads.sessions(users);
  expect(found.map(({ sessions }) => sessions.length)).toEqual(users.map(() => 1));
  expect(await store.reads.counts([{ by: 'total' }])).toEqual([{ users: users.length, sessions: users.length }]);
  const opens = (await drain(store, await store.log.head())).filter(({ kind }) => kind === 'open');
  expect(opens.map(({ userId }) => userId).sort()).toEqual([...users].sort());
});

slowTest('[P14] the master dies while a listed sentinel does not answer: the store serves again', async (ends) => {
  const [sentinels, store] = await sentinelsFor(ends);
  await store.nodes.join('node', LONG_MS);
  sentinels.processes[0]?.kill('SIGSTOP');
  await sentinels.master.kill();
  await sentinels.failedOver();
  expect(await eventually(() => store.nodes.beat('node', LONG_MS))).toMatchObject({ outcome: expect.any(String) });
  expect(await eventually(() => store.sessions.open(beatOf('u')))).toMatchObject({ outcome: 'opened' });
  expect(await servedBy(store)).toBe(String(sentinels.replica.port));
});

slowTest('[P14] a sentinel that is down while others answer is not told', async (ends) => {
  const [sentinels] = await sentinelsFor(ends);
  const lines: string[] = [];
  const [first] = sentinels.processes as [ChildProcess];
  const hasExited = once(first, 'exit');
  first.kill('SIGKILL');
  await hasExited;
  const url = sentinels.url;
  const store = await redisStore({ url, prefix: sentinels.prefix(), warn: (message) => lines.push(message) });
  ends.push(() => store.stop());
  await store.nodes.join('node', LONG_MS);
  // Long enough for a connection to be refused.
  await sleep(500);
  expect(lines.filter((line) => line.startsWith('Redis does not answer'))).toEqual([]);
  // ioredis prints an error that nobody listens for to stderr, in a process that is not Jest's.
  const { connector } = (store as unknown as { client: { connector: unknown } }).client;
  const { sentinels: watched } = (connector as { failoverDetector: { sentinels: { client: Redis }[] } })
    .failoverDetector;
  expect(watched.map(({ client }) => client.listenerCount('error'))).toEqual(watched.map(() => 1));
  expect(watched).toHaveLength(3);
});

slowTest('[P14] a failover whose former master stays up takes every connection along', async (ends) => {
  const [sentinels, store] = await sentinelsFor(ends);
  await store.nodes.join('node', LONG_MS);
  const told: string[] = [];
  store.inbox.listen('node', (message) => 'userId' in message && told.push(message.userId));
  await store.log.read(await store.log.tail(), 100, 10);
  expect(await servedBy(store)).toBe(String(sentinels.master.port));
  await sentinels.failOver();
  await sentinels.failedOver();
  await until(async () => (await servedBy(store)) === String(sentinels.replica.port));
  expect(await eventually(() => store.nodes.beat('node', LONG_MS))).toMatchObject({ outcome: expect.any(String) });
  const tail = await eventually(() => store.log.tail());
  expect(await eventually(() => store.sessions.open(beatOf('u')))).toMatchObject({ outcome: 'opened' });
  const changed = async (): Promise<boolean> => (await store.log.read(tail, 100, 1_000)).changes.length > 0;
  await until(() => eventually(changed));
  const session = { userId: 'u', sessionId: 's', via: 'socket' as const, startedAt: 1, expiresAt: 2 };
  const owner = { nodeId: 'node', connection: 1 };
  await eventually(() => store.inbox.notify([{ session, owner, reason: 'evicted' }]));
  await until(() => told.includes('u'));
});

function names(word: string, count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${word}${i}`);
}
