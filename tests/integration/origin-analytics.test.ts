/** Clicks and impressions as players send them, over HTTP and the WebSocket, on both stores (P16). */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { failingStore } from '../support/failing-store.ts';
import { Player } from '../support/player.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';
import { startSidecar } from '../support/sidecar.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ shared: true });
});
afterAll(() => redis.stop());

const STORES: [string, () => Record<string, string>][] = [
  ['memory', () => ({})],
  ['redis', () => ({ REDIS_URL: redis.url, REDIS_PREFIX: redis.prefix(), PRESENCE_SHARDS: '4' })],
];

describe.each(STORES)('on %s', (name, env) => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer(env());
  });
  afterAll(() => server.stop(0));

  const url = (query: string) => `http://127.0.0.1:${server.httpPort}/analytics${query}`;
  const post = (query: string) => fetch(url(query), { method: 'POST' });
  const hour = async (at: number) => {
    const reply = await fetch(url(`?timestamp=${at}`), { headers: { accept: 'application/json' } });
    return (await reply.json()) as Record<string, unknown>;
  };
  /** An hour of each test's own; all are less than a day old. */
  let hourAt: number;
  let hoursAgo = 1;
  beforeEach(() => {
    hourAt = Math.floor(Date.now() / HOUR_MS - hoursAgo) * HOUR_MS;
    hoursAgo += 1;
  });

  test('events are counted in the hour of their timestamp, both forms alike', async () => {
    const queries = [
      `?timestamp=${hourAt}&user=u1&event=click`,
      `?timestamp=${hourAt + HOUR_MS - 1}&user=u1&click`,
      `?timestamp=${hourAt + 1}&user=u2&event=impression`,
      `?timestamp=${hourAt + 2}&user=07&impression`,
      `?impression&user=7&timestamp=${hourAt + 3}`,
      `?timestamp=${hourAt - 1}&user=u9&click`,
    ];
    for (const query of queries) {
      const reply = await post(query);
      expect([reply.status, await reply.text()]).toEqual([204, '']);
    }
    const plain = await fetch(url(`?timestamp=${hourAt + 1_234}`));
    expect([plain.status, plain.headers.get('content-type')]).toEqual([200, 'text/plain']);
    expect(await plain.text()).toBe('unique_users,4\nclicks,2\nimpressions,3\n');
    expect(await hour(hourAt + 1_234)).toEqual({
      hourAt,
      uniqueUsers: 4,
      clicks: 2,
      impressions: 3,
      approximate: name === 'redis',
    });
    const head = await fetch(url(`?timestamp=${hourAt}`), { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  test('an hour without events is told as zeroes', async () => {
    expect(await (await fetch(url('?timestamp=0'))).text()).toBe('unique_users,0\nclicks,0\nimpressions,0\n');
    expect(await hour(0)).toEqual({ hourAt: 0, uniqueUsers: 0, clicks: 0, impressions: 0, approximate: false });
  });

  test('a player that holds a session sends events for its user', async () => {
    const before = Date.now();
    const [player] = await Player.hello(server.wsPort, { userId: 'socket', sessionId: 'a', streamId: 's' });
    // An id is asked for, or nothing is answered: the next answer is that to the heartbeat.
    player.send({ type: 'event', event: 'click' });
    player.send({ type: 'event', event: 'impression' });
    player.send({ type: 'heartbeat', id: 'h' });
    expect(await player.next()).toMatchObject({ type: 'heartbeat', id: 'h' });
    expect(await player.ask({ type: 'event', event: 'impression' })).toEqual({ type: 'ok', id: expect.any(String) });
    // The hour may have turned meanwhile; nothing else counts in either.
    const hours = [await hour(before), ...(await laterHour(before))];
    const sum = (kind: string) => hours.reduce((total, counted) => total + Number(counted[kind]), 0);
    expect([sum('clicks'), sum('impressions')]).toEqual([1, 2]);
    expect(sum('uniqueUsers')).toBe(hours.filter((counted) => counted.uniqueUsers !== 0).length);

    expect(await player.ask({ type: 'event', event: 'scroll' })).toMatchObject({
      type: 'error',
      problem: { code: 'invalid_request', errors: [{ path: '/event' }] },
    });
    expect(await player.ask({ type: 'event' })).toMatchObject({ problem: { errors: [{ path: '/event' }] } });
    expect(await player.ask({ type: 'event', event: 'click' })).toMatchObject({ type: 'ok' });
    expect(await player.leave()).toBe(1000);
  });

  async function laterHour(before: number): Promise<Record<string, unknown>[]> {
    const now = Date.now();
    return Math.floor(now / HOUR_MS) === Math.floor(before / HOUR_MS) ? [] : [await hour(now)];
  }

  test('who holds no session sends no events', async () => {
    const [observer] = await Player.hello(server.wsPort, { userId: 'u', observe: true });
    expect(await observer.ask({ type: 'event', event: 'click' })).toMatchObject({
      type: 'error',
      problem: { code: 'invalid_request', status: 400 },
    });
    await observer.vanish();
  });

  const now = () => Date.now();
  test.each([
    ['timestamp', () => '?user=u&event=click'],
    ['timestamp', () => '?timestamp=&user=u&event=click'],
    ['timestamp', () => '?timestamp=yesterday&user=u&event=click'],
    ['timestamp', () => `?timestamp=${now()}.5&user=u&event=click`],
    ['timestamp', () => '?timestamp=-1&user=u&event=click'],
    ['user', () => `?timestamp=${now()}&event=click`],
    ['user', () => `?timestamp=${now()}&user=&event=click`],
    ['user', () => `?timestamp=${now()}&user=a%20b&event=click`],
    ['user', () => `?timestamp=${now()}&user=a&user=b&event=click`],
    ['event', () => `?timestamp=${now()}&user=u`],
    ['event', () => `?timestamp=${now()}&user=u&event=`],
    ['event', () => `?timestamp=${now()}&user=u&event=scroll`],
    ['event', () => `?timestamp=${now()}&user=u&event=click&impression`],
    ['event', () => `?timestamp=${now()}&user=u&click&impression`],
    ['click', () => `?timestamp=${now()}&user=u&click=0`],
  ])('POST is refused naming %s (%#)', async (field, query) => {
    const reply = await post(query());
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ code: 'invalid_request', errors: [{ path: field }] });
  });

  test.each(['', '?timestamp=', '?timestamp=now', '?timestamp=-1', '?timestamp=1e3'])(
    'GET %s is refused',
    async (query) => {
      const reply = await fetch(url(query));
      expect(reply.status).toBe(400);
      expect(await reply.json()).toMatchObject({ code: 'invalid_request', errors: [{ path: 'timestamp' }] });
    },
  );

  test('a timestamp may be 24 h old and 5 min ahead', async () => {
    const statusAt = async (at: number) => (await post(`?timestamp=${at}&user=u&event=click`)).status;
    expect(await statusAt(now() - 24 * HOUR_MS + MINUTE_MS)).toBe(204);
    expect(await statusAt(now() + 4 * MINUTE_MS)).toBe(204);
    for (const at of [now() - 24 * HOUR_MS - 1, now() + 6 * MINUTE_MS, 0, 999_999_999_999_999]) {
      const reply = await post(`?timestamp=${at}&user=u&event=click`);
      expect(await reply.json()).toMatchObject({ status: 400, code: 'timestamp_out_of_range' });
    }
  });
});

