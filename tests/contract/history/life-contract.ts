/** Starting, stopping, and how much may be asked at once. */
import { describe, expect, test } from '@jest/globals';
import { type HistoryDatabase, HistoryError } from '../../../gateway/history/index.ts';
import { historyProcess } from '../../support/history-process.ts';
import { until } from '../../support/servers.ts';
import { allOf, ended, type HistoryEngine, HistoryFixture, withHistory } from './history-fixture.ts';

const ROUNDS = 12;
const STARTERS = 4;

export function lifeContract(engine: HistoryEngine): void {
  describe('life', () => {
    test('processes that start at once on an empty database all do', async () => {
      const starters = Array.from({ length: STARTERS }, () => historyProcess(['start']));
      try {
        for (let round = 1; round <= ROUNDS; round++) {
          const url = await engine.newUrl();
          for (const { child } of starters) child.stdin.write(`${url}\n`);
          await until(() => starters.every(({ lines }) => lines.length >= round));
          for (const { lines } of starters) expect(lines.at(-1)).toBe('started');
        }
      } finally {
        for (const starter of starters) await starter.kill();
      }
    }, 120_000);

    test('handles that start at once, and one that starts twice, do; what was written is there after a restart', () =>
      withHistory(engine, async (history, fixture) => {
        await history.addSessions([ended()]);
        const handles = [fixture.handle(), fixture.handle()];
        await Promise.all([...handles, ...handles].map((handle) => handle.start()));
        await history.stop();
        for (const handle of handles) expect(await allOf(handle, { userId: 'u' })).toEqual([ended()]);
      }));

    test('a database that a newer version has changed is refused, with what to do', () =>
      withHistory(engine, async (_, fixture) => {
        const noted = "insert into presence_migrations values ('9999-later', '2099-01-01T00:00:00.000Z')";
        await engine.execute(fixture.url, noted);
        const older = fixture.handle();
        await expect(older.start()).rejects.toMatchObject({ code: 'history_misconfigured', retryable: false });
        await expect(older.start()).rejects.toThrow(/newer version \(9999-later\)/);
        await expect(older.ping()).rejects.toMatchObject({ code: 'history_unavailable' });
      }));

    test('before the start and after the stop every call is refused', async () => {
      const fixture = new HistoryFixture(await engine.newUrl());
      const history = fixture.handle();
      const calls = (one: HistoryDatabase): Promise<unknown>[] => [
        one.ping(),
        one.addSessions([ended()]),
        one.addSample({ minuteAt: 0, sampledAt: 0, users: 0, sessions: 0, peakSessions: 0 }),
        one.saveHours([{ hourAt: 0, generation: 'g', clicks: 0, impressions: 0, users: new Uint8Array() }], (a) => a),
        one.hours(0),
        one.sessions({ userId: 'u', limit: 1 }),
        one.concurrency({ from: 0, to: 1, stepMs: 1 }),
        one.trim({ sessionsBefore: 1 }, 1),
      ];
      const refused = async (): Promise<void> => {
        for (const call of await Promise.allSettled(calls(history))) {
          expect(call).toMatchObject({ status: 'rejected', reason: { code: 'history_unavailable' } });
        }
      };
      await refused();
      await history.start();
      await Promise.all(calls(history));
      await Promise.all([history.stop(), history.stop()]);
      await refused();
      await expect(history.start()).rejects.toMatchObject({ code: 'history_unavailable' });
    });

    test('what is in flight ends before the stop does', () =>
      withHistory(engine, async (history, fixture) => {
        const another = await fixture.open();
        const writing = Array.from({ length: 20 }, (_, i) => another.addSessions([ended({ sessionId: `s${i}` })]));
        await another.stop();
        await Promise.all(writing);
        expect(await allOf(history, { userId: 'u' })).toHaveLength(20);
      }));

    test('[P14] calls beyond the bound are refused at once, and the others answered', () =>
      withHistory(engine, async (history) => {
        const calls = await Promise.allSettled(Array.from({ length: 500 }, () => history.ping()));
        const answered = calls.filter(({ status }) => status === 'fulfilled').length;
        expect(answered).toBeGreaterThan(0);
        expect(answered).toBeLessThan(100);
        for (const call of calls) if (call.status === 'rejected') expect(call.reason).toBeInstanceOf(HistoryError);
        await history.ping();
      }));
  });
}
