/** The analytics of the demo's last day: each hour has as many as the API was sent. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type DayEvent, eventsOf, hasNoEvents, sendEvents } from '../../bench/demo-events.ts';
import { makeDay } from '../../bench/demo-history.ts';
import { makeViewers } from '../../bench/world.ts';
import { startTestServer, type TestServer } from '../support/servers.ts';

const HOUR_MS = 3_600_000;

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ DATABASE_URL: 'none' });
});
afterAll(() => server.stop(0));

test('the API has counted every event of the day in its hour; a second demo adds nothing', async () => {
  const origin = `http://127.0.0.1:${server.httpPort}`;
  const now = Date.now();
  const events = eventsOf(makeDay(makeViewers(30), now), now);
  expect(await hasNoEvents(origin, now)).toBe(true);
  await sendEvents(origin, events);
  expect(await hasNoEvents(origin, now)).toBe(false);

  const hourOf = ({ at }: DayEvent): number => Math.floor(at / HOUR_MS) * HOUR_MS;
  const hours = new Set(events.map(hourOf));
  expect(hours.size).toBeGreaterThanOrEqual(24);
  for (const hourAt of hours) {
    const mine = events.filter((event) => hourOf(event) === hourAt);
    const { body } = await server.request('GET', `/analytics?timestamp=${hourAt}`, undefined, {
      accept: 'application/json',
    });
    expect(body).toMatchObject({
      hourAt,
      impressions: mine.filter(({ kind }) => kind === 'impression').length,
      clicks: mine.filter(({ kind }) => kind === 'click').length,
      uniqueUsers: new Set(mine.map(({ userId }) => userId)).size,
    });
  }
});
