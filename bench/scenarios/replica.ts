/** The read replica: memory per session, what an answer costs, how soon it shows a change, what it costs to follow. */

import { setTimeout as sleep } from 'node:timers/promises';
import { LogFeed } from '../../gateway/node/log-feed.ts';
import { Replica } from '../../gateway/replica/replica.ts';
import { RedisStore } from '../../presence-core/index.ts';
import { inLanes, makeSessions } from '../players.ts';
import { startBenchRedis } from '../redis.ts';
import type { Figure } from '../report.ts';

const SESSIONS = 200_000;
const LANES = 256;
const LEASE_MS = 3_600_000;
const BATCH_IDS = 100;
const BATCHES = 2_000;
const TOPS = 50;
/** A list of tops serves for less. */
const TOP_KEPT_MS = 110;
const CHANGES = 300;
const IDLE_MS = 5_000;

async function heldBytes(): Promise<number> {
  await sleep(100);
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** CPU of this process, in µs. */
async function cpuUs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

export async function replicaRedis(): Promise<Figure[]> {
  const redis = await startBenchRedis();
  const store = new RedisStore({ url: redis.url });
  const sessions = makeSessions(SESSIONS);
  await store.start();
  await store.nodes.join('bench', LEASE_MS);
  const owner = { nodeId: 'bench', connection: 1 };
  await inLanes(sessions, LANES, (s) => store.sessions.open({ ...s, owner, leaseMs: LEASE_MS, intent: 'fresh' }));

  const before = await heldBytes();
  const log = { info: () => {}, error: (fields: object) => process.stderr.write(`${JSON.stringify(fields)}\n`) };
  const replica = new Replica({ store, feed: new LogFeed(store, log), log, maxLagMs: 60_000, leftMax: 100_000 });
  const begunAt = performance.now();
  replica.start();
  while (!replica.report().serving) await sleep(5);
  const buildMs = performance.now() - begunAt;
  const bytes = (await heldBytes()) - before;
  const idleUs = await cpuUs(() => sleep(IDLE_MS));

  const pick = (): string => (sessions[Math.floor(Math.random() * SESSIONS)] as { userId: string }).userId;
  const batches = Array.from({ length: BATCHES }, () => JSON.stringify(Array.from({ length: BATCH_IDS }, pick)));
  const parse = (batch: string): string[] => JSON.parse(batch) as string[];
  const parseUs = await cpuUs(() => batches.forEach(parse));
  const statusUs = (await cpuUs(() => batches.forEach((batch) => void replica.status(parse(batch))))) - parseUs;
  const often = parse(batches[0] as string);
  const hotUs = await cpuUs(() => batches.forEach(() => void replica.status(often)));
  let topUs = 0;
  for (let i = 0; i < TOPS; i++) {
    await sleep(TOP_KEPT_MS);
    topUs += await cpuUs(() => void replica.top('stream', 20));
  }

  const lagsMs: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    await sleep(Math.random() * 40);
    const { userId, sessionId } = sessions[i] as (typeof sessions)[number];
    const streamId = `changed-${i}`;
    await store.sessions.update({ userId, sessionId, attributes: { streamId } });
    const doneAt = performance.now();
    while (replica.count({ by: 'stream', key: streamId })?.value.sessions !== 1) await sleep(1);
    lagsMs.push(performance.now() - doneAt);
  }
  lagsMs.sort((a, b) => a - b);
  replica.stop();
  await store.stop();
  await redis.stop();
  return [
    { what: 'replica: memory per session', value: bytes / SESSIONS, unit: 'B' },
    { what: `replica: built from ${SESSIONS / 1_000},000 sessions`, value: buildMs, unit: 'ms' },
    { what: 'replica: status of 100 ids, anyone', value: statusUs / BATCHES, unit: 'µs CPU' },
    { what: 'replica: status of 100 ids, the same', value: hotUs / BATCHES, unit: 'µs CPU' },
    {
      what: 'replica: top 20 of 500 streams, made',
      value: topUs / TOPS,
      unit: 'µs CPU',
    },
    { what: 'replica: change shown after, half', value: lagsMs[CHANGES / 2] as number, unit: 'ms' },
    { what: 'replica: change shown after, 99 of 100', value: lagsMs[Math.floor(CHANGES * 0.99)] as number, unit: 'ms' },
    { what: 'replica: following a log where nothing happens', value: idleUs / IDLE_MS / 10, unit: '% of a core' },
  ];
}
