/** Clicks and impressions by the hour, as players send them over HTTP and the WebSocket (P16). */
import { Agent, request } from 'node:http';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { loadConfig } from '../../gateway/config/config.ts';
import { createStore } from '../../gateway/server.ts';
import { overBothStores } from '../support/both-stores.ts';
import { Player } from '../support/player.ts';
import type { TestServer } from '../support/servers.ts';
import { startSidecar } from '../support/sidecar.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const CONNECTIONS = 100;
const MANY_USERS = 100_000;
/** Fewer than a store takes at once. */
const USERS_AT_ONCE = 10_000;

interface Hour {
  readonly hourAt: number;
  readonly uniqueUsers: number;
  readonly clicks: number;
  readonly impressions: number;
  readonly approximate: boolean;
}

const hourOf = (at: number): number => Math.floor(at / HOUR_MS) * HOUR_MS;

async function readHour(port: number, at: number): Promise<Hour> {
  const url = `http://127.0.0.1:${port}/analytics?timestamp=${at}`;
  return (await (await fetch(url, { headers: { accept: 'application/json' } })).json()) as Hour;
}

/** Posts each query, all at once over a hundred connections. Returns the statuses. */
async function flood(posts: readonly { port: number; query: string }[]): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS, maxTotalSockets: CONNECTIONS });
  const post = ({ port, query }: { port: number; query: string }): Promise<number> =>
    new Promise((resolve, reject) => {
      const sent = request({ agent, host: '127.0.0.1', port, method: 'POST', path: `/analytics${query}` }, (reply) => {
        reply.resume();
        reply.on('end', () => resolve(reply.statusCode ?? 0));
      });
      sent.on('error', reject);
      sent.end();
    });
  try {
    return await Promise.all(posts.map(post));
  } finally {
    agent.destroy();
  }
}

