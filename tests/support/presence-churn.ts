/** Random acts on a deployment from several nodes, and the comparison of what reads answer with what the store says. */
import { expect } from '@jest/globals';
import type { PresenceReads } from '../../gateway/replica/reads.ts';
import { statusAt } from '../../gateway/replica/statuses.ts';
import type { PresenceStore, UserSessions } from '../../presence-core/index.ts';

export const USERS = Array.from({ length: 60 }, (_, i) => `user-${i}`);
const SESSIONS = ['a', 'b', 'c', 'd', 'e'];
const STREAMS = Array.from({ length: 12 }, (_, i) => `stream-${i}`);
const DEVICES = ['tv', 'phone', 'web'];
const COUNTRIES = ['US', 'DE', 'AT'];
const STATES = ['CA', 'N', 'S'];
const FACETS = ['stream', 'deviceType', 'country', 'state'] as const;

/** No churn outlives it. */
export const LONG_MS = 600_000;
/** Ends by itself before a quiet moment. */
export const SHORT_MS = 150;

/** mulberry32: the same acts for the same seed, as far as their answers allow. */
export function randomBy(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One act: opens of every kind, renewals, updates, detaches, closes, kicks and beats that mark presence only. */
export async function act(store: PresenceStore, nodeId: string, random: () => number): Promise<void> {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const maybe = <T>(items: readonly T[]): T | undefined => (random() < 0.8 ? pick(items) : undefined);
  const attributes = {
    streamId: maybe(STREAMS),
    deviceType: maybe(DEVICES),
    country: maybe(COUNTRIES),
    state: maybe(STATES),
  };
  const ref = { userId: pick(USERS), sessionId: pick(SESSIONS) };
  const owner = { nodeId, connection: 1 + Math.floor(random() * 3) };
  const leaseMs = random() < 0.3 ? SHORT_MS : LONG_MS;
  const dice = random();
  if (dice < 0.3) {
    const onLimit = random() < 0.5 ? 'evict-oldest' : 'reject';
    const replace = random() < 0.2 ? [pick(SESSIONS)] : [];
    const held = random() < 0.6 ? owner : 'heartbeat';
    await store.sessions.open({
      ...ref,
      attributes,
      owner: held,
      leaseMs,
      intent: 'fresh',
      limit: 3,
      onLimit,
      replace,
    });
  } else if (dice < 0.45) {
    await store.sessions.open({ ...ref, attributes, owner: 'heartbeat', leaseMs, intent: 'beat', limit: 3 });
  } else if (dice < 0.52) {
    const mark = { userId: ref.userId, sessionId: '*', attributes: {}, owner: 'presence', intent: 'beat' } as const;
    await store.sessions.open({ ...mark, leaseMs });
  } else if (dice < 0.7) await store.sessions.update({ ...ref, attributes });
  else if (dice < 0.76) await store.sessions.renew([{ ...ref, owner: 'heartbeat', leaseMs: LONG_MS }]);
  else if (dice < 0.82) await store.sessions.detach([{ ...ref, owner }], SHORT_MS);
  else if (dice < 0.94) await store.sessions.close({ ...ref, reason: random() < 0.8 ? 'left' : 'kicked' });
  else if (dice < 0.97) await store.sessions.kick(ref.userId);
  else await store.nodes.sweep();
}

/** At a quiet moment: nothing happens, nothing is expired and not swept. */
export async function expectReadsToEqualStore(reads: PresenceReads, store: PresenceStore): Promise<void> {
  const userIds = [...USERS, 'never-seen', USERS[0] as string];
  const { value } = await reads.status(userIds);
  const told = userIds.map((_, i) => statusAt(value, i));
  const real = await store.reads.status(userIds);
  // Who is online was last seen now, which is another instant in each of the two.
  const comparable = (users: typeof real) => users.map((user) => (user.online ? { ...user, lastSeenAt: 0 } : user));
  expect(comparable(told)).toEqual(comparable(real));
  for (const user of await store.reads.sessions(userIds)) {
    expect([user.userId, (await reads.viewing(user.userId)).value]).toEqual([user.userId, viewing(user)]);
  }
  expect((await reads.count({ by: 'total' })).value).toEqual((await store.reads.counts([{ by: 'total' }]))[0]);
  for (const by of FACETS) {
    const top = await store.reads.top(by, 1_000);
    expect((await reads.top(by, 1_000)).value).toEqual(top);
    expect((await reads.top(by, 3)).value).toEqual(top.slice(0, 3));
    for (const { key, users, sessions } of [...top, { key: 'none/none', users: 0, sessions: 0 }]) {
      const [country = '', state = ''] = key.split('/');
      const dimension = by === 'state' ? { by, country, state } : { by, key };
      expect([dimension, (await reads.count(dimension)).value]).toEqual([dimension, { users, sessions }]);
    }
  }
}

function viewing({ sessions }: UserSessions) {
  const distinct = (values: (string | undefined)[]) => new Set(values.filter(Boolean)).size;
  return {
    sessions: sessions.length,
    streams: distinct(sessions.map(({ streamId }) => streamId)),
    devices: distinct(sessions.map(({ deviceType }) => deviceType)),
  };
}
