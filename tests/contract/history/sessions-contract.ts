/** Ended sessions: one row each with its latest end, read in pages. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type EndedSession, HistoryError, MAX_ROWS } from '../../../gateway/history/index.ts';
import { HOSTILE_IDS } from '../../support/hostile-ids.ts';
import { allOf, ended, type HistoryEngine, T, withHistory } from './history-fixture.ts';

const LONGEST = `${'|Aa0_.:@-é'.repeat(25)}/+=,%`;
const AWKWARD = [
  `"';-- \\ %_\`?:$1`,
  '📺 Żółw %s %n \\0',
  'é'.repeat(64),
  '😀'.repeat(32),
  "\\'; drop table presence_sessions",
];

export function sessionsContract(engine: HistoryEngine): void {
  describe('sessions', () => {
    test('every field comes back as it was written, and what was absent is absent', () =>
      withHistory(engine, async (history) => {
        const rows: EndedSession[] = [
          ended({ userId: LONGEST, sessionId: LONGEST, streamId: LONGEST, segment: 2_147_483_647 }),
          ...AWKWARD.map((label, i) =>
            ended({ userId: LONGEST, sessionId: `s${i}`, deviceType: label, country: label, state: label }),
          ),
          ...(['left', 'timeout', 'node_lost', 'evicted', 'replaced', 'kicked', 'switched'] as const).map((reason) =>
            ended({ userId: LONGEST, sessionId: reason, reason, startedAt: T + 1, watchedMs: 0 }),
          ),
          ...(['socket', 'heartbeat', 'guard'] as const).map((via) =>
            ended({ userId: LONGEST, sessionId: via, via, watchedMs: Number.MAX_SAFE_INTEGER }),
          ),
        ];
        await history.addSessions(rows);
        expect(await allOf(history, { userId: LONGEST })).toEqual(rows.toReversed());
      }));

    test('[P13] rows are found by exactly the id that was asked for, whatever its characters', () =>
      withHistory(engine, async (history) => {
        const rows = HOSTILE_IDS.map((id) => ended({ userId: id, sessionId: id, streamId: id }));
        await history.addSessions(rows);
        for (const [i, id] of HOSTILE_IDS.entries()) {
          expect(await allOf(history, { userId: id })).toEqual([rows[i]]);
          expect(await allOf(history, { streamId: id })).toEqual([rows[i]]);
        }
      }));

    test('[P11] of two ends of one row the later is kept with all that belongs to it, in whatever order they come', () =>
      withHistory(engine, async (history, fixture) => {
        const another = await fixture.open();
        const name = (userId: string): Partial<EndedSession> => ({ userId, segment: 3 });
        const short = (userId: string): EndedSession =>
          ended({ ...name(userId), streamId: 'film', country: 'DE', reason: 'node_lost' });
        const long = (userId: string): EndedSession =>
          ended({
            ...name(userId),
            streamId: 'goal',
            deviceType: 'tv',
            state: 'CA',
            startedAt: T + 1_000,
            endedAt: T + 99_000,
            watchedMs: 98_000,
            reason: 'kicked',
            via: 'guard',
          });
        const orders: ((userId: string) => Promise<unknown>)[] = [
          (user) => history.addSessions([short(user), long(user)]),
          (user) => history.addSessions([long(user), short(user)]),
          (user) => history.addSessions([short(user)]).then(() => another.addSessions([long(user)])),
          (user) => history.addSessions([long(user)]).then(() => another.addSessions([short(user)])),
          (user) => Promise.all([history.addSessions([short(user)]), another.addSessions([long(user)])]),
        ];
        for (const [i, write] of orders.entries()) {
          const userId = `u${i}`;
          for (let time = 0; time < 3; time++) {
            await write(userId);
            expect(await allOf(history, { userId })).toEqual([long(userId)]);
          }
        }
        // Each index finds the row at its new place, and at that alone.
        expect(await allOf(history, { streamId: 'film' })).toEqual([]);
        expect(await allOf(history, { streamId: 'goal' })).toHaveLength(orders.length);
        expect(await allOf(history, { userId: 'u2', to: T + 99_000 })).toEqual([]);
        expect(await allOf(history, { userId: 'u2', from: T + 99_000 })).toEqual([long('u2')]);
        expect(await history.trim({ sessionsBefore: T + 99_000 }, 10)).toMatchObject({ sessions: 0 });
      }));

    test('[P11] a row that has an end is not changed by another of the same instant', () =>
      withHistory(engine, async (history) => {
        const first = ended({ streamId: 'film' });
        await history.addSessions([first, ended({ streamId: 'goal', reason: 'kicked' })]);
        await history.addSessions([ended({ streamId: 'goal', watchedMs: 1 })]);
        expect(await allOf(history, { userId: 'u' })).toEqual([first]);
      }));

    test('[P11] writers that repeat their rows, in any order and in any batches, keep the latest end of each', () =>
      withHistory(engine, async (history, fixture) => {
        const handles = [history, await fixture.open()];
        const some = fc.array(fc.record({ session: fc.nat(3), end: fc.nat(5) }), { minLength: 1, maxLength: 6 });
        let run = 0;
        await fc.assert(
          fc.asyncProperty(fc.array(some, { minLength: 1, maxLength: 6 }), async (batches) => {
            const userId = `u${++run}`;
            const row = ({ session, end }: { session: number; end: number }): EndedSession =>
              ended({ userId, sessionId: `s${session}`, endedAt: T + end, watchedMs: end, streamId: `f${end}` });
            await Promise.all(batches.map((batch, i) => handles[i % 2]?.addSessions(batch.map(row))));
            await history.addSessions((batches[0] ?? []).map(row));
            const latest = new Map<number, number>();
            for (const { session, end } of batches.flat()) latest.set(session, Math.max(end, latest.get(session) ?? 0));
            const expected = [...latest].map(([session, end]) => row({ session, end }));
            const inOrder = (a: EndedSession, b: EndedSession): number => (a.sessionId < b.sessionId ? -1 : 1);
            expect((await allOf(history, { userId })).sort(inOrder)).toEqual(expected.sort(inOrder));
          }),
          { numRuns: 40 },
        );
      }));

    test('a row is named by user, session, start and segment, each compared byte by byte', () =>
      withHistory(engine, async (history) => {
        const rows = [
          ended({ userId: '07' }),
          ended({ userId: '7' }),
          ended({ userId: 'A' }),
          ended({ userId: 'a' }),
          ended({ userId: 'a', sessionId: 'S' }),
          ended({ userId: 'a', segment: 1 }),
          ended({ userId: 'a', sessionStartedAt: T + 1 }),
        ];
        await history.addSessions(rows);
        expect(await allOf(history, { userId: '7' })).toEqual([rows[1]]);
        expect(await allOf(history, { userId: 'A' })).toEqual([rows[2]]);
        expect(await allOf(history, { userId: 'a' })).toEqual(rows.slice(3).reverse());
      }));

    test('10,000 rows are one call, written twice at once without a double; one more is refused', () =>
      withHistory(engine, async (history, fixture) => {
        const rows = Array.from({ length: MAX_ROWS }, (_, i) => ended({ sessionId: `s${i}`, streamId: `f${i % 3}` }));
        const another = await fixture.open();
        await Promise.all([history.addSessions(rows), another.addSessions(rows)]);
        const sessionIds = (await allOf(history, { userId: 'u' })).map(({ sessionId }) => sessionId);
        expect(sessionIds).toHaveLength(MAX_ROWS);
        expect(new Set(sessionIds).size).toBe(MAX_ROWS);
        await expect(history.addSessions([...rows, ended()])).rejects.toThrow(RangeError);
        await history.addSessions([]);
      }));

    test('rows of one call are written all or none', () =>
      withHistory(engine, async (history) => {
        const rows = Array.from({ length: 600 }, (_, i) => ended({ sessionId: `s${i}` }));
        const bad = ended({ sessionId: 'bad', watchedMs: Number.NaN });
        await expect(history.addSessions([...rows, bad])).rejects.toThrow(HistoryError);
        expect(await allOf(history, { userId: 'u' })).toEqual([]);
        await history.addSessions(rows);
        expect(await allOf(history, { userId: 'u' })).toHaveLength(600);
      }));

    test('from is in, to is out, by the instant of the end', () =>
      withHistory(engine, async (history) => {
        const rows = [1, 2, 3].map((i) => ended({ sessionId: `s${i}`, streamId: 'f', endedAt: T + i }));
        await history.addSessions(rows);
        const between = async (range: { from?: number; to?: number }): Promise<string[]> =>
          (await allOf(history, { streamId: 'f', ...range }, 1)).map(({ sessionId }) => sessionId);
        expect(await between({ from: T + 2 })).toEqual(['s3', 's2']);
        expect(await between({ to: T + 2 })).toEqual(['s1']);
        expect(await between({ from: T + 2, to: T + 3 })).toEqual(['s2']);
        expect(await between({ from: T + 2, to: T + 2 })).toEqual([]);
        expect(await between({ from: T + 4 })).toEqual([]);
      }));

    test('pages are complete, in order and without doubles, while rows come in between', () =>
      withHistory(engine, async (history) => {
        let run = 0;
        const row = fc.record({
          user: fc.integer({ min: 0, max: 1 }),
          stream: fc.option(fc.integer({ min: 0, max: 1 }), { nil: undefined }),
          // Few instants, so that many rows end at the same one.
          end: fc.integer({ min: 0, max: 3 }),
        });
        const asked = fc.record({
          by: fc.constantFrom('user', 'stream', 'both'),
          limit: fc.integer({ min: 1, max: 6 }),
          from: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
          to: fc.option(fc.integer({ min: 0, max: 4 }), { nil: undefined }),
        });
        await fc.assert(
          fc.asyncProperty(
            fc.array(row, { maxLength: 30 }),
            fc.array(row, { maxLength: 12 }),
            asked,
            async (before, between, ask) => {
              run++;
              const make = ({ user, stream, end }: (typeof before)[number], i: number, when: string): EndedSession =>
                ended({
                  userId: `u${run}-${user}`,
                  sessionId: `${when}${i}`,
                  endedAt: T + end,
                  ...(stream === undefined ? {} : { streamId: `f${run}-${stream}` }),
                });
              const stored = before.map((one, i) => make(one, i, 'before'));
              const late = between.map((one, i) => make(one, i, 'late'));
              const query = {
                ...(ask.by === 'stream' ? {} : { userId: `u${run}-0` }),
                ...(ask.by === 'user' ? {} : { streamId: `f${run}-0` }),
                ...(ask.from === undefined ? {} : { from: T + ask.from }),
                ...(ask.to === undefined ? {} : { to: T + ask.to }),
              };
              const expected = stored
                .map((one, i) => ({ one, i }))
                .filter(
                  ({ one }) =>
                    (query.userId === undefined || one.userId === query.userId) &&
                    (query.streamId === undefined || one.streamId === query.streamId) &&
                    (query.from === undefined || one.endedAt >= query.from) &&
                    (query.to === undefined || one.endedAt < query.to),
                )
                .sort((a, b) => b.one.endedAt - a.one.endedAt || b.i - a.i)
                .map(({ one }) => one);
              await history.addSessions(stored);
              expect(await allOf(history, query, ask.limit)).toEqual(expected);

              const seen: EndedSession[] = [];
              for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
                const page = await history.sessions({ ...query, limit: ask.limit, ...(cursor ? { cursor } : {}) });
                expect(page.sessions.length).toBeLessThanOrEqual(ask.limit);
                seen.push(...page.sessions);
                cursor = page.cursor;
                await history.addSessions(late.splice(0, 3));
              }
              expect(seen.filter(({ sessionId }) => sessionId.startsWith('before'))).toEqual(expected);
              expect(new Set(seen.map(({ userId, sessionId }) => `${userId} ${sessionId}`)).size).toBe(seen.length);
              const ends = seen.map(({ endedAt }) => endedAt);
              expect(ends).toEqual(ends.toSorted((a, b) => b - a));
            },
          ),
          { numRuns: 40 },
        );
      }));

    test('a last page has no cursor, also when it is full', () =>
      withHistory(engine, async (history) => {
        await history.addSessions([1, 2, 3, 4].map((i) => ended({ sessionId: `s${i}` })));
        const first = await history.sessions({ userId: 'u', limit: 2 });
        expect(first.sessions).toHaveLength(2);
        const last = await history.sessions({ userId: 'u', limit: 2, cursor: first.cursor as string });
        expect(last.sessions).toHaveLength(2);
        expect(last.cursor).toBeUndefined();
        expect(await history.sessions({ userId: 'nobody', limit: 2 })).toEqual({ sessions: [] });
      }));

    test('a cursor that is none, or of another query, is refused as such', () =>
      withHistory(engine, async (history) => {
        await history.addSessions([1, 2, 3].map((i) => ended({ sessionId: `s${i}`, streamId: 'f' })));
        const { cursor } = await history.sessions({ userId: 'u', limit: 1 });
        const refused = { code: 'invalid_cursor', retryable: false };
        const forged = Buffer.from(`s1.${'9'.repeat(16)}.1.AAAAAAAAAAA`).toString('base64url');
        for (const garbage of ['', 'x', '🙂', `${cursor}x`, forged, 'A'.repeat(10_000), "' or 1=1 --"]) {
          await expect(history.sessions({ userId: 'u', limit: 1, cursor: garbage })).rejects.toMatchObject(refused);
        }
        const others = [{ userId: 'v' }, { streamId: 'u' }, { userId: 'u', streamId: 'f' }, { userId: 'u', from: 0 }];
        for (const other of others) {
          await expect(history.sessions({ ...other, limit: 1, cursor: cursor as string })).rejects.toMatchObject(
            refused,
          );
        }
        const rest = await history.sessions({ userId: 'u', limit: 500, cursor: cursor as string });
        expect(rest.sessions).toHaveLength(2);
      }));

    test('a query of nobody, and a page of no size or beyond the bound, are mistakes of the caller', () =>
      withHistory(engine, async (history) => {
        await expect(history.sessions({ limit: 1 })).rejects.toThrow(RangeError);
        for (const limit of [0, 501, 1.5, Number.NaN]) {
          await expect(history.sessions({ userId: 'u', limit })).rejects.toThrow(RangeError);
        }
      }));
  });
}
