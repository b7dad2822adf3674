/** A copy that is made while everything changes: answers and log arrive in any order, and what comes out is the truth. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { LogFeed } from '../../gateway/node/log-feed.ts';
import { createReads } from '../../gateway/replica/reads.ts';
import { Replica } from '../../gateway/replica/replica.ts';
import { MemoryStore, type PresenceStore } from '../../presence-core/index.ts';
import { act, expectReadsToEqualStore, LONG_MS, randomBy, SHORT_MS } from '../support/presence-churn.ts';
import { until } from '../support/servers.ts';

/** Each page is of one part. Its answer is of an instant within a random delay; some fail. */
function slowly(store: PresenceStore, random: () => number): PresenceStore {
  const page: PresenceStore['snapshots']['page'] = async (first) => {
    await sleep(random() * 4);
    if (random() < 0.05) throw new TypeError('a snapshot that failed');
    const answer = await store.snapshots.page(first);
    await sleep(random() * 4);
    const sessions = answer.sessions.filter(({ userId }) => store.snapshots.partOf(userId) === first);
    return { ...answer, sessions, next: first + 1 };
  };
  const { parts, shards, division } = store.snapshots;
  const snapshots = {
    parts,
    shards,
    division,
    page,
    partOf: (userId: string) => store.snapshots.partOf(userId),
    ofUser: (userId: string) => store.snapshots.ofUser(userId),
  };
  return new Proxy(store, { get: (_, name) => (name === 'snapshots' ? snapshots : Reflect.get(store, name, store)) });
}

const seed = Number(process.env.REPLICA_SEED ?? Date.now() % 1_000_000);
test(`[P11] no change is missed and none is told twice (REPLICA_SEED=${seed})`, async () => {
  const random = randomBy(seed);
  const store = new MemoryStore({ logMax: 1_000_000 });
  await store.nodes.join('node', LONG_MS);
  for (let i = 0; i < 300; i++) await act(store, 'node', random);
  const faults: unknown[] = [];
  const log = { info: () => {}, error: (fields: object) => void faults.push(fields) };
  const slow = slowly(store, random);
  const replica = new Replica({ store: slow, feed: new LogFeed(slow, log), log, maxLagMs: LONG_MS, leftMax: 100 });
  replica.start();
  try {
    for (let round = 0; round < 3_000 && !replica.report().serving; round++) {
      for (let i = 0; i < 20; i++) await act(store, 'node', random);
      await sleep(1);
    }
    for (let i = 0; i < 2_000; i++) await act(store, 'node', random);
    await sleep(SHORT_MS + 50);
    await store.nodes.sweep();
    const quietAt = performance.now();
    await until(() => performance.now() - replica.report().lagMs > quietAt);
    await sleep(150);
    await expectReadsToEqualStore(createReads(store.reads, replica), store);
    expect(replica.report()).toMatchObject({ serving: true, rebuilds: 0 });
    expect(faults.length).toBeGreaterThan(0);
  } finally {
    replica.stop();
    await store.stop();
  }
});
