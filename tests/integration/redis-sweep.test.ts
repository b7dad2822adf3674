/** What a sweep costs in Redis, whose sessions it ends, and who goes on when its process dies (P9, P14). */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import type { OpenRequest, SocketOwner } from '../../presence-core/index.ts';
import { shardPrefix } from '../../presence-core/redis/keys.ts';
import type { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { redisStore, sweepSlice } from '../support/redis-stores.ts';

/** Longer than what is looked at by itself. */
const LONG_MS = 600_000;
const PAST_MS = 5;
/** So long that a machine that stands still between two steps does not end it before it is renewed. */
const BRIEF_MS = 1_500;

let redis: TestRedis;
let admin: Redis;
let prefix: string;
const stores: RedisStore[] = [];
beforeAll(async () => {
  redis = await startRedis();
  admin = new Redis(redis.port);
});
afterAll(async () => {
  admin.disconnect();
  await redis.stop();
});
beforeEach(() => {
  prefix = redis.prefix();
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.stop();
});

/** No recount comes in between unless a test asks for it. */
async function started(shards: number, more: { sweepGapMs?: number; recountMs?: number } = {}): Promise<RedisStore> {
  const store = await redisStore({ url: redis.url, prefix, shards, recountMs: 86_400_000, ...more });
  stores.push(store);
  return store;
}

const at = (nodeId: string): SocketOwner => ({ nodeId, connection: 1 });
const key = (name: string, shard = 0): string => shardPrefix(prefix, shard) + name;

function openAll(store: RedisStore, users: readonly string[], more: Partial<OpenRequest> = {}): Promise<unknown> {
  const fixed = { sessionId: 's', attributes: {}, owner: 'heartbeat', leaseMs: LONG_MS, intent: 'fresh' } as const;
  return Promise.all(users.map((userId) => store.sessions.open({ ...fixed, userId, ...more })));
}

const users = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}${i}`);

/** Commands that Redis carries out meanwhile, those inside scripts too, by name. */
async function commandsOf(act: () => Promise<unknown>): Promise<Map<string, number>> {
  await admin.config('RESETSTAT');
  await act();
  const stats = await admin.info('commandstats');
  const calls = [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(
    ([, name, count]) => [name as string, Number(count)] as const,
  );
  return new Map(calls.filter(([name]) => !name.startsWith('config')));
}

const sum = (commands: ReadonlyMap<string, number>): number => [...commands.values()].reduce((a, b) => a + b, 0);

async function closes(store: RedisStore): Promise<string[]> {
  const ends: string[] = [];
  let cursor = await store.log.head();
  for (;;) {
    const page = await store.log.read(cursor, 1_000, 0);
    if (page.changes.length === 0) return ends;
    for (const { kind, userId, reason } of page.changes) if (kind === 'close') ends.push(`${userId} ${reason}`);
    cursor = page.cursor;
  }
}

test('[P14] the end of a detached session costs that session, not all that are filed with it', async () => {
  const store = await started(1);
  await store.nodes.join('n', LONG_MS);
  const all = users('u', 5_120);
  await openAll(store, all, { owner: at('n') });
  await store.nodes.sweep();
  const gone = all.slice(0, 100);
  await store.sessions.detach(
    gone.map((userId) => ({ userId, sessionId: 's', owner: at('n') })),
    1,
  );
  await sleep(PAST_MS);
  let ended = 0;
  const commands = await commandsOf(async () => {
    ended = (await store.nodes.sweep()).ended;
  });
  expect(ended).toBe(gone.length);
  // With twenty to a bucket, a look at the buckets would be 2,000.
  expect(commands.get('zscore') ?? 0).toBeLessThan(3 * gone.length);
  expect(commands.get('hkeys') ?? 0).toBe(0);
});

test('[P14] a session whose short lease became a long one is filed with the others when the short one is over', async () => {
  const store = await started(1);
  await store.nodes.join('n', LONG_MS);
  // Counts the shard, so that the next one does not.
  await store.nodes.sweep();
  await openAll(store, ['u'], { leaseMs: 20 });
  expect(await admin.exists(key('due'))).toBe(0);
  await openAll(store, ['u'], { owner: at('n') });
  await sleep(40);
  expect(await store.nodes.sweep()).toMatchObject({ ended: 0 });
  expect(await admin.exists(key('soon'))).toBe(0);
  expect(await admin.zcard(key('due'))).toBe(1);
  await store.sessions.detach([{ userId: 'u', sessionId: 's', owner: at('n') }], 1);
  await sleep(PAST_MS);
  expect(await store.nodes.sweep()).toMatchObject({ ended: 1 });
});

test('[P14] a long lease that nobody renews is looked at by itself in its last two minutes', async () => {
  const store = await started(1);
  const renewed = users('u', 50);
  // Counts the shard, so that the next one does not.
  await store.nodes.sweep();
  await openAll(store, renewed, { leaseMs: 121_000 });
  await openAll(store, ['ends'], { leaseMs: 121_000 });
  const soonest = async () => Number((await admin.zrange(key('due'), '0', '0', 'WITHSCORES'))[1]);
  const filedAt = await soonest();
  const set = key('u:ends');
  // As it is a minute later, when all others were renewed and their buckets are due.
  await admin.zadd(set, Date.now() + 61_000, 's');
  for (const userId of renewed) await admin.zadd(key(`u:${userId}`), Date.now() + 500_000, 's');
  for (const bucket of await admin.zrange(key('due'), '0', '-1')) await admin.zadd(key('due'), Date.now() - 1, bucket);
  await admin.zadd(key('sweep'), Date.now() - 1, key(''));
  expect(await store.nodes.sweep()).toMatchObject({ ended: 0 });
  expect((await admin.zrange(key('soon'), '0', '-1')).map((entry) => entry.split(' ')[1])).toEqual(['ends']);
  expect(await soonest()).toBeGreaterThan(filedAt + 300_000);
});

test('[P14] a beat that goes on is looked at once for each lease, and one that stops ends with it', async () => {
  const store = await started(1);
  const leaseMs = BRIEF_MS;
  await openAll(store, ['u'], { leaseMs });
  const filedAt = Number(await admin.zscore(key('soon'), (await admin.zrange(key('soon'), '0', '0'))[0] as string));
  await sleep(leaseMs / 2);
  await openAll(store, ['u'], { leaseMs, intent: 'beat' });
  const [entry] = await admin.zrange(key('soon'), '0', '0');
  expect(Number(await admin.zscore(key('soon'), entry as string))).toBe(filedAt);
  await sleep(filedAt + 20 - Date.now());
  expect(await store.nodes.sweep()).toMatchObject({ ended: 0 });
  expect(Number(await admin.zscore(key('soon'), entry as string))).toBeGreaterThan(filedAt);
  await sleep(leaseMs);
  expect(await store.nodes.sweep()).toMatchObject({ ended: 1 });
  expect(await admin.exists(key('soon'))).toBe(0);
});

/** A store of one shard, whose recount was made. */
async function counted(): Promise<RedisStore> {
  const store = await started(1);
  await store.nodes.sweep();
  return store;
}

test.each([
  ['a count that is no number', () => admin.hset(key('n'), 's:film', 'abc')],
  ['counts of a wrong type', () => admin.multi().del(key('n')).set(key('n'), 'not ours').exec()],
])('[P12] [P14] %s keeps no sweep from ending what is due and counting the rest', async (_, damage) => {
  const store = await counted();
  // More than one slice ends.
  await openAll(store, users('u', 150), { leaseMs: PAST_MS, attributes: { streamId: 'film', country: 'DE' } });
  await damage();
  await sleep(2 * PAST_MS);
  expect(await store.nodes.sweep()).toMatchObject({ ended: 150 });
  expect(await admin.zcard(key('soon'))).toBe(0);
  if ((await admin.type(key('n'))) === 'hash') expect(await admin.hgetall(key('n'))).toEqual({ 's:film': 'abc' });
});

test('[P12] [P14] what a sweep ended is counted, also when it then meets damage in the same shard', async () => {
  const store = await counted();
  await openAll(store, users('u', 20), { leaseMs: PAST_MS, attributes: { streamId: 'film' } });
  await admin.set(key('due'), 'not ours');
  await sleep(2 * PAST_MS);
  await store.nodes.sweep();
  expect(await closes(store)).toHaveLength(20);
  expect(await admin.exists(key('n'))).toBe(0);
});

test('[P14] a live session is looked at again though another one of its user cannot be ended', async () => {
  const store = await counted();
  await openAll(store, ['u'], { leaseMs: BRIEF_MS });
  await openAll(store, ['u'], { sessionId: 'live', leaseMs: BRIEF_MS });
  await openAll(store, ['u'], { sessionId: 'live', intent: 'beat', leaseMs: 60_000 });
  const [rows] = await admin.keys(key('m:*'));
  await admin.rename(rows as string, key('kept'));
  await admin.set(rows as string, 'not ours');
  await sleep(BRIEF_MS + PAST_MS);
  await store.nodes.sweep();
  await admin.rename(key('kept'), rows as string);
  expect((await admin.zrange(key('soon'), '0', '-1')).map((entry) => entry.split(' ')[2])).toEqual(['live']);
});

test('[P14] a look at a live session costs the same however many its user has', async () => {
  const store = await counted();
  const beatAll = (leaseMs: number) =>
    Promise.all(
      users('s', 20).map((sessionId) => openAll(store, ['u'], { sessionId, intent: 'beat', leaseMs, limit: 20 })),
    );
  await beatAll(BRIEF_MS);
  await beatAll(60_000);
  await sleep(BRIEF_MS + PAST_MS);
  const commands = await commandsOf(() => store.nodes.sweep());
  expect(commands.get('zscore')).toBe(20);
  // Of what is due, and none of what the user has.
  expect(commands.get('zrange')).toBeLessThan(10);
});

test('[P14] what no verb has written stops no sweep', async () => {
  const store = await counted();
  await store.nodes.join('keeper', LONG_MS);
  await store.nodes.join('lost', LONG_MS);
  await openAll(store, users('u', 5), { leaseMs: PAST_MS });
  await openAll(store, users('held', 5), { owner: at('lost') });
  await admin.zadd(key('soon'), 1, 'nonsense', 2, '7 nonsense', 3, '7 non sen se');
  await admin.zadd(key('due'), 1, '7');
  await admin.hset(key('m:7'), 'nonsense', 'slost.1|nonsense', 'non sen se', 'slost.1|nonsense');
  await admin.hset(key('shard'), 'step', '0|10000');
  await store.nodes.quit('lost');
  await sleep(2 * PAST_MS);
  await store.nodes.sweep();
  const ends = [
    ...users('u', 5).map((userId) => `${userId} timeout`),
    ...users('held', 5).map((userId) => `${userId} node_lost`),
  ];
  expect((await closes(store)).sort()).toEqual(ends.sort());
  expect(await admin.zcard(key('soon'))).toBe(0);
  expect(await admin.hexists(key('shard'), 'step')).toBe(0);
});

test.each([
  ['is no number', () => admin.hset(key('held'), 'lost', 'nonsense')],
  ['is nan', () => admin.hset(key('held'), 'lost', 'nan')],
  ['is of a wrong type', () => admin.multi().del(key('held')).set(key('held'), 'not ours').exec()],
])('[P9] [P14] a lost node whose number of sessions %s leaves none', async (_, damage) => {
  const store = await counted();
  for (const node of ['keeper', 'lost']) await store.nodes.join(node, LONG_MS);
  await openAll(store, users('u', 5), { owner: at('lost') });
  await damage();
  await store.nodes.quit('lost');
  await store.nodes.sweep();
  expect(await closes(store)).toHaveLength(5);
  expect(await admin.hexists(key('shard'), 'g:lost')).toBe(0);
  if ((await admin.type(key('held'))) === 'hash') expect(await admin.hexists(key('held'), 'lost')).toBe(0);
});

test('[P9] how many sessions a generation holds follows opens, moves, detaches and ends', async () => {
  const store = await started(1);
  for (const node of ['n', 'm']) await store.nodes.join(node, LONG_MS);
  const all = users('u', 5);
  const [detached, moved, left, kicked] = all as [string, string, string, string];
  await openAll(store, all, { owner: at('n') });
  await openAll(store, all, { owner: { ...at('n'), connection: 2 } });
  expect(await admin.hgetall(key('held'))).toEqual({ n: '5' });
  await store.sessions.detach([{ userId: detached, sessionId: 's', owner: { ...at('n'), connection: 2 } }], LONG_MS);
  await openAll(store, [moved], { owner: at('m') });
  await store.sessions.close({ userId: left, sessionId: 's', reason: 'left' });
  await store.sessions.kick(kicked);
  expect(await admin.hgetall(key('held'))).toEqual({ n: '1', m: '1' });
  await openAll(store, [detached], { owner: at('m'), intent: 'resume' });
  await store.nodes.quit('n');
  expect(await store.nodes.sweep()).toMatchObject({ ended: 1 });
  expect(await admin.hgetall(key('held'))).toEqual({ m: '2' });
});

test('[P9] who gives up a generation that holds nothing costs no look at any session', async () => {
  const store = await started(8);
  for (const node of ['stays', 'goes']) await store.nodes.join(node, LONG_MS);
  await openAll(store, users('u', 500), { owner: at('stays') });
  await store.nodes.sweep();
  const commands = await commandsOf(async () => {
    await store.nodes.quit('goes');
    await store.nodes.sweep();
  });
  expect(sum(commands)).toBeLessThan(100);
  expect(commands.get('hgetall') ?? 0).toBeLessThan(5);
  expect(await admin.hkeys(key('shard'))).not.toContain('n:goes');
});

test('[P9] sessions of a generation whose count is not known are looked for everywhere', async () => {
  const store = await started(4);
  for (const node of ['stays', 'former']) await store.nodes.join(node, LONG_MS);
  await openAll(store, users('u', 40), { owner: at('former') });
  // As processes of a version without counts leave it: each shard has a lease of theirs.
  await admin.hdel(key('shard'), 'g:former');
  for (let shard = 0; shard < 4; shard++) {
    await admin.del(key('held', shard));
    await admin.hset(key('shard', shard), 'n:former', Date.now() - 1);
  }
  expect(await store.nodes.sweep()).toMatchObject({ ended: 40 });
  for (let shard = 0; shard < 4; shard++) {
    expect(await admin.hkeys(key('shard', shard))).not.toContain('n:former');
  }
});

test('[P9] a generation whose lease a process of a former version took away is swept in all shards', async () => {
  const store = await started(4);
  for (const node of ['stays', 'lost']) await store.nodes.join(node, LONG_MS);
  await openAll(store, users('u', 40), { owner: at('lost') });
  await admin.hdel(key('shard'), 'n:lost');
  expect(await store.nodes.sweep()).toMatchObject({ ended: 40 });
  expect(await admin.hkeys(key('shard'))).not.toContain('g:lost');
});

test('[P9] a sweep that comes too early reads one field, however many nodes there are', async () => {
  const store = await started(64, { sweepGapMs: 60_000 });
  for (const node of users('n', 50)) await store.nodes.join(node, LONG_MS);
  await store.nodes.sweep();
  const commands = await commandsOf(() => store.nodes.sweep());
  expect(Object.fromEntries(commands)).toEqual({ fcall: 1, time: 1, hget: 1 });
});

test.each([64, 1_024])(
  '[P9] with %d shards, a beat and three sweeps of a node at rest are few commands',
  async (shards) => {
    const store = await started(shards);
    await store.nodes.join('n', LONG_MS);
    await openAll(store, users('u', 200), { owner: at('n') });
    await store.sessions.kick('u1');
    for (let i = 0; i < 3; i++) await store.nodes.sweep();
    const commands = await commandsOf(async () => {
      await store.nodes.beat('n', LONG_MS);
      for (let i = 0; i < 3; i++) await store.nodes.sweep();
    });
    // A beat each 3 s and a sweep each second: so many in 3 s.
    expect(sum(commands)).toBeLessThan(200);
  },
);

test('[P9] a shard of which it is not known when something is due is looked at', async () => {
  const store = await started(4);
  await store.nodes.sweep();
  await openAll(store, users('u', 40), { leaseMs: 1 });
  await sleep(PAST_MS);
  await admin.zrem(key('sweep'), key('', 2));
  await admin.zadd(key('sweep'), Date.now() + LONG_MS, key('', 3));
  await admin.zrem(key('sweep'), key('', 3));
  expect(await store.nodes.sweep()).toMatchObject({ ended: 40 });
  await openAll(store, users('v', 40), { leaseMs: 1 });
  await admin.set(key('sweep'), 'not ours');
  await sleep(PAST_MS);
  expect(await store.nodes.sweep()).toMatchObject({ ended: 40 });
});

test('[P9] many lost sessions are swept in slices, and another process goes on where one died', async () => {
  const [first, second] = [await started(8), await started(8)];
  for (const node of ['stays', 'lost']) await first.nodes.join(node, LONG_MS);
  const lost = users('u', 1_500);
  await openAll(first, lost, { owner: at('lost') });
  await second.nodes.quit('lost');
  const dies = first.nodes.sweep().catch(() => 'died');
  while ((await admin.hget(key('shard'), 'lost')) === null) await sleep(1);
  await first.stop();
  await dies;
  const left = lost.length - (await closes(second)).length;
  expect(left).toBeGreaterThan(0);
  const commands = await commandsOf(async () => {
    expect((await second.nodes.sweep()).ended).toBeGreaterThan(left - 200);
  });
  // Some 60 end in a slice, and eight times as many in one that comes late.
  expect(commands.get('fcall') ?? 0).toBeGreaterThan(left / (8 * 100));
  expect(new Set(await closes(second))).toEqual(new Set(lost.map((userId) => `${userId} node_lost`)));
  expect(await closes(second)).toHaveLength(lost.length);
});

test('[P1] [P9] what expires while lost sessions are swept does not wait for their end', async () => {
  const store = await started(1);
  for (const node of ['stays', 'lost']) await store.nodes.join(node, LONG_MS);
  await openAll(store, users('u', 800), { owner: at('lost') });
  await openAll(store, users('v', 10), { leaseMs: 1 });
  await store.nodes.quit('lost');
  await sleep(PAST_MS);
  await store.nodes.sweep();
  const ends = await closes(store);
  expect(ends).toHaveLength(810);
  expect(ends.findLastIndex((end) => end.endsWith(' timeout'))).toBeLessThan(100);
});

test.each([
  ['one', ['n']],
  ['several', ['n', 'other']],
])('[P9] the loss of %s ends no session of a node whose name begins alike', async (_, lost) => {
  const store = await started(2);
  for (const node of ['n', 'n.n', 'nn', 'other']) await store.nodes.join(node, LONG_MS);
  for (const node of ['n', 'n.n', 'nn', 'other']) await openAll(store, users(`${node}-`, 4), { owner: at(node) });
  for (const node of lost) await store.nodes.quit(node);
  await store.nodes.sweep();
  const ends = lost.flatMap((node) => users(`${node}-`, 4).map((userId) => `${userId} node_lost`));
  expect((await closes(store)).sort()).toEqual(ends.sort());
});

test('[P9] a node that is lost while the sessions of another are swept is part of the same sweep', async () => {
  const store = await started(8);
  for (const node of ['stays', 'first', 'second']) await store.nodes.join(node, LONG_MS);
  await openAll(store, users('u', 300), { owner: at('first') });
  await openAll(store, users('v', 300), { owner: at('second') });
  await store.nodes.quit('first');
  await sweepSlice(store, 500);
  expect(await admin.hexists(key('shard'), 'lost')).toBe(1);
  await store.nodes.quit('second');
  await store.nodes.sweep();
  expect(await store.reads.counts([{ by: 'total' }])).toEqual([{ users: 0, sessions: 0 }]);
});

test('[P9] who finds another process at work waits until nothing is left', async () => {
  const [first, second] = [await started(8), await started(8)];
  for (const node of ['stays', 'lost']) await first.nodes.join(node, LONG_MS);
  await openAll(first, users('u', 1_000), { owner: at('lost') });
  await first.nodes.quit('lost');
  const sweeps = [first.nodes.sweep(), second.nodes.sweep()];
  await Promise.race(sweeps);
  expect(await first.reads.counts([{ by: 'total' }])).toEqual([{ users: 0, sessions: 0 }]);
  const ended = (await Promise.all(sweeps)).reduce((total, sweep) => total + sweep.ended, 0);
  expect(ended).toBe(1_000);
});

test('[P10] when the home is lost, all shards have another epoch; one other that is lost is noticed in turn', async () => {
  const store = await started(200);
  const { epoch } = await store.nodes.join('n', LONG_MS);
  await admin.del(key('shard', 150));
  const epochs: string[] = [];
  for (let i = 0; i < 4; i++) epochs.push((await store.nodes.beat('n', LONG_MS)).epoch);
  expect(new Set(epochs).size).toBe(2);
  expect(epochs.at(-1)).not.toBe(epoch);
  await admin.del(key('shard'));
  const before = await Promise.all([1, 100, 199].map((shard) => admin.hget(key('shard', shard), 'epoch')));
  expect(await store.nodes.beat('n', LONG_MS)).toMatchObject({ outcome: 'fenced' });
  const after = await Promise.all([1, 100, 199].map((shard) => admin.hget(key('shard', shard), 'epoch')));
  for (const [i, one] of after.entries()) expect(one).not.toBe(before[i]);
  const joined = await store.nodes.join('n2', LONG_MS);
  expect(
    joined.epoch
      .split('.')
      .map(Number)
      .every((one) => Number(after[0]) <= one),
  ).toBe(true);
});
