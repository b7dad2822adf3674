import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LogFeed, type LogFollower } from '../../gateway/node/log-feed.ts';
import { createReads } from '../../gateway/replica/reads.ts';
import { Hub } from '../../gateway/subscriptions/hub.ts';
import { SendQueue } from '../../gateway/subscriptions/send-queue.ts';
import { Subscription } from '../../gateway/subscriptions/subscription.ts';
import { parseTopic, type Topic } from '../../gateway/subscriptions/topics.ts';
import { MemoryStore } from '../../presence-core/index.ts';
import { until } from '../support/servers.ts';

const WIDE = 'x'.repeat(120);

describe('Subscription', () => {
  let store: MemoryStore;
  let hub: Hub;
  let queue: SendQueue;
  let subscription: Subscription;
  /** The hub, as the reader of the log sees it. */
  let follower: LogFollower;
  /** What the peer got, and whether it reads: else all it is sent stays queued. */
  const peer = { texts: [] as string[], reads: true, bufferedBytes: 0 };
  const frames = () => peer.texts.map((text) => JSON.parse(text));
  const streams = (): string[] =>
    frames().flatMap((frame) => (frame.changes ?? []).map((change: { streamId: string }) => change.streamId));
  const streamId = (n: number): string => `${WIDE}${n}`;
  const update = (n: number) =>
    store.sessions.update({
      userId: 'u',
      sessionId: 's',
      attributes: { streamId: streamId(n), deviceType: WIDE.slice(0, 60) },
    });

  beforeEach(async () => {
    Object.assign(peer, { texts: [], reads: true, bufferedBytes: 0 });
    store = new MemoryStore();
    await store.start();
    const owner = 'heartbeat';
    await store.sessions.open({ userId: 'u', sessionId: 's', attributes: {}, owner, leaseMs: 60_000, intent: 'beat' });
    const feed = new LogFeed(store, { error: () => {} });
    const { enter } = feed;
    feed.enter = (entered, shards) => {
      follower = entered;
      return enter.call(feed, entered, shards);
    };
    hub = new Hub({
      store,
      feed,
      reads: createReads(store.reads, undefined),
      node: {
        isRestoring: false,
        isReturning: false,
        isAwaited: false,
        isSuspect: false,
        restored: async () => {},
        check: async () => {},
      },
      log: { error: () => {} },
      summaryIntervalMs: 1_000,
      autoIntervalAbove: 50,
      topicUsersPerSocket: 100,
      topicUsersPerNode: 100,
    });
    const socket = {
      id: 1,
      remoteAddress: '',
      get bufferedBytes() {
        return peer.bufferedBytes;
      },
      send(text: string): boolean {
        peer.texts.push(text);
        if (!peer.reads) peer.bufferedBytes += text.length;
        return true;
      },
      ping() {},
      close() {},
      terminate() {},
    };
    queue = new SendQueue(socket, { drained: () => subscription.drained(), tooSlow: () => {} });
    subscription = new Subscription(hub, parseTopic('user:u') as Topic, 'events', queue, (error) => {
      throw error;
    });
    await subscription.begin(undefined, () => {});
    await until(() => peer.texts.length === 1);
  });
  afterEach(async () => {
    subscription.end();
    queue.close();
    await store.stop();
  });

  test('[P11] [W30] a batch of which a slow socket got a part goes on after that part', async () => {
    expect(frames()[0]).toMatchObject({ type: 'snapshot', last: true, sessions: [{ sessionId: 's' }] });
    peer.reads = false;
    for (let n = 0; n < 1_000; n++) await update(n);
    await until(() => queue.slow);
    const told = streams().length;
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(1_000);
    Object.assign(peer, { reads: true, bufferedBytes: 0 });
    await until(() => streams().length >= 1_000);
    await update(1_000);
    await until(() => streams().length > 1_000);
    expect(streams()).toEqual(Array.from({ length: 1_001 }, (_, n) => streamId(n)));
  });

  test('[W27] while all want summaries only, changes wait a fifth of an interval to be counted', async () => {
    expect(follower.gatherMs).toBeUndefined();
    subscription.end();
    const counted = new Subscription(hub, parseTopic('all') as Topic, 'interval', queue, () => {});
    await counted.begin(undefined, () => {});
    await until(() => follower.gatherMs === 200);
    const told = new Subscription(hub, parseTopic('user:u') as Topic, 'events', queue, () => {});
    const telling = told.begin(undefined, () => {});
    await until(() => follower.gatherMs === undefined);
    await telling;
    told.end();
    expect(follower.gatherMs).toBe(200);
    counted.end();
  });

  test('[W24] twenty that begin together, or after the place was lost, read one snapshot', async () => {
    const { page } = store.snapshots;
    let pages = 0;
    store.snapshots.page = (...args) => {
      pages += 1;
      return page.apply(store.snapshots, args);
    };
    const whole = (): number => frames().filter(({ type, last }) => type === 'snapshot' && last).length;
    const others = Array.from(
      { length: 20 },
      () => new Subscription(hub, parseTopic('all') as Topic, 'events', queue, () => {}),
    );
    await Promise.all(others.map((other) => other.begin(undefined, () => {})));
    await until(() => whole() === 21);
    expect(pages).toBe(1);
    for (const other of others) other.restart();
    await until(() => whole() === 41);
    expect(pages).toBe(1);
    for (const other of others) other.end();
  });

  test('[P14] the last one to end stops the hub, and nothing is told any more', async () => {
    const { length } = peer.texts;
    subscription.end();
    subscription.end();
    await update(1);
    const position = hub.cursor;
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(hub.cursor).toBe(position);
    expect(peer.texts).toHaveLength(length);
  });

  test('[P10] [W24] after a loss a snapshot is made of the copy once that shows what was opened again', async () => {
    let follower: LogFollower | undefined;
    const cursor = await store.log.tail();
    const feed = {
      enter: async (one: LogFollower) => {
        if (follower !== one) one.moved(cursor);
        follower = one;
      },
      leave: () => {},
      behind: async () => 0,
      lagMs: 0,
    };
    const view = { parts: 1, partOf: () => 0, inPart: () => [], ofUser: () => [], ofStream: () => [] };
    const copy = { cursor, isLost: false, asOf: performance.now(), view };
    let settle = (): void => {};
    const restored = (): Promise<void> =>
      new Promise((resolve) => {
        settle = resolve;
      });
    const node = {
      isRestoring: false,
      isReturning: false,
      isAwaited: false,
      isSuspect: false,
      check: async () => {},
      restored,
    };
    const log = { error: () => {} };
    const reads = createReads(store.reads, undefined);
    const bounds = {
      summaryIntervalMs: 1_000,
      autoIntervalAbove: 50,
      topicUsersPerSocket: 100,
      topicUsersPerNode: 100,
    };
    const other = new Hub({ store, feed, reads, node, log, copy: () => copy, ...bounds });
    const topic = parseTopic('all') as Topic;
    await other.enter(topic);
    const shown = async (): Promise<number> => {
      const settled = other.snapshots.settled();
      await new Promise(setImmediate);
      settle();
      await settled;
      const snapshot = await other.snapshots.of(topic, () => other);
      const reading = snapshot.begin();
      while ((await reading.next()) !== undefined);
      return snapshot.lastPage.rows.length;
    };
    // The copy of this test has no session, the store one.
    expect(await shown()).toBe(0);
    follower?.gap(cursor);
    expect(await shown()).toBe(1);
    copy.asOf = performance.now();
    expect(await shown()).toBe(0);
    other.leave();
  });

  test('[P10] [P11] nothing is read for a snapshot before it is known whether the store forgot', async () => {
    const asked: string[] = [];
    const node = {
      isRestoring: false,
      isReturning: false,
      isAwaited: false,
      isSuspect: true,
      isAway: true,
      check: async () => {
        asked.push('check');
        node.isSuspect = node.isAway;
      },
      restored: async () => void asked.push('restored'),
    };
    const log = { error: () => {} };
    const feed = new LogFeed(store, log);
    const reads = createReads(store.reads, undefined);
    const bounds = {
      summaryIntervalMs: 1_000,
      autoIntervalAbove: 50,
      topicUsersPerSocket: 100,
      topicUsersPerNode: 100,
    };
    const other = new Hub({ store, feed, reads, node, log, ...bounds });
    await expect(other.snapshots.settled()).rejects.toMatchObject({ code: 'store_unavailable', retryable: true });
    node.isAway = false;
    asked.length = 0;
    await other.snapshots.settled();
    // What the answer told is waited for.
    expect(asked).toEqual(['restored', 'check', 'restored']);
  });
});
