/** A master that another one has replaced, and that still answers those who read it (P11, P10). */
import type { Socket } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { LogReader } from '../../gateway/node/log-reader.ts';
import { statusAt } from '../../gateway/replica/statuses.ts';
import type { InboxMessage, OpenRequest } from '../../presence-core/index.ts';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { startRedis } from '../support/redis-server.ts';
import { redisStore } from '../support/redis-stores.ts';
import { startReplica } from '../support/replicas.ts';
import { until } from '../support/servers.ts';

const LONG_MS = 60_000;
const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

const openOf = (userId: string, more: Partial<OpenRequest> = {}): OpenRequest => ({
  userId,
  sessionId: 's',
  attributes: {},
  owner: 'heartbeat',
  leaseMs: LONG_MS,
  intent: 'fresh',
  ...more,
});

interface TestRig {
  readonly store: RedisStore;
  readonly warnings: string[];
  /** The other master takes over: for calls, and for connections made from then on. Those of readers stay. */
  failOver(): Promise<void>;
}

async function startRig(): Promise<TestRig> {
  const former = await startRedis();
  ended.push(() => former.stop());
  const next = await startRedis({ args: ['--replicaof', '127.0.0.1', String(former.port)] });
  ended.push(() => next.stop());
  const admin = new Redis(next.port);
  ended.push(async () => admin.disconnect());
  await until(async () => (await admin.info('replication')).includes('master_link_status:up'));
  const proxy = await FaultProxy.to(former.port);
  ended.push(() => proxy.close());
  const warnings: string[] = [];
  const store = await redisStore({
    url: `redis://127.0.0.1:${proxy.port}`,
    warn: (message) => warnings.push(message),
  });
  ended.push(() => store.stop());
  return {
    store,
    warnings,
    async failOver() {
      await admin.replicaof('NO', 'ONE');
      proxy.retarget(next.port);
      const { clients } = store as unknown as { clients: Redis[] };
      for (const client of clients) (client.stream as Socket).destroy();
      const works = (act: Promise<unknown>): Promise<boolean> =>
        act.then(
          () => true,
          () => false,
        );
      await until(() => works(store.ping()));
      await until(() => works(store.nodes.join('next', LONG_MS)));
    },
  };
}

test('[P11] a log reader that stays with the former master is found out, and reads on where calls write', async () => {
  const { store, warnings, failOver } = await startRig();
  const told: string[] = [];
  let gaps = 0;
  const reader = new LogReader(store, {
    batch: (changes) => void told.push(...changes.map(({ userId }) => userId)),
    gap: () => {
      gaps += 1;
    },
    failed: (error) => {
      throw error;
    },
  });
  await store.nodes.join('node', LONG_MS);
  reader.start(await store.log.tail());
  ended.push(async () => reader.stop());
  await store.sessions.open(openOf('before'));
  await until(() => told.includes('before'));
  expect([gaps, store.log.strays]).toEqual([0, 0]);

  await failOver();
  await store.sessions.open(openOf('during'));
  await until(() => gaps > 0 && store.log.strays > 0);
  await store.sessions.open(openOf('after'));
  await until(() => told.includes('after'));
  expect(warnings.filter((text) => text.includes('another Redis'))).toHaveLength(1);
});

test('[P5] [P11] so is a reader of an inbox: it gets what is sent where calls write', async () => {
  const { store, failOver } = await startRig();
  await store.nodes.join('node', LONG_MS);
  const got: InboxMessage[] = [];
  store.inbox.listen('node', (message) => 'userId' in message && got.push(message));
  const owner = { nodeId: 'node', connection: 1 };
  const kick = async (userId: string): Promise<void> => {
    await store.sessions.open(openOf(userId, { owner }));
    await store.inbox.notify(await store.sessions.kick(userId));
  };
  await kick('before');
  await until(() => got.some(({ userId }) => userId === 'before'));
  await failOver();
  await kick('after');
  await until(() => got.some(({ userId }) => userId === 'after'));
});

test('[P10] [P11] a replica claims nothing that its reader did not prove', async () => {
  const { store, failOver } = await startRig();
  const followed = await startReplica(store);
  ended.push(() => followed.stop());
  await followed.serves();
  await failOver();
  for (let i = 0; i < 5; i += 1) {
    await store.sessions.open(openOf(`u${i}`));
    await followed.caughtUp();
    expect(statusAt((await followed.reads.status([`u${i}`])).value, 0).online).toBe(true);
    expect(followed.replica.count({ by: 'total' })?.value).toEqual({ users: i + 1, sessions: i + 1 });
  }
});
