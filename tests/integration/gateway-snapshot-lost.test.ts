/** A snapshot that is read page by page while Redis loses its data (P10, P11, W24). */
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { LogFeed } from '../../gateway/node/log-feed.ts';
import { createReads } from '../../gateway/replica/reads.ts';
import { Hub } from '../../gateway/subscriptions/hub.ts';
import { SendQueue } from '../../gateway/subscriptions/send-queue.ts';
import { Subscription } from '../../gateway/subscriptions/subscription.ts';
import { parseTopic, type Topic } from '../../gateway/subscriptions/topics.ts';
import { startRedis } from '../support/redis-server.ts';
import { redisStore } from '../support/redis-stores.ts';
import { until } from '../support/servers.ts';

const LEASE_MS = 60_000;
const SHARDS = 8;
const USERS = Array.from({ length: 120 }, (_, i) => `u${i}`);
const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** A node that opens all again before `restored` resolves. */
async function startRig() {
  const redis = await startRedis();
  ended.push(() => redis.stop());
  const admin = new Redis(redis.port);
  ended.push(() => admin.disconnect());
  const store = await redisStore({ url: redis.url, prefix: redis.prefix(), shards: SHARDS });
  ended.push(() => store.stop());
  let { epoch } = await store.nodes.join('n', LEASE_MS);
  const openAll = (intent: 'fresh' | 'restore') =>
    Promise.all(
      USERS.map((userId, i) => {
        const owner = { nodeId: 'n', connection: i + 1 };
        const attributes = { streamId: 'film' };
        const at = intent === 'restore' ? { startedAt: 1, segment: 0, segmentStartedAt: 1 } : {};
        return store.sessions.open({ userId, sessionId: 's', attributes, owner, leaseMs: LEASE_MS, intent, ...at });
      }),
    );
  await openAll('fresh');
  const beat = async (): Promise<string> => (await store.nodes.join('n', LEASE_MS)).epoch;
  const check = async (): Promise<void> => void (await beat());
  const restored = async (): Promise<void> => {
    const now = await beat();
    if (now === epoch) return;
    epoch = now;
    await openAll('restore');
  };
  const node = { isRestoring: false, isReturning: false, isAwaited: false, isSuspect: false, check, restored };
  const log = { error: () => {} };
  const hub = new Hub({
    store,
    feed: new LogFeed(store, log),
    reads: createReads(store.reads, undefined),
    node,
    log,
    summaryIntervalMs: 1_000,
    autoIntervalAbove: 50,
    topicUsersPerSocket: 1_000,
    topicUsersPerNode: 1_000,
  });
  return { admin, store, hub, check };
}

test.each([
  { topic: 'all', when: 'of which this process has not heard at the next page' },
  { topic: 'all', when: 'of which it has heard at the next page' },
  { topic: 'stream:film', when: 'of which it has heard at the next page' },
  { topic: `users:${USERS.join(',')}`, when: 'of which it has heard at the next page' },
])(
  '[P11] [W24] a snapshot of $topic during which Redis is emptied, $when, never ends without those who are live',
  async ({ topic, when }) => {
    const { admin, store, hub, check } = await startRig();
    // Some pages are answered, then all is lost, then the others are.
    const early: Promise<unknown>[] = [];
    const lose = async (): Promise<void> => {
      await Promise.all(early);
      await admin.flushall();
      if (!when.includes('has not heard')) await check();
    };
    let lost: Promise<void> | undefined;
    const losing = async <T>(answer: () => Promise<T>, earlyMax: number): Promise<T> => {
      if (early.length < earlyMax) {
        const answered = answer();
        early.push(answered);
        return answered;
      }
      lost ??= lose();
      await lost;
      return answer();
    };
    const { page, ofUser } = store.snapshots;
    Object.assign(store.snapshots, {
      page: (...args: Parameters<typeof page>) => losing(() => page.apply(store.snapshots, args), SHARDS / 2),
      ofUser: (userId: string) => losing(() => ofUser.call(store.snapshots, userId), 50),
    });

    const sizes: number[] = [];
    const seen = new Set<string>();
    const socket = {
      id: 1,
      remoteAddress: '',
      bufferedBytes: 0,
      send(text: string): boolean {
        const frame = JSON.parse(text);
        if (frame.type !== 'snapshot') return true;
        if (frame.page === 0) seen.clear();
        for (const { userId } of frame.sessions) seen.add(userId);
        if (frame.last) sizes.push(seen.size);
        return true;
      },
      ping() {},
      close() {},
      terminate() {},
    };
    const queue = new SendQueue(socket, { drained: () => {}, tooSlow: () => {} });
    ended.push(() => queue.close());
    const faults: unknown[] = [];
    const subscription = new Subscription(hub, parseTopic(topic) as Topic, 'events', queue, (error) =>
      faults.push(error),
    );
    ended.push(() => subscription.end());
    await subscription.begin(undefined, () => {});
    await until(() => sizes.includes(USERS.length));
    expect(sizes.every((size) => size === USERS.length)).toBe(true);
    expect(faults).toEqual([]);
  },
);
