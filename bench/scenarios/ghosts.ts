/**
 * How long a session whose player is gone stays online, for each way to go, with the default timers: two gateways over one
 * Redis, the second one is asked. Each way is tried with some players at once, spread over the phases of all timers.
 */

import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import WebSocket from 'ws';
import { SUBPROTOCOL } from '../../gateway/protocol/messages.ts';
import { FaultProxy } from '../../tests/support/fault-proxy.ts';
import type { TestRedis } from '../../tests/support/redis-server.ts';
import { GatewayProcess } from '../gateway-process.ts';
import { startBenchRedis } from '../redis.ts';
import type { Figure } from '../report.ts';

const PLAYERS = 20;
/** Deaths are spread over this, longer than a beat and several sweeps. */
const SPREAD_MS = 4_000;
const ASK_MS = 50;
const HOPELESS_MS = 120_000;
/** Until beats and renewals run as they do. */
const QUIET_MS = 5_000;
/** Node lease and sweep. */
const NODE_LOST_MS = 12_000;
const RDB = `ghosts-${process.pid}.rdb`;

interface Field {
  readonly redis: TestRedis;
  /** Where the players are. */
  readonly gateway: GatewayProcess;
  readonly observer: GatewayProcess;
}

async function withField<T>(env: Record<string, string>, act: (field: Field) => Promise<T>): Promise<T> {
  const redis = await startBenchRedis(['--dbfilename', RDB]);
  const settings = { REDIS_URL: redis.url, PING_INTERVAL_MS: '25000', ...env };
  const gateway = await GatewayProcess.start(settings);
  const observer = await GatewayProcess.start(settings);
  try {
    return await act({ redis, gateway, observer });
  } finally {
    await Promise.all([gateway.stop(), observer.stop()]);
    await redis.stop();
    await rm(`/tmp/${RDB}`, { force: true });
  }
}

/** @returns the socket, once it is welcomed. */
async function connectPlayer(port: number, userId: string): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`, SUBPROTOCOL);
  socket.on('error', () => {});
  socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', userId, streamId: 'bench' })));
  await new Promise((resolve) => socket.once('message', resolve));
  return socket;
}

const usersOf = (way: string): string[] => Array.from({ length: PLAYERS }, (_, i) => `${way}-${i}`);

async function onlineOf({ httpPort }: GatewayProcess, ids: readonly string[]): Promise<Set<string>> {
  const response = await fetch(`http://127.0.0.1:${httpPort}/status/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ids }),
  });
  const { users } = (await response.json()) as { users: { userId: string; online: boolean }[] };
  return new Set(users.filter(({ online }) => online).map(({ userId }) => userId));
}

/** Asks until all are offline. @returns for each how long after its death, in ms, in ascending order. */
async function ghosts(observer: GatewayProcess, diedAt: ReadonlyMap<string, number>): Promise<number[]> {
  const lastOnlineAt = new Map(diedAt);
  const begunAt = performance.now();
  for (let left = diedAt.size; left > 0 && performance.now() - begunAt < HOPELESS_MS; ) {
    const online = await onlineOf(observer, [...diedAt.keys()]).catch(() => undefined);
    const now = performance.now();
    if (online) {
      for (const userId of online) lastOnlineAt.set(userId, now);
      left = online.size;
    }
    await sleep(ASK_MS);
  }
  return [...diedAt]
    .map(([userId, at]) => Math.max(0, (lastOnlineAt.get(userId) as number) - at))
    .sort((a, b) => a - b);
}

/** Lets all players die one after the other, by the same act. */
async function dyingOneByOne(users: readonly string[], die: (i: number) => void): Promise<Map<string, number>> {
  const diedAt = new Map<string, number>();
  for (const [i, userId] of users.entries()) {
    die(i);
    diedAt.set(userId, performance.now());
    await sleep(SPREAD_MS / PLAYERS);
  }
  return diedAt;
}

function figures(way: string, boundMs: number, ms: readonly number[]): Figure[] {
  const target = `≤ ${boundMs / 1_000}`;
  return [
    { what: `${way}: half offline after`, value: (ms[Math.floor(ms.length / 2)] as number) / 1_000, unit: 's' },
    { what: `${way}: last offline after`, value: (ms.at(-1) as number) / 1_000, unit: 's', target },
  ];
}

