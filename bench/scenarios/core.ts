/** The stores themselves: memory per session, cost of each verb. */

import { Redis } from 'ioredis';
import { MemoryStore, RedisStore } from '../../presence-core/index.ts';
import { type BenchSession, inLanes, makeSessions } from '../players.ts';
import { startBenchRedis } from '../redis.ts';
import { redisBytes, redisCpuUs } from '../redis-figures.ts';
import type { Figure } from '../report.ts';

const REDIS_SESSIONS = 200_000;
const MEMORY_SESSIONS = 1_000_000;
const SWEPT_SESSIONS = 100_000;
const CHURN = 300_000;
const LIVE = 100_000;
const LANES = 256;
const IDLE_POLLS = 1_000;
const NODE = 'bench1';
const LEASE_MS = 600_000;

interface Cost {
  readonly perSecond: number;
  readonly nodeUs: number;
  readonly functionUs: number;
  readonly redisUs: number;
}

async function cost(admin: Redis, count: number, work: () => Promise<unknown>): Promise<Cost> {
  await admin.config('RESETSTAT');
  const [redisBefore, cpuBefore, begun] = [await redisCpuUs(admin), process.cpuUsage(), performance.now()];
  await work();
  const [seconds, cpu] = [(performance.now() - begun) / 1_000, process.cpuUsage(cpuBefore)];
  const redisUs = (await redisCpuUs(admin)) - redisBefore;
  const stats = await admin.info('commandstats');
  const functionUs = Number(/cmdstat_fcall:calls=\d+,usec=(\d+)/.exec(stats)?.[1]);
  return {
    perSecond: count / seconds,
    nodeUs: (cpu.user + cpu.system) / count,
    functionUs: functionUs / count,
    redisUs: redisUs / count,
  };
}

async function logBytes(admin: Redis, shards: number): Promise<number> {
  let sum = 0;
  for (let shard = 0; shard < shards; shard++) {
    sum += Number((await admin.memory('USAGE', `{presence:${shard}}:log`, 'SAMPLES', 0)) ?? 0);
  }
  return sum;
}

async function fillRedis(
  label: string,
  args: string[],
  sessions: readonly BenchSession[],
  all: boolean,
): Promise<Figure[]> {
  const redis = await startBenchRedis(args);
  const admin = new Redis(redis.port);
  const store = new RedisStore({ url: redis.url });
  await store.start();
  await store.nodes.join(NODE, 3_600_000);
  const before = await redisBytes(admin);
  const open = await cost(admin, sessions.length, () =>
    inLanes(sessions, LANES, (s, i) =>
      store.sessions.open({ ...s, owner: { nodeId: NODE, connection: i }, leaseMs: LEASE_MS, intent: 'fresh' }),
    ),
  );
  const bytes = (await redisBytes(admin)) - before - (await logBytes(admin, 64));
  const figures: Figure[] = [
    { what: `Redis bytes per session, ${label}`, value: bytes / sessions.length, unit: 'B', target: '≤ 340' },
  ];
  if (all) {
    const member = store.groups.join('bench', 'one');
    const taken = await cost(admin, sessions.length, async () => {
      for (let more = true; more; ) {
        const some = await member.take(1_000, 0);
        await member.acknowledge(some);
        more = some.changes.length > 0;
      }
    });
    const idle = await cost(admin, IDLE_POLLS, async () => {
      for (let i = 0; i < IDLE_POLLS; i++) await member.take(1_000, 0);
    });
    const renew = await cost(admin, sessions.length, async () => {
      for (let i = 0; i < sessions.length; i += 2_000) {
        const batch = sessions
          .slice(i, i + 2_000)
          .map((s, j) => ({ ...s, owner: { nodeId: NODE, connection: i + j }, leaseMs: LEASE_MS + 60_000 }));
        await store.sessions.renew(batch);
      }
    });
    const status = await cost(admin, sessions.length, async () => {
      for (let i = 0; i < sessions.length; i += 1_000)
        await store.reads.status(sessions.slice(i, i + 1_000).map((s) => s.userId));
    });
    const close = await cost(admin, sessions.length, () =>
      inLanes(sessions, LANES, (s, i) =>
        store.sessions.close({ ...s, owner: { nodeId: NODE, connection: i }, reason: 'left' }),
      ),
    );
    figures.push(
      { what: 'open, through one Node process', value: open.perSecond, unit: '/s', target: '≥ 12,000' },
      { what: 'open, time in the function', value: open.functionUs, unit: 'µs' },
      { what: 'open, Redis CPU', value: open.redisUs, unit: 'µs', target: '≤ 60' },
      { what: 'open, Node CPU', value: open.nodeUs, unit: 'µs' },
      { what: 'renew in batch, time in the function', value: renew.functionUs, unit: 'µs' },
      { what: 'renew in batch, Redis CPU', value: renew.redisUs, unit: 'µs', target: '≤ 5' },
      { what: 'renew in batch, Node CPU', value: renew.nodeUs, unit: 'µs' },
      { what: 'status in batch, Redis CPU', value: status.redisUs, unit: 'µs' },
      { what: 'close, Redis CPU', value: close.redisUs, unit: 'µs' },
      { what: 'close, through one Node process', value: close.perSecond, unit: '/s' },
      { what: 'change taken and acknowledged, by one member', value: taken.perSecond, unit: '/s' },
      { what: 'change taken and acknowledged, Redis CPU', value: taken.redisUs, unit: 'µs' },
      { what: 'change taken and acknowledged, Node CPU', value: taken.nodeUs, unit: 'µs' },
      { what: 'a member asking in vain over 64 shards, Redis CPU', value: idle.redisUs, unit: 'µs' },
    );
  }
  await store.stop();
  admin.disconnect();
  await redis.stop();
  return figures;
}

