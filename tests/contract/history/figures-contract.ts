/** Concurrency by the minute, analytics by the hour, and how long all is kept. */
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { HistoryDatabase, HourRecord } from '../../../gateway/history/index.ts';
import { allOf, ended, type HistoryEngine, T, withHistory } from './history-fixture.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const M = Math.floor(T / MINUTE_MS) * MINUTE_MS;
const H = Math.floor(T / HOUR_MS) * HOUR_MS;

/** Bit sets: a merge that can be told from an overwrite, in any order. */
const union = (a: Uint8Array, b: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: Math.max(a.length, b.length) }, (_, i) => (a[i] ?? 0) | (b[i] ?? 0));

const hour = (more: Partial<HourRecord> = {}): HourRecord => ({
  hourAt: H,
  generation: 'g1',
  clicks: 0,
  impressions: 0,
  users: new Uint8Array(),
  ...more,
});

async function addMinutes(history: HistoryDatabase, sessions: readonly number[]): Promise<void> {
  for (const [i, count] of sessions.entries()) {
    const minuteAt = M + i * MINUTE_MS;
    await history.addSample({
      minuteAt,
      sampledAt: minuteAt + 1,
      users: count - 1,
      sessions: count,
      peakSessions: count + 10,
    });
  }
}

export function figuresContract(engine: HistoryEngine): void {
  describe('concurrency', () => {
    const minute = { from: M, to: M + MINUTE_MS, stepMs: MINUTE_MS };

    test('a minute has the greatest peak and the latest count, whoever writes and in whatever order', () =>
      withHistory(engine, async (history, fixture) => {
        const another = await fixture.open();
        const samples = Array.from({ length: 20 }, (_, i) => ({
          minuteAt: M,
          sampledAt: M + i * 100,
          users: 50 - i,
          sessions: 100 - i,
          peakSessions: 100 + ((i * 7) % 20),
        }));
        const shuffled = samples.map((_, i) => samples[(i * 13) % 20] as (typeof samples)[number]);
        await Promise.all(shuffled.map((sample, i) => (i % 2 ? history : another).addSample(sample)));
        const point = { at: M, users: 31, sessions: 81, peakSessions: 119 };
        expect(await history.concurrency(minute)).toEqual([point]);
        for (const sample of samples) await another.addSample(sample);
        expect(await history.concurrency(minute)).toEqual([point]);
      }));

    test('a step has the average of its minutes and their greatest peak; steps without samples are left out', () =>
      withHistory(engine, async (history) => {
        await addMinutes(history, [10, 11, 20, 30]);
        const later = M + 20 * MINUTE_MS;
        const beyond = Number.MAX_SAFE_INTEGER;
        await history.addSample({ minuteAt: later, sampledAt: later, users: 0, sessions: 0, peakSessions: beyond });
        const read = (from: number, to: number, stepMs: number) => history.concurrency({ from, to, stepMs });
        expect(await read(M, M + HOUR_MS, 2 * MINUTE_MS)).toEqual([
          { at: M, users: 10, sessions: 11, peakSessions: 21 },
          { at: M + 2 * MINUTE_MS, users: 24, sessions: 25, peakSessions: 40 },
          { at: later, users: 0, sessions: 0, peakSessions: beyond },
        ]);
        expect(await read(M + MINUTE_MS, M + 3 * MINUTE_MS, HOUR_MS)).toEqual([
          { at: M + MINUTE_MS, users: 15, sessions: 16, peakSessions: 30 },
        ]);
        expect(await read(M - 1, M + 1, 1)).toEqual([{ at: M, users: 9, sessions: 10, peakSessions: 20 }]);
        expect(await read(0, M, HOUR_MS * 24 * 365)).toEqual([]);
      }));

    test('more points than the bound are a mistake of the caller', () =>
      withHistory(engine, async (history) => {
        expect(await history.concurrency({ from: 0, to: 5_000, stepMs: 1 })).toEqual([]);
        await expect(history.concurrency({ from: 0, to: 5_001, stepMs: 1 })).rejects.toThrow(RangeError);
        for (const stepMs of [0, -1, 0.5, Number.NaN]) {
          await expect(history.concurrency({ from: 0, to: 1, stepMs })).rejects.toThrow(RangeError);
        }
      }));
  });

  describe('hours', () => {
    test('an hour never shrinks: hits are the greatest said, users the merge of all', () =>
      withHistory(engine, async (history) => {
        const save = (...records: HourRecord[]): Promise<void> => history.saveHours(records, union);
        await save(hour({ clicks: 5, impressions: 1, users: Uint8Array.of(0b001, 255) }));
        await save(hour({ clicks: 3, impressions: 9, users: Uint8Array.of(0b010) }));
        await save(hour({ clicks: 3, impressions: 9, users: Uint8Array.of(0b010) }));
        expect(await history.hours(H)).toEqual([hour({ clicks: 5, impressions: 9, users: Uint8Array.of(0b011, 255) })]);
      }));

    test('generations and hours are apart, and a sketch may be empty or large', () =>
      withHistory(engine, async (history) => {
        const large = Uint8Array.from({ length: 65_536 }, (_, i) => (i * 31) % 256);
        const records = [
          hour({ users: large, clicks: Number.MAX_SAFE_INTEGER }),
          hour({ generation: 'G1' }),
          hour({ hourAt: H + HOUR_MS, clicks: 7 }),
        ];
        await history.saveHours(records, union);
        expect(await history.hours(H)).toEqual([records[1], records[0]]);
        expect(await history.hours(H + HOUR_MS)).toEqual([records[2]]);
        expect(await history.hours(H - HOUR_MS)).toEqual([]);
      }));

    test('writers that save the same hours at once, in other orders, lose nothing', () =>
      withHistory(engine, async (history, fixture) => {
        const handles = [history, await fixture.open(), await fixture.open()];
        const hours = [0, 1, 2, 3].map((i) => H + i * HOUR_MS);
        const save = async (writer: number): Promise<void> => {
          const records = hours.map((hourAt) =>
            hour({ hourAt, clicks: writer, users: Uint8Array.of(1 << (writer % 8)) }),
          );
          await (handles[writer % 3] as HistoryDatabase).saveHours(writer % 2 ? records : records.reverse(), union);
        };
        await Promise.all([0, 1, 2, 3, 4, 5, 6, 7, 8].map(save));
        for (const hourAt of hours) {
          expect(await history.hours(hourAt)).toEqual([hour({ hourAt, clicks: 8, users: Uint8Array.of(255) })]);
        }
      }));

    test('a merge that fails is told to its caller and changes nothing', () =>
      withHistory(engine, async (history) => {
        await history.saveHours([hour({ clicks: 1 })], union);
        const fail = (): never => {
          throw new TypeError('not a sketch');
        };
        const records = [hour({ generation: 'g0' }), hour({ clicks: 2 })];
        await expect(history.saveHours(records, fail)).rejects.toThrow(TypeError);
        expect(await history.hours(H)).toEqual([hour({ clicks: 1 })]);
      }));
  });

  describe('trim', () => {
    test('deletes what is older, in batches, and says how many; the rest stays', () =>
      withHistory(engine, async (history) => {
        await history.addSessions(Array.from({ length: 95 }, (_, i) => ended({ sessionId: `s${i}`, endedAt: T + i })));
        await addMinutes(
          history,
          Array.from({ length: 15 }, () => 5),
        );
        await history.saveHours([hour(), hour({ generation: 'g2' }), hour({ hourAt: H + HOUR_MS })], union);
        expect(await history.trim({}, 10)).toEqual({ sessions: 0, samples: 0, hours: 0, more: false });
        const before = { sessionsBefore: T + 70, samplesBefore: M + 12 * MINUTE_MS, hoursBefore: H + 1 };
        expect(await history.trim(before, 10)).toEqual({ sessions: 70, samples: 12, hours: 2, more: false });
        expect(await history.trim(before, 10)).toEqual({ sessions: 0, samples: 0, hours: 0, more: false });
        expect((await allOf(history, { userId: 'u' })).map(({ endedAt }) => endedAt - T)).toEqual(
          Array.from({ length: 25 }, (_, i) => 94 - i),
        );
        expect(await history.concurrency({ from: 0, to: M + HOUR_MS, stepMs: MINUTE_MS * 1e6 })).toHaveLength(1);
        expect(await history.hours(H)).toEqual([]);
        expect(await history.hours(H + HOUR_MS)).toHaveLength(1);
        for (const batch of [0, 0.5, 10_001]) await expect(history.trim({}, batch)).rejects.toThrow(RangeError);
      }));

    test('others write meanwhile, and nothing of theirs is lost', () =>
      withHistory(engine, async (history, fixture) => {
        const another = await fixture.open();
        const rows = (from: number, endedAt: number) =>
          Array.from({ length: 500 }, (_, i) => ended({ sessionId: `s${from + i}`, endedAt }));
        await history.addSessions(rows(0, T));
        let trimming = true;
        const trimmed = history.trim({ sessionsBefore: T + 1 }, 20).finally(() => {
          trimming = false;
        });
        let written = 0;
        // SQLite's lock goes to whoever asks next, not to who waited longest: without a pause it could always be this one.
        for (; trimming; written += 500, await sleep(20)) await another.addSessions(rows(1_000 + written, T + 1));
        expect(await trimmed).toMatchObject({ sessions: 500, more: false });
        expect(written).toBeGreaterThan(0);
        expect(await allOf(history, { userId: 'u' })).toHaveLength(written);
      }));
  });
}