/** The ways in which only the socket goes. */
export async function ghostsOfSockets(): Promise<Figure[]> {
  return withField({}, async ({ gateway, observer }) => {
    const proxy = await FaultProxy.to(gateway.wsPort);
    const join = (way: string, port: number): Promise<WebSocket[]> =>
      Promise.all(usersOf(way).map((userId) => connectPlayer(port, userId)));
    const [left, closed, cut] = [
      await join('leave', gateway.wsPort),
      await join('closed', gateway.wsPort),
      await join('cut', proxy.port),
    ];
    await sleep(QUIET_MS);
    proxy.blackhole = true;
    const cutAt = performance.now();
    const gone = ghosts(observer, new Map(usersOf('cut').map((userId) => [userId, cutAt])));
    const leaves = await dyingOneByOne(usersOf('leave'), (i) => left[i]?.send('{"type":"leave"}'));
    const leaveMs = await ghosts(observer, leaves);
    const closedMs = await ghosts(observer, await dyingOneByOne(usersOf('closed'), (i) => closed[i]?.terminate()));
    const cutMs = await gone;
    for (const socket of cut) socket.terminate();
    await proxy.close();
    return [
      ...figures('leave', 1_000, leaveMs),
      ...figures('socket closed', 11_000, closedMs),
      ...figures('network gone', 46_000, cutMs),
    ];
  });
}

/** The gateway of the players is killed. */
export async function ghostsOfGateway(): Promise<Figure[]> {
  return withField({}, async ({ gateway, observer }) => {
    const users = usersOf('killed');
    await Promise.all(users.map((userId) => connectPlayer(gateway.wsPort, userId)));
    await sleep(QUIET_MS);
    process.kill(gateway.pid, 'SIGKILL');
    const at = performance.now();
    const ms = await ghosts(observer, new Map(users.map((userId) => [userId, at])));
    return figures('gateway killed', 11_000, ms);
  });
}

/** Redis stands still at the hello for longer than its gateway waits, and the players give up; then it goes on. */
export async function ghostsOfPause(): Promise<Figure[]> {
  const all: Figure[] = [];
  for (const policy of ['open', 'closed']) {
    const ms = await withField({ OUTAGE_POLICY: policy }, async ({ redis, gateway, observer }) => {
      await sleep(QUIET_MS);
      const pid = redis.process?.pid as number;
      process.kill(pid, 'SIGSTOP');
      const users = usersOf('paused');
      const hellos = users.map((userId) => connectPlayer(gateway.wsPort, userId));
      const sockets = await Promise.all(hellos);
      await sleep(500);
      for (const socket of sockets) socket.terminate();
      process.kill(pid, 'SIGCONT');
      const at = performance.now();
      return ghosts(observer, new Map(users.map((userId) => [userId, at])));
    });
    all.push(...figures(`Redis paused at the hello, policy ${policy}`, 14_000, ms));
  }
  return all;
}

/** Redis comes back with data from before players left, or from before their gateway was killed. */
export async function ghostsOfRollback(): Promise<Figure[]> {
  const left = await rolledBack(async (sockets) => {
    for (const socket of sockets) socket.send('{"type":"leave"}');
    await sleep(2_000);
  });
  const killed = await rolledBack(async (_, gateway) => {
    process.kill(gateway.pid, 'SIGKILL');
    await sleep(NODE_LOST_MS);
  });
  return [
    ...figures('Redis back with older data', 5_000, left),
    ...figures('Redis back with data from before the gateway was killed', 32_000, killed),
  ];
}

async function rolledBack(die: (sockets: readonly WebSocket[], gateway: GatewayProcess) => Promise<void>) {
  return withField({}, async ({ redis, gateway, observer }) => {
    const users = usersOf('revived');
    const sockets = await Promise.all(users.map((userId) => connectPlayer(gateway.wsPort, userId)));
    const stays = await connectPlayer(observer.wsPort, 'stays');
    await sleep(QUIET_MS);
    const admin = new Redis(redis.port);
    await admin.save();
    admin.disconnect();
    await die(sockets, gateway);
    await redis.kill();
    await redis.restart();
    const at = performance.now();
    const ms = await ghosts(observer, new Map(users.map((userId) => [userId, at])));
    const isLive = (await onlineOf(observer, ['stays'])).has('stays');
    stays.terminate();
    if (!isLive) throw new Error('a player who stayed is offline');
    return ms;
  });
}
