/** A Redis that answers reads and refuses writes, as one without memory does: a node that cannot check says so. */
import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { RedisStore } from '../../presence-core/index.ts';
import { Player } from '../support/player.ts';
import { startRedis } from '../support/redis-server.ts';
import { startTestServer, until } from '../support/servers.ts';

const LEASE_MS = 1_000;

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

test('[P5] the news of a kick reach the node of its socket also out of memory', async () => {
  const redis = await startRedis();
  ended.push(() => redis.stop());
  const store = new RedisStore({ url: redis.url });
  await store.start();
  ended.push(() => store.stop());
  const told = new Promise((resolve) => store.inbox.listen('n2', resolve));
  const admin = new Redis(redis.port);
  ended.push(() => admin.disconnect());
  await store.nodes.join('n2', 60_000);
  const opened = await store.sessions.open({
    userId: 'u',
    sessionId: 's',
    attributes: { streamId: 'film' },
    owner: { nodeId: 'n2', connection: 7 },
    intent: 'fresh',
    leaseMs: 60_000,
    onLimit: 'reject',
  });
  expect(opened).toMatchObject({ outcome: 'opened' });
  await admin.config('SET', 'maxmemory', '1');
  await store.inbox.notify(await store.sessions.kick('u'));
  expect(await told).toMatchObject({ userId: 'u', sessionId: 's', connection: 7, reason: 'kicked' });
});

test.each([
  ['open', [200, 'degraded'], 200],
  ['closed', [503, 503], 503],
])(
  '[P10] policy %s: /readyz says so after a newcomer that could not be checked, until writes pass again',
  async (OUTAGE_POLICY, refusing, beatStatus) => {
    const redis = await startRedis();
    ended.push(() => redis.stop());
    const server = await startTestServer({ REDIS_URL: redis.url, OUTAGE_POLICY });
    ended.push(() => server.stop(0));
    const admin = new Redis(redis.port);
    ended.push(() => admin.disconnect());
    const ready = async (): Promise<unknown[]> => {
      const { status, body } = await server.get('/readyz');
      return [status, body.status];
    };
    expect(await ready()).toEqual([200, 'ok']);
    await admin.config('SET', 'maxmemory', '1');
    const beat = () => server.post('/heartbeat', { userId: 'new', sessionId: 's', streamId: 'film' });
    expect((await beat()).status).toBe(beatStatus);
    expect(await ready()).toEqual(refusing);
    await admin.config('SET', 'maxmemory', '0');
    await until(async () => (await ready())[1] === 'ok');
    expect(await beat()).toMatchObject({ status: 200, body: { current: 1 } });
  },
);

/** A Redis that cannot save its data, and therefore takes no write of anybody, of leases neither. */
async function redisWithDisk() {
  const folder = mkdtempSync(join(tmpdir(), 'presence-disk-'));
  ended.push(() => rmSync(folder, { recursive: true }));
  const redis = await startRedis({ args: ['--save', '3600 1', '--dir', folder] });
  ended.push(() => redis.stop());
  const admin = new Redis(redis.port);
  ended.push(() => admin.disconnect());
  const saved = async (status: 'ok' | 'err'): Promise<void> => {
    await admin.bgsave();
    await until(async () => {
      const about = await admin.info('persistence');
      return about.includes('rdb_bgsave_in_progress:0') && about.includes(`rdb_last_bgsave_status:${status}`);
    });
  };
  // A folder cannot be replaced by a file.
  const inTheWay = join(folder, 'dump.rdb');
  return {
    url: redis.url,
    async fillDisk(): Promise<void> {
      mkdirSync(inTheWay);
      await saved('err');
      await expect(admin.set('a', 'b')).rejects.toThrow(/^MISCONF/);
    },
    async makeRoom(): Promise<void> {
      rmdirSync(inTheWay);
      await saved('ok');
    },
  };
}

test('[P9] [P10] [W17] while Redis cannot save: a kick is refused, players stay, and all of it is made up for afterwards', async () => {
  const redis = await redisWithDisk();
  const server = await startTestServer({ REDIS_URL: redis.url, NODE_LEASE_MS: String(LEASE_MS) });
  ended.push(() => server.stop(0));
  const open = (userId: string) => Player.hello(server.wsPort, { userId, streamId: 'film' });
  const [[stays], [kicked], [leaves]] = await Promise.all([open('stays'), open('kicked'), open('leaves')]);
  const status = async () => (await server.get('/readyz')).body.status;
  const kick = () => server.request('DELETE', '/sessions/kicked');
  const sessions = async () => (await server.get('/online')).body.sessions;

  await redis.fillDisk();
  expect(await kick()).toMatchObject({ status: 503, body: { code: 'store_unavailable' } });
  const [comes, welcome] = await Player.hello(server.wsPort, { userId: 'comes', streamId: 'film' });
  expect(welcome).toMatchObject({ type: 'welcome', degraded: true });
  const beat = { userId: 'beats', sessionId: 's', streamId: 'film' };
  expect(await server.post('/heartbeat', beat)).toMatchObject({ status: 200, body: { degraded: true } });
  leaves.send({ type: 'leave' });
  expect(await leaves.next()).toMatchObject({ type: 'error', problem: { code: 'store_unavailable' } });
  await until(async () => (await status()) === 'degraded');
  // The lease of the node cannot be renewed, and ends: whoever was there is still said to be.
  await sleep(LEASE_MS * 1.5);
  const { body, headers } = await server.get('/status/user/stays');
  expect(body).toMatchObject({ online: true });
  expect(headers.get('x-presence-degraded')).toBe('unconfirmed');

  await redis.makeRoom();
  await until(async () => (await status()) === 'ok');
  expect((await kick()).status).toBe(204);
  expect(await kicked.closed).toBe(4011);
  leaves.send({ type: 'leave' });
  expect(await leaves.closed).toBe(1000);
  // Who came meanwhile is admitted now.
  await until(async () => (await sessions()) === 2);
  expect((await server.post('/heartbeat', beat)).body).toMatchObject({ current: 1 });
  for (const { socket } of [stays, comes]) expect(socket.readyState).toBe(socket.OPEN);
});
