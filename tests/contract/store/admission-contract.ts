/** Who gets in: truth, admission, policies, limits, ids (P1, P2, P4–P6, P13, P14). */
import { describe, expect, test } from '@jest/globals';
import { PRESENCE_ONLY } from '../../../presence-core/session.ts';
import { type CreateStore, FULL, LONG, PAST, SHORT, socket, withFixture } from './store-fixture.ts';

export function admissionContract(create: CreateStore): void {
  describe('admission', () => {
    test('[P1] a session is live until its lease ends, without any sweep', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's', { leaseMs: SHORT });
        expect(await fixture.isOnline('u')).toBe(true);
        expect(await fixture.liveIds('u')).toEqual(['s']);
        await fixture.advance(PAST);
        expect(await fixture.isOnline('u')).toBe(false);
        expect(await fixture.liveIds('u')).toEqual([]);
      }));

    test('[P1] an act on a session that expired and was not swept finds it gone', () =>
      withFixture(create, async (fixture) => {
        for (const id of ['renew', 'update', 'close', 'detach']) {
          await fixture.opened(id, 's', { leaseMs: SHORT });
        }
        await fixture.advance(PAST);
        const owner = 'heartbeat' as const;
        const { store } = fixture;
        expect(await store.sessions.renew([{ userId: 'renew', sessionId: 's', owner, leaseMs: LONG }])).toEqual([
          { outcome: 'gone' },
        ]);
        expect(await store.sessions.update({ userId: 'update', sessionId: 's', attributes: FULL })).toEqual({
          outcome: 'gone',
        });
        expect(await store.sessions.close({ userId: 'close', sessionId: 's', reason: 'left' })).toEqual({
          outcome: 'gone',
        });
        expect(await store.sessions.detach([{ userId: 'detach', sessionId: 's', owner }], LONG)).toEqual([
          { outcome: 'gone' },
        ]);
        expect(await store.sessions.kick('renew')).toEqual([]);
      }));

    test('[P4] open tells what it did: opened, then renewed with the same start', () =>
      withFixture(create, async (fixture) => {
        const first = await fixture.open('u', 's', { attributes: FULL });
        expect(first).toMatchObject({ outcome: 'opened', current: 1, max: 3, displaced: [] });
        await fixture.advance(20);
        const again = await fixture.open('u', 's', { attributes: FULL });
        expect(again).toMatchObject({ outcome: 'renewed', current: 1, max: 3, displaced: [] });
        if (first.outcome !== 'opened' || again.outcome !== 'renewed') throw new Error('narrowing');
        expect(first.expiresAt - first.startedAt).toBe(LONG);
        expect(again.startedAt).toBe(first.startedAt);
        expect(again.expiresAt).toBeGreaterThan(first.expiresAt);
        expect(await fixture.sessionsOf('u')).toEqual([
          {
            ...FULL,
            userId: 'u',
            sessionId: 's',
            via: 'heartbeat',
            startedAt: first.startedAt,
            expiresAt: again.expiresAt,
          },
        ]);
      }));

    test('[P4] a session that expired is ended and opened anew, not renewed', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's', { leaseMs: SHORT });
        await fixture.advance(PAST);
        expect(await fixture.open('u', 's')).toMatchObject({ outcome: 'opened', current: 1 });
        expect(await fixture.story()).toEqual(['open s online', 'close s timeout offline', 'open s online']);
      }));

    test('[P4] expired sessions of the user free their slots without a sweep', () =>
      withFixture(create, async (fixture) => {
        for (const id of ['a', 'b', 'c']) await fixture.opened('u', id, { leaseMs: SHORT });
        expect(await fixture.open('u', 'd')).toMatchObject({ outcome: 'refused' });
        await fixture.advance(PAST);
        expect(await fixture.open('u', 'd')).toMatchObject({ outcome: 'opened', current: 1 });
      }));

    test('[P4] a renewal is allowed above the limit and takes over what is given, keeping the rest', () =>
      withFixture(create, async (fixture) => {
        await fixture.openedInTurn('u', 'a', 'b', 'c');
        await fixture.open('u', 'a', { attributes: FULL });
        expect(await fixture.open('u', 'a', { limit: 1, attributes: { deviceType: 'phone' } })).toMatchObject({
          outcome: 'renewed',
          current: 3,
          max: 1,
        });
        expect((await fixture.sessionsOf('u'))[0]).toMatchObject({ ...FULL, deviceType: 'phone' });
      }));

    test('[P4] a renewal carries out no replacement', () =>
      withFixture(create, async (fixture) => {
        await fixture.openedInTurn('u', 'a', 'b');
        expect(await fixture.open('u', 'a', { replace: ['b'] })).toMatchObject({ outcome: 'renewed', displaced: [] });
        expect(await fixture.liveIds('u')).toEqual(['a', 'b']);
      }));

    test('[P4] of 100 parallel opens by each of 50 users exactly three are let in', () =>
      withFixture(create, async (fixture) => {
        const stores = [fixture.store, await fixture.held.second()];
        const outcomes: unknown[] = [];
        // Ten users at once: on a busy machine 5,000 opens take longer than a command may.
        for (let first = 0; first < 50; first += 10) {
          const opens = Array.from({ length: 1000 }, (_, i) =>
            stores[Math.floor(i / 10) % 2]?.sessions.open({
              userId: `u${first + (i % 10)}`,
              sessionId: `s${i}`,
              attributes: {},
              owner: 'heartbeat',
              leaseMs: LONG,
              intent: 'fresh',
            }),
          );
          outcomes.push(...(await Promise.all(opens)).map((result) => result?.outcome));
        }
        expect(outcomes.filter((outcome) => outcome === 'opened')).toHaveLength(150);
        expect(outcomes.filter((outcome) => outcome === 'refused')).toHaveLength(4850);
        const users = await fixture.store.reads.sessions(Array.from({ length: 50 }, (_, i) => `u${i}`));
        expect(users.map((user) => user.sessions.length)).toEqual(Array(50).fill(3));
      }));

    test('[P4] a presence-only mark takes no slot, is counted by nobody and keeps the user online', () =>
      withFixture(create, async (fixture) => {
        const mark = { owner: 'presence', intent: 'beat' } as const;
        await fixture.openedInTurn('u', 'a', 'b', 'c');
        expect(await fixture.open('u', PRESENCE_ONLY, mark)).toMatchObject({ outcome: 'opened', current: 3 });
        expect(await fixture.open('u', PRESENCE_ONLY, mark)).toMatchObject({ outcome: 'renewed', current: 3 });
        expect(await fixture.open('u', 'd')).toMatchObject({ outcome: 'refused', current: 3 });
        expect(await fixture.liveIds('u')).toEqual(['a', 'b', 'c']);
        await fixture.open('v', PRESENCE_ONLY, mark);
        expect(await fixture.store.reads.status(['v'])).toMatchObject([{ online: true, sessions: 0 }]);
        expect(await fixture.open('v', 'a', { limit: 1 })).toMatchObject({ outcome: 'opened', current: 1 });
        expect(await fixture.open('v', 'b', { limit: 1, onLimit: 'evict-oldest' })).toMatchObject({
          outcome: 'opened',
          current: 1,
          displaced: [{ reason: 'evicted', session: { sessionId: 'a' } }],
        });
        expect(await fixture.isOnline('v')).toBe(true);
      }));

    test('[P5] reject tells who holds the slots, oldest first, and when the first could free', () =>
      withFixture(create, async (fixture) => {
        await fixture.openedInTurn('u', 'z', 'a');
        await fixture.opened('u', 'm', { leaseMs: LONG / 2, attributes: FULL });
        const sessions = await fixture.sessionsOf('u');
        expect(await fixture.open('u', 'late')).toEqual({
          outcome: 'refused',
          current: 3,
          max: 3,
          conflicts: sessions,
          nextFreeAt: sessions[2]?.expiresAt,
          displaced: [],
        });
        expect(sessions.map((session) => session.sessionId)).toEqual(['z', 'a', 'm']);
        expect(await fixture.liveIds('u')).toEqual(['z', 'a', 'm']);
      }));

    test('[P5] evict-oldest ends the oldest in the same step and hands its row over', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        await fixture.opened('u', 'z', { owner: socket('n', 7), attributes: FULL });
        await fixture.advance(5);
        await fixture.openedInTurn('u', 'a', 'b');
        const [oldest] = await fixture.sessionsOf('u');
        const result = await fixture.open('u', 'c', { onLimit: 'evict-oldest' });
        expect(result).toMatchObject({ outcome: 'opened', current: 3, max: 3 });
        expect(result).toHaveProperty('displaced', [{ session: oldest, owner: socket('n', 7), reason: 'evicted' }]);
        expect(await fixture.liveIds('u')).toEqual(['a', 'b', 'c']);
      }));

    test('[P5] evict-oldest goes by id among sessions that started together', () =>
      withFixture(create, async (fixture) => {
        for (const id of ['b', 'a', 'c']) await fixture.opened('u', id, { intent: 'restore', startedAt: 1000 });
        const result = await fixture.open('u', 'd', { onLimit: 'evict-oldest' });
        expect(result).toMatchObject({ outcome: 'opened', displaced: [{ session: { sessionId: 'a' } }] });
      }));

    test('[P5] evict-oldest ends several when the limit was lowered', () =>
      withFixture(create, async (fixture) => {
        await fixture.openedInTurn('u', 'a', 'b', 'c');
        const result = await fixture.open('u', 'd', { limit: 2, onLimit: 'evict-oldest' });
        expect(result).toMatchObject({ outcome: 'opened', current: 2, max: 2 });
        expect(result).toMatchObject({ displaced: [{ session: { sessionId: 'a' } }, { session: { sessionId: 'b' } }] });
        expect(await fixture.liveIds('u')).toEqual(['c', 'd']);
      }));

    test('[P5] replace ends the named sessions of the same user, and passes over all other names', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('v', 'foreign');
        await fixture.openedInTurn('u', 'a', 'b', 'c');
        await fixture.opened('w', 'dead', { leaseMs: SHORT });
        const replace = ['foreign', 'b', 'never', 'new', 'b'];
        const result = await fixture.open('u', 'new', { replace });
        expect(result).toMatchObject({ outcome: 'opened', current: 3 });
        expect(result).toMatchObject({ displaced: [{ session: { sessionId: 'b' }, reason: 'replaced' }] });
        expect(result).toHaveProperty('displaced.length', 1);
        expect(await fixture.liveIds('u')).toEqual(['a', 'c', 'new']);
        expect(await fixture.liveIds('v')).toEqual(['foreign']);
      }));

    test('[P5] replace passes over a session that has expired: it timed out', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 'dead', { leaseMs: SHORT });
        await fixture.advance(PAST);
        expect(await fixture.open('u', 'new', { replace: ['dead'] })).toMatchObject({
          outcome: 'opened',
          displaced: [],
        });
        expect(await fixture.story()).toEqual(['open dead online', 'close dead timeout offline', 'open new online']);
        expect(await fixture.open('u', 'dead', { intent: 'resume' })).toMatchObject({ outcome: 'opened' });
      }));

    test('[P5] replace is carried out even if there is still no room', () =>
      withFixture(create, async (fixture) => {
        await fixture.openedInTurn('u', 'a', 'b', 'c');
        const result = await fixture.open('u', 'new', { limit: 1, replace: ['a'] });
        expect(result).toMatchObject({ outcome: 'refused', current: 2, max: 1 });
        expect(result).toMatchObject({
          displaced: [{ session: { sessionId: 'a' }, reason: 'replaced' }],
          conflicts: [{ sessionId: 'b' }, { sessionId: 'c' }],
        });
        expect(await fixture.liveIds('u')).toEqual(['b', 'c']);
      }));

    test('[P5] replace comes before eviction', () =>
      withFixture(create, async (fixture) => {
        await fixture.openedInTurn('u', 'a', 'b', 'c');
        const result = await fixture.open('u', 'new', { replace: ['c'], onLimit: 'evict-oldest' });
        expect(result).toMatchObject({ outcome: 'opened', current: 3, displaced: [{ session: { sessionId: 'c' } }] });
        expect(await fixture.liveIds('u')).toEqual(['a', 'b', 'new']);
      }));

    test('[P5] a replaced or evicted session does not take its user offline in between', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 'a', { limit: 1 });
        await fixture.open('u', 'b', { limit: 1, replace: ['a'] });
        await fixture.open('u', 'c', { limit: 1, onLimit: 'evict-oldest' });
        expect(await fixture.story()).toEqual([
          'open a online',
          'close a replaced',
          'open b',
          'close b evicted',
          'open c',
        ]);
      }));

    test('[P6] the request’s limit counts before the override, the override before the default', () =>
      withFixture(
        create,
        async (fixture) => {
          const { store } = fixture;
          expect(await store.limits.override('u')).toBeNull();
          expect(await fixture.open('u', 'a')).toMatchObject({ outcome: 'opened', max: 2 });
          await store.limits.setOverride('u', 1);
          expect(await store.limits.override('u')).toBe(1);
          expect(await fixture.open('u', 'b')).toMatchObject({ outcome: 'refused', max: 1 });
          expect(await fixture.open('u', 'b', { limit: 4 })).toMatchObject({ outcome: 'opened', max: 4 });
          await store.limits.setOverride('u', null);
          expect(await store.limits.override('u')).toBeNull();
          expect(await fixture.open('u', 'c')).toMatchObject({ outcome: 'refused', max: 2 });
        },
        { defaultLimit: 2 },
      ));

    test('[P6] a limit lowered below the live count ends nobody and refuses new ones', () =>
      withFixture(create, async (fixture) => {
        await fixture.openedInTurn('u', 'a', 'b', 'c');
        await fixture.store.limits.setOverride('u', 1);
        expect(await fixture.liveIds('u')).toEqual(['a', 'b', 'c']);
        expect(await fixture.open('u', 'b')).toMatchObject({ outcome: 'renewed', current: 3, max: 1 });
        expect(await fixture.open('u', 'd')).toMatchObject({ outcome: 'refused', current: 3, max: 1 });
      }));

    test('[P6] reads tell the override, else the newest session’s limit, else the default', () =>
      withFixture(create, async (fixture) => {
        const max = async (userId: string) => (await fixture.store.reads.sessions([userId]))[0]?.max;
        expect(await max('u')).toBe(3);
        await fixture.opened('u', 'a', { limit: 5 });
        await fixture.advance(5);
        await fixture.opened('u', 'b', { limit: 7 });
        expect(await max('u')).toBe(7);
        await fixture.open('u', 'a', { limit: 6 });
        expect(await max('u')).toBe(7);
        await fixture.open('u', 'b', { limit: 8 });
        expect(await max('u')).toBe(8);
        await fixture.store.limits.setOverride('u', 2);
        expect(await max('u')).toBe(2);
        await fixture.store.limits.setOverride('u', null);
        await fixture.store.sessions.close({ userId: 'u', sessionId: 'b', reason: 'left' });
        expect(await max('u')).toBe(6);
      }));

    test('[P13] ids are exact strings: none merges with another pair or key', () =>
      withFixture(create, async (fixture) => {
        const pairs = [
          ['7', '07'],
          ['07', '7'],
          ['a:b', 'c'],
          ['a', 'b:c'],
          ['a.b', 'c'],
          ['a', 'b.c'],
          ['A', 'b:c'],
          ['__proto__', 'constructor'],
          ['u'.repeat(128), 's'.repeat(128)],
        ] as const;
        for (const [userId, sessionId] of pairs)
          await fixture.opened(userId, sessionId, { attributes: { streamId: sessionId } });
        for (const [userId, sessionId] of pairs) expect(await fixture.liveIds(userId)).toContain(sessionId);
        expect(await fixture.liveIds('7')).toEqual(['07']);
        expect(await fixture.liveIds('a')).toHaveLength(2);
        expect(await fixture.store.reads.counts([{ by: 'total' }, { by: 'stream', key: '7' }])).toEqual([
          { users: 8, sessions: 9 },
          { users: 1, sessions: 1 },
        ]);
        expect(await fixture.open('7', '7', { attributes: {} })).toMatchObject({ outcome: 'opened', current: 2 });
      }));

    test('[P14] restored sessions are bounded at 128, the presence-only mark aside', () =>
      withFixture(create, async (fixture) => {
        await fixture.open('u', PRESENCE_ONLY, { owner: 'presence', intent: 'beat' });
        for (let i = 0; i < 128; i += 1) {
          await fixture.opened('u', `s${i}`, { intent: 'restore', startedAt: 1000 + i });
        }
        expect(await fixture.open('u', 'more', { intent: 'restore', startedAt: 1 })).toMatchObject({
          outcome: 'refused',
          current: 128,
        });
        expect(await fixture.open('u', 's5', { intent: 'restore' })).toMatchObject({
          outcome: 'renewed',
          startedAt: 1005,
        });
      }));
  });
}
