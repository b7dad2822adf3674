/** A node that loses its lease, or a store that went back: live players stay, ghosts end (P9, P10). */
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { Cluster, Redis } from 'ioredis';
import { type Change, RedisStore } from '../../presence-core/index.ts';
import { Player } from '../support/player.ts';
import { startCluster } from '../support/redis-cluster.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer, until } from '../support/servers.ts';

const SHARDS = 8;
const PLAYERS = 40;
const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function serverOn(redis: Pick<TestRedis, 'url'>, env: Record<string, string> = {}): Promise<TestServer> {
  const server = await startTestServer({
    REDIS_URL: redis.url,
    REDIS_PREFIX: 'p',
    PRESENCE_SHARDS: String(SHARDS),
    NODE_BEAT_MS: '200',
    SWEEP_MS: '100',
    ...env,
  });
  ended.push(() => server.stop(0));
  return server;
}

function clientOf(redis: TestRedis): Redis {
  const client = new Redis(redis.port);
  client.on('error', () => {});
  ended.push(async () => client.disconnect());
  return client;
}

async function nodeIdsIn(client: Redis | Cluster, shard = 0): Promise<string[]> {
  const fields = await client.hkeys(`{p:${shard}}:shard`);
  return fields.filter((field) => field.startsWith('n:')).map((field) => field.slice(2));
}

async function closesIn(redis: Pick<TestRedis, 'url'>): Promise<Change[]> {
  const store = new RedisStore({ url: redis.url, prefix: 'p', shards: SHARDS });
  await store.start();
  try {
    const { changes } = await store.log.read(await store.log.head(), 10_000, 0);
    return changes.filter(({ kind }) => kind === 'close');
  } finally {
    await store.stop();
  }
}

const welcomed = async (server: TestServer): Promise<Player[]> => {
  const players: Player[] = [];
  for (let i = 0; i < PLAYERS; i += 1) {
    const [player, welcome] = await Player.hello(server.wsPort, { userId: `u${i}`, sessionId: 's', streamId: 'tnt' });
    expect(welcome.type).toBe('welcome');
    players.push(player);
  }
  return players;
};

/** On a Cluster: another node id is there, and the former one is gone from all shards. */
async function wentOnAsNew(client: Cluster, former: string): Promise<void> {
  await until(async () => {
    const ids = await Promise.all(Array.from({ length: SHARDS }, (_, shard) => nodeIdsIn(client, shard)));
    return ids.every((inShard) => inShard.length === 1 && inShard[0] !== former);
  });
}

test('[P9] on a Cluster a lease lost in one shard ends nobody in the others, and everybody stays connected', async () => {
  const cluster = await startCluster();
  ended.push(() => cluster.stop());
  // Renewals come often, so that one between fence and re-opening would show.
  const server = await serverOn(cluster, { SESSION_LEASE_MS: '10000' });
  const players = await welcomed(server);
  const client = new Cluster(cluster.masters.map(({ port }) => ({ host: '127.0.0.1', port })));
  ended.push(async () => client.disconnect());
  const [former] = (await nodeIdsIn(client)) as [string];
  const lost = 3;
  await client.hset(`{p:${lost}}:shard`, `n:${former}`, 1);
  await wentOnAsNew(client, former);
  await sleep(300);
  const closes = await closesIn(cluster);
  expect(closes.filter(({ shard }) => shard !== lost)).toEqual([]);
  expect((await server.get('/online')).body).toEqual({ users: PLAYERS, sessions: PLAYERS });
  expect(players.every(({ socket }) => socket.readyState === socket.OPEN)).toBe(true);
});

test('[P10] a store that went back revives nobody whose socket is gone', async () => {
  const redis = await startRedis({ args: ['--dir', tmpdir(), '--dbfilename', `presence-${process.pid}.rdb`] });
  ended.push(() => redis.stop());
  const server = await serverOn(redis);
  const [gone] = await Player.hello(server.wsPort, { userId: 'gone', sessionId: 's', streamId: 'tnt' });
  const [stays] = await Player.hello(server.wsPort, { userId: 'stays', sessionId: 's', streamId: 'tnt' });
  const client = clientOf(redis);
  await client.save();
  gone.send({ type: 'leave' });
  expect(await gone.closed).toBe(1000);
  await redis.kill();
  await redis.restart();
  await until(async () => (await server.get('/status/user/stays').catch(() => undefined))?.body.online === true);
  await until(async () => (await server.get('/online').catch(() => undefined))?.body.sessions === 1);
  expect((await server.get('/status/user/gone')).body).toMatchObject({ online: false });
  expect(await stays.ask({ type: 'heartbeat' })).toMatchObject({ current: 1 });
});

test('[P7] [P10] a store that went back takes no player’s session that had moved from another gateway since', async () => {
  const redis = await startRedis({ args: ['--dir', tmpdir(), '--dbfilename', `presence-moved-${process.pid}.rdb`] });
  ended.push(() => redis.stop());
  const [first, second] = [await serverOn(redis), await serverOn(redis)];
  const hello = { userId: 'u', sessionId: 's', streamId: 'tnt' };
  const [before] = await Player.hello(first.wsPort, hello);
  const client = clientOf(redis);
  await client.save();
  const [player] = await Player.hello(second.wsPort, hello);
  expect(await before.closed).toBe(4012);
  const formers = await nodeIdsIn(client);
  await redis.kill();
  await redis.restart();
  await until(async () => {
    const ids = await nodeIdsIn(client).catch(() => formers);
    return ids.length === 2 && ids.every((id) => !formers.includes(id));
  });
  expect(player.socket.readyState).toBe(player.socket.OPEN);
  expect(await player.ask({ type: 'heartbeat' })).toMatchObject({ current: 1, expiresAt: expect.any(Number) });
});
