/** P4 and P12 where they are hardest: many connections, one user. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { redisStore } from '../support/redis-stores.ts';

const CONNECTIONS = 8;
const OPENS = 1_000;
const USERS = 50;
const LIMIT = 3;
const LEASE_MS = 60_000;
const AT_ONCE = 500;

let redis: TestRedis;
let stores: RedisStore[];
beforeAll(async () => {
  redis = await startRedis({ shared: true });
  const prefix = redis.prefix();
  stores = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => redisStore({ url: redis.url, prefix, defaultLimit: LIMIT })),
  );
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.stop()));
  await redis.stop();
});

test(`[P4] ${OPENS} concurrent opens over ${CONNECTIONS} connections admit exactly ${LIMIT}, for ${USERS} users`, async () => {
  for (let u = 0; u < USERS; u++) {
    const userId = `user${u}`;
    const results = await Promise.all(
      Array.from({ length: OPENS }, (_, i) =>
        (stores[i % CONNECTIONS] as RedisStore).sessions.open({
          userId,
          sessionId: `s${i}`,
          attributes: { streamId: `stream${i % 7}` },
          owner: 'heartbeat',
          leaseMs: LEASE_MS,
          intent: 'fresh',
        }),
      ),
    );
    expect(results.filter((r) => r.outcome === 'opened')).toHaveLength(LIMIT);
    expect(results.filter((r) => r.outcome === 'refused')).toHaveLength(OPENS - LIMIT);
  }
  const [total] = await (stores[0] as RedisStore).reads.counts([{ by: 'total' }]);
  expect(total).toEqual({ users: USERS, sessions: USERS * LIMIT });
});

test('[P12] after opens, switches, closes and kicks from all connections at once, counts equal a recount', async () => {
  const users = Array.from({ length: 40 }, (_, i) => `recount${i}`);
  const streams = ['a', 'b', 'c', 'd', 'e'];
  const places = [{ country: 'US', state: 'CA' }, { country: 'US', state: 'NY' }, { country: 'DE' }];
  const store = (i: number): RedisStore => stores[i % CONNECTIONS] as RedisStore;
  const before = await store(0).reads.counts([{ by: 'total' }]);
  const act = async (i: number): Promise<void> => {
    const userId = users[(i * 7) % users.length] as string;
    const sessionId = `s${i % 5}`;
    const attributes = {
      streamId: streams[i % streams.length],
      deviceType: `d${i % 3}`,
      ...places[i % places.length],
    };
    const kind = (i * 13) % 10;
    if (kind < 6) {
      const policy = i % 2 ? 'evict-oldest' : 'reject';
      await store(i).sessions.open({
        userId,
        sessionId,
        attributes,
        owner: 'heartbeat',
        leaseMs: LEASE_MS,
        intent: 'fresh',
        onLimit: policy,
      });
    } else if (kind < 8) await store(i).sessions.update({ userId, sessionId, attributes });
    else if (kind === 8) await store(i).sessions.close({ userId, sessionId, reason: 'left' });
    else if (i % 50 === 0) await store(i).sessions.kick(userId);
  };
  // So many that a slow machine answers them within the time of a call.
  for (let from = 0; from < 6_000; from += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => act(from + i)));
  }
  const found = await store(0).reads.sessions(users);
  const live = found.flatMap((user) => user.sessions);
  expect(live.length).toBeGreaterThan(0);
  const recount = (keep: (s: (typeof live)[number]) => boolean): { users: number; sessions: number } => {
    const kept = live.filter(keep);
    return { users: new Set(kept.map((s) => s.userId)).size, sessions: kept.length };
  };
  const [total, ...rest] = await store(1).reads.counts([
    { by: 'total' },
    ...streams.map((key) => ({ by: 'stream' as const, key })),
    ...['d0', 'd1', 'd2'].map((key) => ({ by: 'deviceType' as const, key })),
    { by: 'country', key: 'US' },
    { by: 'country', key: 'DE' },
    { by: 'state', country: 'US', state: 'CA' },
    { by: 'state', country: 'US', state: 'NY' },
  ]);
  const all = recount(() => true);
  expect({
    users: (total?.users ?? 0) - (before[0]?.users ?? 0),
    sessions: (total?.sessions ?? 0) - (before[0]?.sessions ?? 0),
  }).toEqual(all);
  // The first test's sessions are in the streams' counts no more than by name: it used others.
  expect(rest).toEqual([
    ...streams.map((key) => recount((s) => s.streamId === key)),
    ...['d0', 'd1', 'd2'].map((key) => recount((s) => s.deviceType === key)),
    recount((s) => s.country === 'US'),
    recount((s) => s.country === 'DE'),
    recount((s) => s.country === 'US' && s.state === 'CA'),
    recount((s) => s.country === 'US' && s.state === 'NY'),
  ]);
});
