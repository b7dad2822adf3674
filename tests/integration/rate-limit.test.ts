/** Floods on both transports and over HTTP. Rates are so low that no bucket fills up again during a test. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { MemoryStore } from '../../presence-core/index.ts';
import { Player } from '../support/player.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { startSidecar, type TestSidecar } from '../support/sidecar.ts';
import { apiKeyEntry, hsToken, SECRET } from '../support/tokens.ts';

describe.each(['uws', 'ws'])('transport %s', (TRANSPORT) => {
  let server: TestServer;
  afterEach(() => server.stop(0));

  test('[W5] messages beyond the rate are dropped and told; a flood is closed 4129', async () => {
    server = await startTestServer({ TRANSPORT, RATE_MESSAGES_PER_SECOND: '1', RATE_MESSAGES_BURST: '6' });
    const [player] = await Player.hello(server.wsPort, { userId: 'u' });
    const [calm] = await Player.hello(server.wsPort, { userId: 'calm' });
    for (let i = 0; i < 40; i++) player.send({ type: 'heartbeat' });
    expect(await player.closed).toBe(4129);
    const codes = player.frames.map((frame) => (frame.problem as { code: string } | undefined)?.code);
    // What was in the burst may still be at the store when the socket is closed.
    expect(player.frames.filter(({ type }) => type === 'heartbeat').length).toBeLessThanOrEqual(7);
    expect(codes.filter((code) => code === 'rate_limited').length).toBeGreaterThanOrEqual(6);
    expect(await calm.ask({ type: 'heartbeat' })).toMatchObject({ current: 1 });
  });

  test('[W5] a player that stops in time stays', async () => {
    server = await startTestServer({ TRANSPORT, RATE_MESSAGES_PER_SECOND: '20', RATE_MESSAGES_BURST: '5' });
    const [player] = await Player.hello(server.wsPort, { userId: 'u' });
    for (let i = 0; i < 8; i++) player.send({ type: 'heartbeat' });
    expect((await player.next('error')).problem).toMatchObject({ code: 'rate_limited' });
    // Each attempt costs a token too: they come slower than the bucket fills.
    while ((await player.ask({ type: 'heartbeat' })).type === 'error') await sleep(100);
  });

  test('[W1] connections beyond the rate of an address are refused with 429', async () => {
    server = await startTestServer({
      TRANSPORT,
      RATE_CONNECTS_PER_SECOND: '1',
      RATE_CONNECTS_BURST: '3',
      TRUSTED_PROXIES: '127.0.0.0/8',
    });
    const connect = (client: string) =>
      Player.connect(server.wsPort, { headers: { 'x-forwarded-for': client } }).then(
        () => 101,
        (error: Error) => Number(/\d{3}/.exec(error.message)?.[0]),
      );
    const statuses: number[] = [];
    for (let i = 0; i < 10; i++) statuses.push(await connect('198.51.100.1'));
    expect(statuses.slice(0, 3)).toEqual([101, 101, 101]);
    expect(statuses).toContain(429);
    // What the client itself wrote before the proxy's entry buys it nothing.
    while ((await connect('198.51.100.1')) === 101);
    expect(await connect('203.0.113.9, 198.51.100.1')).toBe(429);
    expect(await connect('198.51.100.2')).toBe(101);
  });

  test('without trusted proxies all that comes from one address is one client', async () => {
    server = await startTestServer({ TRANSPORT, RATE_CONNECTS_PER_SECOND: '1', RATE_CONNECTS_BURST: '2' });
    const attempts = Array.from({ length: 8 }, (_, i) =>
      Player.connect(server.wsPort, { headers: { 'x-forwarded-for': `198.51.100.${i}` } }),
    );
    const results = await Promise.allSettled(attempts);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused as PromiseRejectedResult[]) expect(String(reason)).toContain('429');
  });
});

describe('HTTP', () => {
  let sidecar: TestSidecar;
  afterEach(() => sidecar.close());
  const start = async (env: Record<string, string>): Promise<void> => {
    const rate = { RATE_REQUESTS_PER_SECOND: '1', RATE_REQUESTS_BURST: '3', TRUSTED_PROXIES: '127.0.0.1' };
    sidecar = await startSidecar(new MemoryStore(), { ...rate, ...env });
  };
  /** Calls until it is refused; the count says how many times it was not. */
  const exhaust = async (headers: Record<string, string>): Promise<{ served: number; statuses: Set<number> }> => {
    const statuses = new Set<number>();
    for (let served = 0; ; served++) {
      const reply = await sidecar.request('GET', '/online', undefined, headers);
      if (reply.status === 429) {
        expect(reply.body).toMatchObject({ code: 'rate_limited', status: 429 });
        expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
        return { served, statuses };
      }
      statuses.add(reply.status);
    }
  };

  test('limits each address, and probes not at all', async () => {
    await start({});
    const client = { 'x-forwarded-for': '198.51.100.1' };
    expect((await exhaust(client)).served).toBeGreaterThanOrEqual(3);
    expect((await sidecar.request('GET', '/online', undefined, { 'x-forwarded-for': '198.51.100.2' })).status).toBe(
      200,
    );
    for (let i = 0; i < 10; i++) expect((await sidecar.request('GET', '/healthz', undefined, client)).status).toBe(200);
  });

  test('limits each user, wherever it calls from; an API key only by a rate of its own', async () => {
    const API_KEYS = apiKeyEntry('u', 'read', 'a key');
    await start({ AUTH: 'jwt', JWT_SECRET: SECRET, API_KEYS });
    const as = async (sub: string, from: string) => ({
      authorization: `Bearer ${await hsToken({ sub, scope: 'presence:read' })}`,
      'x-forwarded-for': from,
    });
    expect((await exhaust(await as('u', '198.51.100.1'))).statuses).toEqual(new Set([200]));
    while ((await sidecar.request('GET', '/online', undefined, await as('u', '198.51.100.2'))).status !== 429);
    expect((await sidecar.request('GET', '/online', undefined, await as('v', '198.51.100.1'))).status).toBe(200);
    for (let i = 0; i < 10; i++) {
      expect((await sidecar.request('GET', '/online', undefined, { 'x-api-key': 'a key' })).status).toBe(200);
    }
  });

  test('limits each API key', async () => {
    const API_KEYS = [apiKeyEntry('a', 'read', 'a key'), apiKeyEntry('b', 'read', 'another')].join();
    const rate = { RATE_KEYS_PER_SECOND: '1', RATE_KEYS_BURST: '5' };
    await start({ AUTH: 'jwt', JWT_SECRET: SECRET, API_KEYS, ...rate });
    expect((await exhaust({ 'x-api-key': 'a key' })).served).toBeGreaterThanOrEqual(5);
    expect((await sidecar.request('GET', '/online', undefined, { 'x-api-key': 'another' })).status).toBe(200);
  });

  test('an address that guesses credentials is refused before they are checked', async () => {
    await start({ AUTH: 'jwt', JWT_SECRET: SECRET });
    const from = { 'x-forwarded-for': '198.51.100.1' };
    expect((await exhaust({ ...from, authorization: 'Bearer guess' })).statuses).toEqual(new Set([401]));
  });
});
