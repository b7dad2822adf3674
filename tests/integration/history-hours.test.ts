/** Hours of analytics on their way into the database: the same answer at every moment. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readHour } from '../../gateway/history/hour-analytics.ts';
import { HourWriter } from '../../gateway/history/hour-writer.ts';
import {
  createHistoryDatabase,
  type DatabaseLocation,
  type HistoryDatabase,
  parseDatabaseUrl,
} from '../../gateway/history/index.ts';
import { MemoryStore, mergeSketches, type PresenceStore } from '../../presence-core/index.ts';
import { startRedis, type TestRedis } from '../support/redis-server.ts';
import { redisStore } from '../support/redis-stores.ts';

const HOUR_MS = 3_600_000;

let redis: TestRedis;
let folder: string;
let database: HistoryDatabase;
const ended: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  redis = await startRedis({ shared: true });
});
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});
afterAll(() => redis.stop());

async function openDatabase(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'history-hours-'));
  database = createHistoryDatabase(parseDatabaseUrl(`sqlite:${join(folder, 'presence.db')}`) as DatabaseLocation);
  await database.start();
  ended.push(async () => {
    await database.stop();
    rmSync(folder, { recursive: true, force: true });
  });
}

describe.each(['memory', 'redis'] as const)('over %s', (kind) => {
  /** A store that has counted nothing, as after it forgot. */
  async function begin(): Promise<PresenceStore> {
    const store = kind === 'redis' ? await redisStore({ url: redis.url, prefix: redis.prefix() }) : new MemoryStore();
    if (kind === 'memory') await store.start();
    ended.push(() => store.stop());
    return store;
  }

  const at = Date.now();
  const kept = (hourAt: number) => database.hours(hourAt);
  const writerOf = (store: PresenceStore) =>
    new HourWriter(store.analytics, (records) => database.saveHours(records, mergeSketches));
  const count = async (store: PresenceStore, users: number, from = 0): Promise<void> => {
    const events = Array.from({ length: users }, (_, n) =>
      store.analytics.count({ userId: `u${from + n}`, kind: n % 3 === 0 ? 'click' : 'impression', at }),
    );
    await Promise.all(events);
  };

  test.each([1, 500, 12_000])('[P16] %d users: the same before and after the hour is carried over', async (users) => {
    await openDatabase();
    const store = await begin();
    await count(store, users);
    const before = await readHour(at, store.analytics, kept);
    expect(before.clicks + before.impressions).toBe(users);
    await writerOf(store).flush();
    expect(await readHour(at, store.analytics, kept)).toEqual(before);
    // The store has let the hour go.
    expect(await readHour(at, (await begin()).analytics, kept)).toEqual(before);
  });

  test('[P16] while it is counted and carried over, every answer lies between what was counted', async () => {
    await openDatabase();
    const store = await begin();
    const writer = writerOf(store);
    let counted = 0;
    for (let round = 0; round < 20; round++) {
      const flushing = writer.flush();
      await count(store, 25, round * 25);
      counted += 25;
      const { clicks, impressions } = await readHour(at, store.analytics, kept);
      expect(clicks + impressions).toBe(counted);
      await flushing;
    }
    await writer.flush();
    const { clicks, impressions, uniqueUsers } = await readHour(at, (await begin()).analytics, kept);
    expect(clicks + impressions).toBe(counted);
    expect(Math.abs(uniqueUsers - 500)).toBeLessThanOrEqual(10);
  });

  test('[P16] a store that forgot begins anew: hits add up, users that come again do not', async () => {
    await openDatabase();
    const first = await begin();
    await count(first, 100);
    await writerOf(first).flush();
    const second = await begin();
    await count(second, 100, 50);
    for (const _ of [1, 2]) {
      const { clicks, impressions, uniqueUsers } = await readHour(at, second.analytics, kept);
      expect([clicks, impressions]).toEqual([68, 132]);
      expect(Math.abs(uniqueUsers - 150)).toBeLessThanOrEqual(3);
      // Before the second is carried over, and after.
      await writerOf(second).flush();
    }
  });

  test('[P16] two that carry over at once, and one that is late, change nothing', async () => {
    await openDatabase();
    const store = await begin();
    await count(store, 60);
    const stale = await store.analytics.hour(at);
    await count(store, 60, 30);
    const before = await readHour(at, store.analytics, kept);
    await Promise.all([writerOf(store).flush(), writerOf(store).flush()]);
    if (stale) await database.saveHours([stale], mergeSketches);
    expect(await readHour(at, (await begin()).analytics, kept)).toEqual(before);
  });

  test('an hour nobody counted in', async () => {
    await openDatabase();
    const nothing = { uniqueUsers: 0, clicks: 0, impressions: 0, approximate: false };
    const hourAt = Math.floor(at / HOUR_MS) * HOUR_MS;
    expect(await readHour(at, (await begin()).analytics, kept)).toEqual({ hourAt, ...nothing });
    expect(await readHour(at, (await begin()).analytics)).toEqual({ hourAt, ...nothing });
  });
});