overBothStores((rig) => {
  let server: TestServer;
  /** A whole hour that is over, and not yet too old for any test. */
  let hourAt: number;
  beforeEach(async () => {
    server = await rig.start();
    hourAt = hourOf(Date.now()) - 2 * HOUR_MS;
  });

  const url = (query: string) => `http://127.0.0.1:${server.httpPort}/analytics${query}`;
  const post = (query: string) => fetch(url(query), { method: 'POST' });
  const hour = (at: number) => readHour(server.httpPort, at);

  describe('counting', () => {
    test('events are counted in the hour of their timestamp, both forms alike', async () => {
      const queries = [
        `?timestamp=${hourAt}&user=u1&event=click`,
        `?timestamp=${hourAt + HOUR_MS - 1}&user=u1&click`,
        `?timestamp=${hourAt + 1}&user=u2&event=impression`,
        `?timestamp=${hourAt + 2}&user=07&impression`,
        `?impression&user=7&timestamp=${hourAt + 3}`,
        `?timestamp=${hourAt - 1}&user=u9&click`,
        `?timestamp=${hourAt + HOUR_MS}&user=u8&impression`,
      ];
      for (const query of queries) {
        const reply = await post(query);
        expect([reply.status, await reply.text()]).toEqual([204, '']);
      }
      const plain = await fetch(url(`?timestamp=${hourAt + 1_234}`));
      expect([plain.status, plain.headers.get('content-type')]).toEqual([200, 'text/plain']);
      expect(await plain.text()).toBe('unique_users,4\nclicks,2\nimpressions,3\n');
      const approximate = rig.kind === 'redis';
      const counted = { hourAt, uniqueUsers: 4, clicks: 2, impressions: 3, approximate };
      for (const at of [hourAt, hourAt + 1_234, hourAt + HOUR_MS - 1]) expect(await hour(at)).toEqual(counted);
      expect(await hour(hourAt - 1)).toMatchObject({ hourAt: hourAt - HOUR_MS, clicks: 1, impressions: 0 });
      expect(await hour(hourAt + HOUR_MS)).toMatchObject({ hourAt: hourAt + HOUR_MS, clicks: 0, impressions: 1 });
      const head = await fetch(url(`?timestamp=${hourAt}`), { method: 'HEAD' });
      expect([head.status, await head.text()]).toEqual([200, '']);
    });

    test('an hour begins at minute 0 UTC; the running one and earlier ones are read alike', async () => {
      const now = Date.now();
      const instants = [now, now - HOUR_MS, now - 5 * HOUR_MS, now - 23 * HOUR_MS];
      for (const [i, at] of instants.entries()) {
        for (let n = 0; n <= i; n++) await post(`?timestamp=${at}&user=u${n}&event=click`);
      }
      for (const [i, at] of instants.entries()) {
        const { hourAt: began, ...counted } = await hour(at);
        expect(counted).toMatchObject({ uniqueUsers: i + 1, clicks: i + 1, impressions: 0 });
        expect(new Date(began).toISOString()).toBe(`${new Date(at).toISOString().slice(0, 13)}:00:00.000Z`);
      }
    });

    test('an hour without events is told as zeroes', async () => {
      expect(await (await fetch(url('?timestamp=0'))).text()).toBe('unique_users,0\nclicks,0\nimpressions,0\n');
      expect(await hour(0)).toEqual({ hourAt: 0, uniqueUsers: 0, clicks: 0, impressions: 0, approximate: false });
    });

    test('clicks and impressions are exact when thousands are sent at once', async () => {
      const ports = [server.httpPort];
      if (rig.kind === 'redis') ports.push((await rig.another()).httpPort);
      const posts = Array.from({ length: 3_000 }, (_, i) => ({
        port: ports[i % ports.length] as number,
        query: `?timestamp=${hourAt + i}&user=u${i % 100}&${i % 3 === 0 ? 'click' : 'event=impression'}`,
      }));
      expect(new Set(await flood(posts))).toEqual(new Set([204]));
      for (const port of ports) {
        const { uniqueUsers, ...hits } = await readHour(port, hourAt);
        expect(hits).toMatchObject({ clicks: 1_000, impressions: 2_000 });
        expect(Math.abs(uniqueUsers - 100)).toBeLessThanOrEqual(1);
      }
    });

    // The estimate of given ids is the same in every run: hashes have no seed.
    test(`unique users are within 1 % at ${MANY_USERS}, and who comes again is not counted again`, async () => {
      const config = loadConfig(rig.fresh(), []);
      const store = createStore(config, pino({ level: 'silent' }));
      const sidecar = await startSidecar(store);
      try {
        for (let first = 0; first < MANY_USERS; first += USERS_AT_ONCE) {
          const some = Array.from({ length: USERS_AT_ONCE }, (_, i) => `viewer-${first + i}`);
          await Promise.all(some.map((userId) => store.analytics.count({ userId, kind: 'impression', at: hourAt })));
        }
        const counted = await readHour(sidecar.port, hourAt);
        expect(counted).toMatchObject({ clicks: 0, impressions: MANY_USERS, approximate: true });
        expect(Math.abs(counted.uniqueUsers - MANY_USERS)).toBeLessThanOrEqual(MANY_USERS / 100);
        const again = Array.from({ length: 200 }, (_, i) => ({
          port: sidecar.port,
          query: `?timestamp=${hourAt}&user=viewer-${i * 500}&event=click`,
        }));
        await flood(again);
        expect(await readHour(sidecar.port, hourAt)).toEqual({ ...counted, clicks: 200 });
      } finally {
        await sidecar.close();
      }
    });
  });

  describe('over the WebSocket', () => {
    test('[W14] a player that holds a session sends events for its user', async () => {
      const before = Date.now();
      const [player] = await Player.hello(server.wsPort, { userId: 'socket', sessionId: 'a', streamId: 's' });
      // An id is asked for, or nothing is answered: the next answer is that to the heartbeat.
      player.send({ type: 'event', event: 'click' });
      player.send({ type: 'event', event: 'impression' });
      player.send({ type: 'heartbeat', id: 'h' });
      expect(await player.next()).toMatchObject({ type: 'heartbeat', id: 'h' });
      expect(await player.ask({ type: 'event', event: 'impression' })).toEqual({ type: 'ok', id: expect.any(String) });
      // The hour may have turned meanwhile; nothing else counts in either.
      const hours = await Promise.all([...new Set([before, Date.now()].map(hourOf))].map(hour));
      const sum = (kind: 'clicks' | 'impressions') => hours.reduce((total, counted) => total + counted[kind], 0);
      expect([sum('clicks'), sum('impressions')]).toEqual([1, 2]);
      expect(Math.max(...hours.map(({ uniqueUsers }) => uniqueUsers))).toBe(1);

      expect(await player.ask({ type: 'event', event: 'scroll' })).toMatchObject({
        type: 'error',
        problem: { code: 'invalid_request', errors: [{ path: '/event' }] },
      });
      expect(await player.ask({ type: 'event' })).toMatchObject({ problem: { errors: [{ path: '/event' }] } });
      expect(await player.ask({ type: 'event', event: 'click' })).toMatchObject({ type: 'ok' });
      expect(await player.leave()).toBe(1000);
    });

    test('[W14] who holds no session sends no events', async () => {
      const [observer] = await Player.hello(server.wsPort, { userId: 'u', observe: true });
      expect(await observer.ask({ type: 'event', event: 'click' })).toMatchObject({
        type: 'error',
        problem: { code: 'invalid_request', status: 400 },
      });
    });
  });

  describe('bad requests', () => {
    test('POST is refused naming the parameter, and counts nothing', async () => {
      const at = Date.now();
      const cases = [
        ['timestamp', '?user=u&event=click'],
        ['timestamp', '?timestamp=&user=u&event=click'],
        ['timestamp', '?timestamp=yesterday&user=u&event=click'],
        ['timestamp', `?timestamp=${at}.5&user=u&event=click`],
        ['timestamp', '?timestamp=-1&user=u&event=click'],
        ['timestamp', `?timestamp=${new Date(at).toISOString()}&user=u&event=click`],
        ['timestamp', '?timestamp=1e12&user=u&event=click'],
        ['timestamp', '?timestamp=99999999999999999999&user=u&event=click'],
        ['timestamp', `?timestamp=${at}&timestamp=${at}&user=u&event=click`],
        ['user', `?timestamp=${at}&event=click`],
        ['user', `?timestamp=${at}&user=&event=click`],
        ['user', `?timestamp=${at}&user=a%20b&event=click`],
        ['user', `?timestamp=${at}&user=${'x'.repeat(256)}&event=click`],
        ['user', `?timestamp=${at}&user=a&user=b&event=click`],
        ['event', `?timestamp=${at}&user=u`],
        ['event', `?timestamp=${at}&user=u&event=`],
        ['event', `?timestamp=${at}&user=u&event=scroll`],
        ['event', `?timestamp=${at}&user=u&event=Click`],
        ['event', `?timestamp=${at}&user=u&event=click&event=click`],
        ['event', `?timestamp=${at}&user=u&event=click&impression`],
        ['event', `?timestamp=${at}&user=u&click&impression`],
        ['event', `?timestamp=${at}&user=u&scroll`],
        ['click', `?timestamp=${at}&user=u&click=0`],
        ['impression', `?timestamp=${at}&user=u&impression=true`],
      ] as const;
      for (const [field, query] of cases) {
        const reply = await post(query);
        expect([query, reply.status]).toEqual([query, 400]);
        const problem = (await reply.json()) as { errors: { path: string }[] };
        expect(problem).toMatchObject({ status: 400, code: 'invalid_request' });
        expect([query, problem.errors.map(({ path }) => path)]).toEqual([query, [field]]);
      }
      expect(await hour(at)).toMatchObject({ uniqueUsers: 0, clicks: 0, impressions: 0 });
    });

    test('GET is refused naming the timestamp', async () => {
      const queries = ['', '?timestamp=', '?timestamp=now', '?timestamp=-1', '?timestamp=1e3', '?timestamp=1.5'];
      for (const query of [...queries, '?timestamp=99999999999999999999', '?timestamp=0&timestamp=0']) {
        const reply = await fetch(url(query));
        expect([query, reply.status]).toEqual([query, 400]);
        expect(await reply.json()).toMatchObject({ code: 'invalid_request', errors: [{ path: 'timestamp' }] });
      }
    });

    test('a timestamp may be 24 h old and 5 min ahead', async () => {
      const now = Date.now();
      const statusAt = async (at: number) => (await post(`?timestamp=${at}&user=u&event=click`)).status;
      expect(await statusAt(now - 24 * HOUR_MS + MINUTE_MS)).toBe(204);
      expect(await statusAt(now + 4 * MINUTE_MS)).toBe(204);
      for (const at of [now - 24 * HOUR_MS - 1, now + 6 * MINUTE_MS, 0, 999_999_999_999_999]) {
        const reply = await post(`?timestamp=${at}&user=u&event=click`);
        expect(await reply.json()).toMatchObject({ status: 400, code: 'timestamp_out_of_range' });
      }
    });
  });
});
