/** Clicks and impressions by the UTC hour (P16). */
import { describe, expect, test } from '@jest/globals';
import { readHour } from '../../../gateway/history/hour-analytics.ts';
import type { EventKind, HourRecord, PresenceStore } from '../../../presence-core/index.ts';
import { countSketches, mergeSketches } from '../../../presence-core/sketches.ts';
import { type CreateStore, LONG, withFixture } from './store-fixture.ts';

const HOUR_MS = 3_600_000;
const MANY_USERS = 100_000;
const USERS_AT_ONCE = 10_000;

/** The last whole hour of the store's clock: no test outlives its being kept. */
async function lastHour(store: PresenceStore): Promise<number> {
  const { now } = await store.nodes.join('clock', LONG);
  return Math.floor(now / HOUR_MS - 1) * HOUR_MS;
}

export function analyticsContract(create: CreateStore): void {
  describe('analytics', () => {
    test('[P16] hits are exact, a user counts once an hour, and an hour nobody named is all zero', () =>
      withFixture(create, async ({ store }) => {
        const hourAt = await lastHour(store);
        const nothing = { hourAt, uniqueUsers: 0, clicks: 0, impressions: 0, approximate: false };
        expect(await readHour(hourAt, store.analytics)).toEqual(nothing);
        const events: [string, EventKind][] = [
          ['u', 'click'],
          ['u', 'click'],
          ['u', 'impression'],
          ['07', 'impression'],
          ['7', 'impression'],
        ];
        for (const [userId, kind] of events) await store.analytics.count({ userId, kind, at: hourAt + 1 });
        const { approximate, ...counted } = await readHour(hourAt, store.analytics);
        expect(counted).toEqual({ hourAt, uniqueUsers: 3, clicks: 2, impressions: 3 });
        expect(approximate).toBe(store.isShared);
        expect(await store.reads.counts([{ by: 'total' }])).toEqual([{ users: 0, sessions: 0 }]);
      }));

    test('[P16] an hour begins on its first millisecond and ends before the next', () =>
      withFixture(create, async ({ store }) => {
        const hourAt = await lastHour(store);
        const at = [hourAt - 1, hourAt, hourAt + HOUR_MS - 1, hourAt + HOUR_MS];
        await Promise.all(at.map((instant) => store.analytics.count({ userId: 'u', kind: 'click', at: instant })));
        const hours = await Promise.all(at.map((instant) => readHour(instant, store.analytics)));
        expect(hours.map((hour) => [(hour.hourAt - hourAt) / HOUR_MS, hour.clicks, hour.uniqueUsers])).toEqual([
          [-1, 1, 1],
          [0, 2, 1],
          [0, 2, 1],
          [1, 1, 1],
        ]);
        expect(new Date(hourAt).toISOString()).toMatch(/:00:00\.000Z$/);
      }));

    test('[P16] an event may be a day late; one of an hour that is kept no longer is dropped', () =>
      withFixture(create, async ({ store }) => {
        const hourAt = await lastHour(store);
        const clicks = async (at: number): Promise<number> => {
          await store.analytics.count({ userId: 'u', kind: 'click', at });
          return (await readHour(at, store.analytics)).clicks;
        };
        expect(await clicks(hourAt - 24 * HOUR_MS)).toBe(1);
        expect(await clicks(hourAt - 28 * HOUR_MS)).toBe(0);
        expect(await clicks(hourAt + HOUR_MS)).toBe(1);
      }));

    test('[P16] 2,000 events at once by two handles are each counted once', () =>
      withFixture(create, async ({ store, held }) => {
        const hourAt = await lastHour(store);
        const handles = [store, await held.second()];
        const events = Array.from({ length: 2_000 }, (_, i) => ({
          userId: `u${i % 300}`,
          kind: i % 4 === 0 ? ('click' as const) : ('impression' as const),
          at: hourAt + i,
        }));
        await Promise.all(events.map((event, i) => (handles[i % 2] as PresenceStore).analytics.count(event)));
        for (const handle of handles) {
          const { clicks, impressions, uniqueUsers } = await readHour(hourAt, handle.analytics);
          expect({ clicks, impressions }).toEqual({ clicks: 500, impressions: 1_500 });
          expect(Math.abs(uniqueUsers - 300)).toBeLessThanOrEqual(3);
        }
      }));

    test('[P16] unique users are within 1 % at 100,000, hits exact', () =>
      withFixture(create, async ({ store }) => {
        const hourAt = await lastHour(store);
        for (let first = 0; first < MANY_USERS; first += USERS_AT_ONCE) {
          const users = Array.from({ length: USERS_AT_ONCE }, (_, i) => `user-${first + i}`);
          await Promise.all(users.map((userId) => store.analytics.count({ userId, kind: 'impression', at: hourAt })));
        }
        const { uniqueUsers, impressions, approximate } = await readHour(hourAt, store.analytics);
        expect({ impressions, approximate }).toEqual({ impressions: MANY_USERS, approximate: true });
        expect(Math.abs(uniqueUsers - MANY_USERS)).toBeLessThanOrEqual(MANY_USERS / 100);
      }));

    test('[P16] an hour’s record says what its generation counted, by any handle, and whose users', () =>
      withFixture(create, async ({ store, held }) => {
        const hourAt = await lastHour(store);
        expect(await store.analytics.hours()).toEqual([]);
        expect(await store.analytics.hour(hourAt)).toBeNull();
        for (const userId of ['u', 'v']) await store.analytics.count({ userId, kind: 'click', at: hourAt + 1 });
        await store.analytics.count({ userId: 'u', kind: 'impression', at: hourAt + HOUR_MS });
        const [first, second, ...rest] = await store.analytics.hours();
        expect(rest).toEqual([]);
        expect(first).toEqual({ hourAt, generation: first?.generation, clicks: 2, impressions: 0 });
        expect(second).toMatchObject({ hourAt: hourAt + HOUR_MS, clicks: 0, impressions: 1 });
        expect(first?.generation).toMatch(/^[0-9a-f]{16}$/);
        const early = (await store.analytics.hour(hourAt)) as HourRecord;
        await (await held.second()).analytics.count({ userId: 'w', kind: 'impression', at: hourAt + 2 });
        const late = (await store.analytics.hour(hourAt + 5)) as HourRecord;
        expect(late).toMatchObject({ ...first, impressions: 1 });
        for (const sketches of [[late.users], [early.users, late.users], [mergeSketches(early.users, late.users)]]) {
          expect(countSketches(sketches)).toEqual({ uniqueUsers: 3, approximate: store.isShared });
        }
      }));

    test('[P16] what is counted after the store forgot is another generation', () =>
      withFixture(create, async ({ store, held }) => {
        if (held.forget === undefined) return;
        const hourAt = await lastHour(store);
        const count = async (userId: string): Promise<HourRecord> => {
          await store.analytics.count({ userId, kind: 'click', at: hourAt });
          return (await store.analytics.hour(hourAt)) as HourRecord;
        };
        await count('u');
        const before = await count('v');
        await held.forget();
        const after = await count('w');
        expect(before.clicks).toBe(2);
        expect(after.clicks).toBe(1);
        expect(after.generation).not.toBe(before.generation);
        expect((await count('u')).generation).toBe(after.generation);
        expect(countSketches([before.users, after.users]).uniqueUsers).toBe(3);
      }));
  });
}
