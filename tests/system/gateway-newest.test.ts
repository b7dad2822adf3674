/** Of two sockets with one session the newer has it (P7), when one of their gateways stood still or was cut off. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { Gateway } from '../chaos/rig/gateway.ts';
import { FaultProxy } from '../support/fault-proxy.ts';
import { Player } from '../support/player.ts';
import { startRedis } from '../support/redis-server.ts';
import { startTestServer, until } from '../support/servers.ts';

const ended: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

const HELLO = { userId: 'u', sessionId: 's', streamId: 'tnt' };

test('[P7] a hello that a gateway handles after it stood still takes nothing from the one that came meanwhile', async () => {
  const redis = await startRedis();
  ended.push(() => redis.stop());
  const gateways: Gateway[] = [];
  for (const name of ['a', 'b']) {
    const env = { REDIS_URL: redis.url, DATABASE_URL: 'none', HOST: '127.0.0.1' };
    const gateway = await Gateway.start({ name, env, logged: () => {}, ended: () => {} });
    ended.push(() => gateway.kill());
    gateways.push(gateway);
  }
  const [a, b] = gateways as [Gateway, Gateway];
  const waiting = await Player.connect(a.wsPort);
  a.freeze();
  await sleep(300);
  waiting.send({ type: 'hello', ...HELLO });
  await sleep(700);
  // Its player gives up, and says hello elsewhere. Nobody tells the gateway that stands still.
  const [newer, welcome] = await Player.hello(b.wsPort, HELLO);
  expect(welcome.type).toBe('welcome');
  await sleep(1_000);
  a.thaw();
  expect(await waiting.next()).toMatchObject({ type: 'error', problem: { code: 'overloaded' } });
  expect(await waiting.closed).toBe(4100);
  // What a's notice could have done would be done by now.
  await sleep(500);
  expect(await newer.ask({ type: 'heartbeat' })).toMatchObject({ current: 1, expiresAt: expect.any(Number) });
});

test('[P7] [P10] who was let in unchecked takes nothing from a newer socket whose gateway is cut off just then', async () => {
  const redis = await startRedis();
  ended.push(() => redis.stop());
  const [toA, toB] = [await FaultProxy.to(redis.port), await FaultProxy.to(redis.port)];
  const [a, b] = await Promise.all(
    [toA, toB].map((proxy) =>
      startTestServer({
        REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
        OUTAGE_POLICY: 'open',
        NODE_BEAT_MS: '300',
        NODE_LEASE_MS: '10000',
      }),
    ),
  );
  ended.push(
    () => toA.close(),
    () => toB.close(),
    () => a?.stop(0),
    () => b?.stop(0),
  );
  if (!a || !b) return;
  toA.blackhole = true;
  const [older, unchecked] = await Player.hello(a.wsPort, HELLO);
  expect(unchecked).toMatchObject({ type: 'welcome', degraded: true });
  await sleep(700);
  const [newer, welcome] = await Player.hello(b.wsPort, HELLO);
  expect(welcome.degraded).toBeUndefined();
  toB.blackhole = true;
  toA.lose();
  toA.blackhole = false;
  expect(await older.closed).toBe(4012);
  await sleep(1_500);
  toB.lose();
  toB.blackhole = false;
  await until(async () => (await newer.ask({ type: 'heartbeat' })).expiresAt !== undefined);
  expect((await a.get('/concurrency/user/u')).body).toMatchObject({ current: 1 });
  expect(newer.socket.readyState).toBe(newer.socket.OPEN);
});