test('without the store events are refused, over HTTP with a time to come back', async () => {
  const failing = failingStore();
  const sidecar = await startSidecar(failing.store);
  failing.mode = 'away';
  const sent = await sidecar.request('POST', `/analytics?timestamp=${Date.now()}&user=u&event=click`);
  expect([sent.status, sent.body.code, sent.headers.get('retry-after')]).toEqual([503, 'store_unavailable', '1']);
  expect(await sidecar.get(`/analytics?timestamp=${Date.now()}`)).toMatchObject({
    status: 503,
    body: { code: 'store_unavailable' },
  });
  await sidecar.close();
});

test('without the store a socket hears it of each event, with an id or not, and stays open', async () => {
  const own = await startRedis();
  const server = await startTestServer({ REDIS_URL: own.url });
  try {
    const [player] = await Player.hello(server.wsPort, { userId: 'u', sessionId: 'a', streamId: 's' });
    await own.kill();
    const error = { type: 'error', problem: { code: 'store_unavailable', status: 503 } };
    expect(await player.ask({ type: 'event', event: 'click' })).toMatchObject(error);
    player.send({ type: 'event', event: 'click' });
    expect(await player.next('error')).toMatchObject(error);
    await own.restart();
    for (let reply = 'error'; reply !== 'ok'; ) {
      reply = (await player.ask({ type: 'event', event: 'click' })).type;
    }
    await player.vanish();
  } finally {
    await server.stop(0);
    await own.stop();
  }
});
