/** A replica while Redis is killed, emptied, frozen or trimmed: it says so, never answers older than it may, and is back. */
import { mkdtemp, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { Redis } from 'ioredis';
import type { Fallback } from '../../gateway/replica/replica.ts';
import { statusAt } from '../../gateway/replica/statuses.ts';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { ChangeChecker } from '../support/change-checker.ts';
import { act, expectReadsToEqualStore, LONG_MS, randomBy, SHORT_MS } from '../support/presence-churn.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { beatOf, redisStore, shardOf } from '../support/redis-stores.ts';
import { MAX_LAG_MS, startReplica, type TestReplica } from '../support/replicas.ts';
import { until } from '../support/servers.ts';
import { type Ends, slowTests } from '../support/slow-tests.ts';

const slowTest = slowTests();

interface TestRig {
  readonly redis: TestRedis;
  readonly store: RedisStore;
  readonly followed: TestReplica;
  readonly checker: ChangeChecker;
  /** Does what it says and waits until the replica has told why it fell back, and serves again. */
  survives(fault: () => Promise<void>, reason: Fallback): Promise<void>;
}

async function startRig(ended: Ends, args: string[] = []): Promise<TestRig> {
  const redis = await startRedis({ args });
  ended.push(() => redis.stop());
  const store = await redisStore({ url: redis.url });
  ended.push(() => store.stop());
  const own = await redisStore({ url: redis.url });
  ended.push(() => own.stop());
  const followed = await startReplica(own);
  ended.push(() => followed.stop());
  const { replica } = followed;
  const checker = new ChangeChecker(store, replica, MAX_LAG_MS);
  ended.push(() => checker.stop());
  await followed.serves();
  return {
    redis,
    store,
    followed,
    checker,
    async survives(fault, reason) {
      const before = followed.told.length;
      await fault();
      await until(() => followed.told.slice(before).includes(reason));
      await followed.serves();
      expect(checker.wrongAnswers).toEqual([]);
    },
  };
}

/** Acts on, and compares everything. */
async function expectTruth({ store, followed, checker }: TestRig): Promise<void> {
  const random = randomBy(1);
  await checker.stop();
  await store.nodes.join('acting', LONG_MS);
  for (let i = 0; i < 200; i++) await act(store, 'acting', random);
  await sleep(2 * SHORT_MS);
  await store.nodes.sweep();
  await followed.caughtUp();
  await expectReadsToEqualStore(followed.reads, store);
  expect(checker.wrongAnswers).toEqual([]);
  // How many there are depends on the machine.
  expect(checker.answers).toBeGreaterThan(0);
}

async function scratch(ended: Ends): Promise<string> {
  const dir = await mkdtemp('/tmp/presence-replica-');
  ended.push(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

async function asAdmin(redis: TestRedis, work: (admin: Redis) => Promise<unknown>): Promise<void> {
  const admin = new Redis(redis.port);
  await work(admin);
  admin.disconnect();
}

slowTest('[P10] killed and back with its data, twice', async (ended) => {
  const kept = ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', await scratch(ended)];
  const rig = await startRig(ended, kept);
  const { redis, survives } = rig;
  for (let i = 0; i < 2; i++) {
    await survives(async () => {
      await redis.kill();
      await redis.restart();
    }, 'gap');
  }
  await expectTruth(rig);
});

slowTest('[P10] killed and back empty, then emptied by a command', async (ended) => {
  const rig = await startRig(ended);
  const { redis, checker, survives } = rig;
  const restart = () =>
    checker.whileEmptied(async () => {
      await redis.kill();
      await redis.restart();
    });
  await survives(restart, 'gap');
  await survives(() => checker.whileEmptied(() => asAdmin(redis, (admin) => admin.flushall())), 'gap');
  await expectTruth(rig);
});

slowTest('[P10] what a Redis lost that came back with older data is not told', async (ended) => {
  const rig = await startRig(ended, ['--dir', await scratch(ended)]);
  const { redis, store, followed, checker } = rig;
  const open = (userId: string) => store.sessions.open(beatOf(userId, LONG_MS));
  const isOnline = async (userId: string) => statusAt((await followed.reads.status([userId])).value, 0).online;
  await checker.stop();
  await open('kept');
  await asAdmin(redis, (admin) => admin.save());
  await open('lost');
  await followed.caughtUp();
  expect(await isOnline('lost')).toBe(true);
  await redis.kill();
  await redis.restart();
  await followed.caughtUp();
  expect([await isOnline('kept'), await isOnline('lost')]).toEqual([true, false]);
});

slowTest('[P11] the log trimmed under it', async (ended) => {
  const rig = await startRig(ended);
  const { redis, store, survives } = rig;
  // Where the checker writes, a log that was emptied leads on from what everybody has read.
  const elsewhere = shardOf(store, 8, 'checker');
  const users = Array.from({ length: 100 }, (_, i) => `u${i}`);
  const userId = users.find((user) => shardOf(store, 8, user) !== elsewhere) as string;
  await store.sessions.open({
    userId,
    sessionId: 's',
    attributes: {},
    owner: 'heartbeat',
    leaseMs: LONG_MS,
    intent: 'fresh',
  });
  const shard = shardOf(store, 8, userId);
  const key = `{presence:${shard}}`;
  // Two entries of which nobody can see the first.
  const trim = (admin: Redis) =>
    admin.multi().eval(TWO_ENTRIES, 2, `${key}:shard`, `${key}:log`).xtrim(`${key}:log`, 'MAXLEN', 1).exec();
  await survives(() => asAdmin(redis, trim), 'gap');
  await survives(() => asAdmin(redis, (admin) => admin.xtrim(`${key}:log`, 'MAXLEN', 0)), 'gap');
  await expectTruth(rig);
});

const TWO_ENTRIES = `
  local epoch = redis.call('HGET', KEYS[1], 'epoch')
  for i = 1, 2 do redis.call('XADD', KEYS[2], epoch .. '-*', 'c', 'c|nobody|s|h|1|1|0|0||||||left') end`;

slowTest('[P10] a frozen Redis: answers until the bound, then none until it thaws', async (ended) => {
  const rig = await startRig(ended);
  const { redis, followed, survives } = rig;
  await survives(async () => {
    redis.process?.kill('SIGSTOP');
    try {
      expect(await followed.fallsBack()).toEqual(['lag']);
      expect(followed.replica.report()).toMatchObject({ serving: false });
      await expect(followed.reads.status(['u'])).rejects.toMatchObject({ code: 'store_unavailable' });
    } finally {
      redis.process?.kill('SIGCONT');
    }
  }, 'lag');
  await expectTruth(rig);
});