export async function coreRedis(): Promise<Figure[]> {
  const sessions = makeSessions(REDIS_SESSIONS);
  return [
    ...(await fillRedis('hash-max-listpack-value 256', ['--hash-max-listpack-value', '256'], sessions, true)),
    ...(await fillRedis('Redis as installed', [], sessions, false)),
  ];
}

/** Longest time for which the event loop did not turn while `work` ran. */
async function longestBlock(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  let running = true;
  const turn = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    if (running) setImmediate(turn);
  };
  setImmediate(turn);
  await work();
  running = false;
  return longest;
}

async function openAndCloseMany(): Promise<number> {
  const store = new MemoryStore();
  await store.start();
  await store.nodes.join(NODE, 3_600_000_000);
  const churn = makeSessions(CHURN + LIVE);
  const openAndClose = async (from: number, until: number, andClose: boolean): Promise<number> => {
    const begun = performance.now();
    for (let i = from; i < until; i++) {
      const { userId, sessionId, attributes } = churn[i] as BenchSession;
      const owner = { nodeId: NODE, connection: i };
      await store.sessions.open({ userId, sessionId, attributes, owner, leaseMs: LEASE_MS, intent: 'fresh' });
      if (andClose) await store.sessions.close({ userId, sessionId, owner, reason: 'left' });
    }
    return ((until - from) * 2) / ((performance.now() - begun) / 1_000);
  };
  // A store in use: some are live, and the code is warm.
  await openAndClose(0, LIVE, false);
  await openAndClose(LIVE, LIVE + CHURN / 3, true);
  const churnPerSecond = await openAndClose(LIVE + CHURN / 3, LIVE + CHURN, true);
  await store.stop();
  return churnPerSecond;
}

async function millionSessions(): Promise<{ bytes: number; block: number }> {
  const clockStart = Date.now();
  let now = clockStart;
  const heap = (): number => {
    globalThis.gc?.();
    globalThis.gc?.();
    return process.memoryUsage().heapUsed;
  };
  const store = new MemoryStore({ clock: () => now });
  await store.start();
  await store.nodes.join(NODE, 3_600_000_000);
  const before = heap();
  // Made one by one, so that the store alone keeps what it needs of each.
  for (let done = 0; done < MEMORY_SESSIONS; done += 10_000) {
    const batch = makeSessions(10_000);
    for (const [i, s] of batch.entries()) {
      const userId = `user-${String(Number(s.userId.slice(5)) + done).padStart(8, '0')}`;
      const leaseMs = done < SWEPT_SESSIONS ? 30_000 + (i % 1_000) : LEASE_MS;
      const attributes = JSON.parse(JSON.stringify({ ...s.attributes, deviceId: undefined }));
      await store.sessions.open({
        userId,
        sessionId: s.sessionId,
        attributes,
        owner: { nodeId: NODE, connection: done + i },
        leaseMs,
        intent: 'fresh',
      });
    }
  }
  const bytes = (heap() - before) / MEMORY_SESSIONS;
  now = clockStart + 32_000;
  let ended = 0;
  const block = await longestBlock(async () => {
    ended = (await store.nodes.sweep()).ended;
  });
  if (ended !== SWEPT_SESSIONS) throw new Error(`swept ${ended} of ${SWEPT_SESSIONS}`);
  await store.stop();
  return { bytes, block };
}

export async function coreMemory(): Promise<Figure[]> {
  const { bytes, block } = await millionSessions();
  const churnPerSecond = await openAndCloseMany();
  return [
    { what: 'memory store, opens + closes, each counted', value: churnPerSecond, unit: '/s', target: '≥ 300,000' },
    { what: 'memory store, heap per session of 1M', value: bytes, unit: 'B', target: '≤ 600' },
    { what: 'memory store, longest block sweeping 100,000', value: block, unit: 'ms', target: '≤ 20' },
  ];
}
