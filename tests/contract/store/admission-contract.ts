/** Who gets in: truth, admission, policies, limits, ids (P1, P2, P4–P6, P13, P14). */
import { describe, expect, test } from '@jest/globals';
import { PRESENCE_ONLY } from '../../../presence-core/session.ts';
import { type CreateStore, FULL, LONG, onStage, PAST, SHORT, socket } from './store-fixture.ts';

export function admissionContract(create: CreateStore): void {
  describe('admission', () => {
    test('[P1] a session is live until its lease ends, without any sweep', () =>
      onStage(create, async (stage) => {
        await stage.opened('u', 's', { leaseMs: SHORT });
        expect(await stage.isOnline('u')).toBe(true);
        expect(await stage.liveIds('u')).toEqual(['s']);
        await stage.advance(PAST);
        expect(await stage.isOnline('u')).toBe(false);
        expect(await stage.liveIds('u')).toEqual([]);
      }));

    test('[P1] an act on a session that expired and was not swept finds it gone', () =>
      onStage(create, async (stage) => {
        for (const id of ['renew', 'update', 'close', 'detach']) {
          await stage.opened(id, 's', { leaseMs: SHORT });
        }
        await stage.advance(PAST);
        const owner = 'heartbeat' as const;
        const { store } = stage;
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
      onStage(create, async (stage) => {
        const first = await stage.open('u', 's', { attributes: FULL });
        expect(first).toMatchObject({ outcome: 'opened', current: 1, max: 3, displaced: [] });
        await stage.advance(20);
        const again = await stage.open('u', 's', { attributes: FULL });
        expect(again).toMatchObject({ outcome: 'renewed', current: 1, max: 3, displaced: [] });
        if (first.outcome !== 'opened' || again.outcome !== 'renewed') throw new Error('narrowing');
        expect(first.expiresAt - first.startedAt).toBe(LONG);
        expect(again.startedAt).toBe(first.startedAt);
        expect(again.expiresAt).toBeGreaterThan(first.expiresAt);
        expect(await stage.sessionsOf('u')).toEqual([
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
      onStage(create, async (stage) => {
        await stage.opened('u', 's', { leaseMs: SHORT });
        await stage.advance(PAST);
        expect(await stage.open('u', 's')).toMatchObject({ outcome: 'opened', current: 1 });
        expect(await stage.story()).toEqual(['open s online', 'close s timeout offline', 'open s online']);
      }));

    test('[P4] expired sessions of the user free their slots without a sweep', () =>
      onStage(create, async (stage) => {
        for (const id of ['a', 'b', 'c']) await stage.opened('u', id, { leaseMs: SHORT });
        expect(await stage.open('u', 'd')).toMatchObject({ outcome: 'refused' });
        await stage.advance(PAST);
        expect(await stage.open('u', 'd')).toMatchObject({ outcome: 'opened', current: 1 });
      }));

    test('[P4] a renewal is allowed above the limit and takes over what is given, keeping the rest', () =>
      onStage(create, async (stage) => {
        await stage.openedInTurn('u', 'a', 'b', 'c');
        await stage.open('u', 'a', { attributes: FULL });
        expect(await stage.open('u', 'a', { limit: 1, attributes: { deviceType: 'phone' } })).toMatchObject({
          outcome: 'renewed',
          current: 3,
          max: 1,
        });
        expect((await stage.sessionsOf('u'))[0]).toMatchObject({ ...FULL, deviceType: 'phone' });
      }));

    test('[P4] a renewal carries out no replacement', () =>
      onStage(create, async (stage) => {
        await stage.openedInTurn('u', 'a', 'b');
        expect(await stage.open('u', 'a', { replace: ['b'] })).toMatchObject({ outcome: 'renewed', displaced: [] });
        expect(await stage.liveIds('u')).toEqual(['a', 'b']);
      }));

    test('[P4] of 100 parallel opens by each of 50 users exactly three are let in', () =>
      onStage(create, async (stage) => {
        const stores = [stage.store, await stage.held.second()];
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
        const users = await stage.store.reads.sessions(Array.from({ length: 50 }, (_, i) => `u${i}`));
        expect(users.map((user) => user.sessions.length)).toEqual(Array(50).fill(3));
      }));

    test('[P4] a presence-only mark takes no slot, is counted by nobody and keeps the user online', () =>
      onStage(create, async (stage) => {
        const mark = { owner: 'presence', intent: 'beat' } as const;
        await stage.openedInTurn('u', 'a', 'b', 'c');
        expect(await stage.open('u', PRESENCE_ONLY, mark)).toMatchObject({ outcome: 'opened', current: 3 });
        expect(await stage.open('u', PRESENCE_ONLY, mark)).toMatchObject({ outcome: 'renewed', current: 3 });
        expect(await stage.open('u', 'd')).toMatchObject({ outcome: 'refused', current: 3 });
        expect(await stage.liveIds('u')).toEqual(['a', 'b', 'c']);
        await stage.open('v', PRESENCE_ONLY, mark);
        expect(await stage.store.reads.status(['v'])).toMatchObject([{ online: true, sessions: 0 }]);
        expect(await stage.open('v', 'a', { limit: 1 })).toMatchObject({ outcome: 'opened', current: 1 });
        expect(await stage.open('v', 'b', { limit: 1, onLimit: 'evict-oldest' })).toMatchObject({
          outcome: 'opened',
          current: 1,
          displaced: [{ reason: 'evicted', session: { sessionId: 'a' } }],
        });
        expect(await stage.isOnline('v')).toBe(true);
      }));

    test('[P5] reject tells who holds the slots, oldest first, and when the first could free', () =>
      onStage(create, async (stage) => {
        await stage.openedInTurn('u', 'z', 'a');
        await stage.opened('u', 'm', { leaseMs: LONG / 2, attributes: FULL });
        const sessions = await stage.sessionsOf('u');
        expect(await stage.open('u', 'late')).toEqual({
          outcome: 'refused',
          current: 3,
          max: 3,
          conflicts: sessions,
          nextFreeAt: sessions[2]?.expiresAt,
          displaced: [],
        });
        expect(sessions.map((session) => session.sessionId)).toEqual(['z', 'a', 'm']);
        expect(await stage.liveIds('u')).toEqual(['z', 'a', 'm']);
      }));

    test('[P5] evict-oldest ends the oldest in the same step and hands its row over', () =>
      onStage(create, async (stage) => {
        await stage.join('n');
        await stage.opened('u', 'z', { owner: socket('n', 7), attributes: FULL });
        await stage.advance(5);
        await stage.openedInTurn('u', 'a', 'b');
        const [oldest] = await stage.sessionsOf('u');
        const result = await stage.open('u', 'c', { onLimit: 'evict-oldest' });
        expect(result).toMatchObject({ outcome: 'opened', current: 3, max: 3 });
        expect(result).toHaveProperty('displaced', [{ session: oldest, owner: socket('n', 7), reason: 'evicted' }]);
        expect(await stage.liveIds('u')).toEqual(['a', 'b', 'c']);
      }));

    test('[P5] evict-oldest goes by id among sessions that started together', () =>
      onStage(create, async (stage) => {
        for (const id of ['b', 'a', 'c']) await stage.opened('u', id, { intent: 'restore', startedAt: 1000 });
        const result = await stage.open('u', 'd', { onLimit: 'evict-oldest' });
        expect(result).toMatchObject({ outcome: 'opened', displaced: [{ session: { sessionId: 'a' } }] });
      }));

    test('[P5] evict-oldest ends several when the limit was lowered', () =>
      onStage(create, async (stage) => {
        await stage.openedInTurn('u', 'a', 'b', 'c');
        const result = await stage.open('u', 'd', { limit: 2, onLimit: 'evict-oldest' });
        expect(result).toMatchObject({ outcome: 'opened', current: 2, max: 2 });
        expect(result).toMatchObject({ displaced: [{ session: { sessionId: 'a' } }, { session: { sessionId: 'b' } }] });
        expect(await stage.liveIds('u')).toEqual(['c', 'd']);
      }));

    test('[P5] replace ends the named sessions of the same user, and passes over all other names', () =>
      onStage(create, async (stage) => {
        await stage.opened('v', 'foreign');
        await stage.openedInTurn('u', 'a', 'b', 'c');
        await stage.opened('w', 'dead', { leaseMs: SHORT });
        const replace = ['foreign', 'b', 'never', 'new', 'b'];
        const result = await stage.open('u', 'new', { replace });
        expect(result).toMatchObject({ outcome: 'opened', current: 3 });
        expect(result).toMatchObject({ displaced: [{ session: { sessionId: 'b' }, reason: 'replaced' }] });
        expect(result).toHaveProperty('displaced.length', 1);
        expect(await stage.liveIds('u')).toEqual(['a', 'c', 'new']);
        expect(await stage.liveIds('v')).toEqual(['foreign']);
      }));

    test('[P5] replace passes over a session that has expired: it timed out', () =>
      onStage(create, async (stage) => {
        await stage.opened('u', 'dead', { leaseMs: SHORT });
        await stage.advance(PAST);
        expect(await stage.open('u', 'new', { replace: ['dead'] })).toMatchObject({ outcome: 'opened', displaced: [] });
        expect(await stage.story()).toEqual(['open dead online', 'close dead timeout offline', 'open new online']);
        expect(await stage.open('u', 'dead', { intent: 'resume' })).toMatchObject({ outcome: 'opened' });
      }));

    test('[P5] replace is carried out even if there is still no room', () =>
      onStage(create, async (stage) => {
        await stage.openedInTurn('u', 'a', 'b', 'c');
        const result = await stage.open('u', 'new', { limit: 1, replace: ['a'] });
        expect(result).toMatchObject({ outcome: 'refused', current: 2, max: 1 });
        expect(result).toMatchObject({
          displaced: [{ session: { sessionId: 'a' }, reason: 'replaced' }],
          conflicts: [{ sessionId: 'b' }, { sessionId: 'c' }],
        });
        expect(await stage.liveIds('u')).toEqual(['b', 'c']);
      }));

    test('[P5] replace comes before eviction', () =>
      onStage(create, async (stage) => {
        await stage.openedInTurn('u', 'a', 'b', 'c');
        const result = await stage.open('u', 'new', { replace: ['c'], onLimit: 'evict-oldest' });
        expect(result).toMatchObject({ outcome: 'opened', current: 3, displaced: [{ session: { sessionId: 'c' } }] });
        expect(await stage.liveIds('u')).toEqual(['a', 'b', 'new']);
      }));

    test('[P5] a replaced or evicted session does not take its user offline in between', () =>
      onStage(create, async (stage) => {
        await stage.opened('u', 'a', { limit: 1 });
        await stage.open('u', 'b', { limit: 1, replace: ['a'] });
        await stage.open('u', 'c', { limit: 1, onLimit: 'evict-oldest' });
        expect(await stage.story()).toEqual([
          'open a online',
          'close a replaced',
          'open b',
          'close b evicted',
          'open c',
        ]);
      }));

    test('[P6] the request’s limit counts before the override, the override before the default', () =>
      onStage(
        create,
        async (stage) => {
          const { store } = stage;
          expect(await store.limits.override('u')).toBeNull();
          expect(await stage.open('u', 'a')).toMatchObject({ outcome: 'opened', max: 2 });
          await store.limits.setOverride('u', 1);
          expect(await store.limits.override('u')).toBe(1);
          expect(await stage.open('u', 'b')).toMatchObject({ outcome: 'refused', max: 1 });
          expect(await stage.open('u', 'b', { limit: 4 })).toMatchObject({ outcome: 'opened', max: 4 });
          await store.limits.setOverride('u', null);
          expect(await store.limits.override('u')).toBeNull();
          expect(await stage.open('u', 'c')).toMatchObject({ outcome: 'refused', max: 2 });
        },
        { defaultLimit: 2 },
      ));

    test('[P6] a limit lowered below the live count ends nobody and refuses new ones', () =>
      onStage(create, async (stage) => {
        await stage.openedInTurn('u', 'a', 'b', 'c');
        await stage.store.limits.setOverride('u', 1);
        expect(await stage.liveIds('u')).toEqual(['a', 'b', 'c']);
        expect(await stage.open('u', 'b')).toMatchObject({ outcome: 'renewed', current: 3, max: 1 });
        expect(await stage.open('u', 'd')).toMatchObject({ outcome: 'refused', current: 3, max: 1 });
      }));

    test('[P6] reads tell the override, else the newest session’s limit, else the default', () =>
      onStage(create, async (stage) => {
        const max = async (userId: string) => (await stage.store.reads.sessions([userId]))[0]?.max;
        expect(await max('u')).toBe(3);
        await stage.opened('u', 'a', { limit: 5 });
        await stage.advance(5);
        await stage.opened('u', 'b', { limit: 7 });
        expect(await max('u')).toBe(7);
        await stage.open('u', 'a', { limit: 6 });
        expect(await max('u')).toBe(7);
        await stage.open('u', 'b', { limit: 8 });
        expect(await max('u')).toBe(8);
        await stage.store.limits.setOverride('u', 2);
        expect(await max('u')).toBe(2);
        await stage.store.limits.setOverride('u', null);
        await stage.store.sessions.close({ userId: 'u', sessionId: 'b', reason: 'left' });
        expect(await max('u')).toBe(6);
      }));

    test('[P13] ids are exact strings: none merges with another pair or key', () =>
      onStage(create, async (stage) => {
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
          await stage.opened(userId, sessionId, { attributes: { streamId: sessionId } });
        for (const [userId, sessionId] of pairs) expect(await stage.liveIds(userId)).toContain(sessionId);
        expect(await stage.liveIds('7')).toEqual(['07']);
        expect(await stage.liveIds('a')).toHaveLength(2);
        expect(await stage.store.reads.counts([{ by: 'total' }, { by: 'stream', key: '7' }])).toEqual([
          { users: 8, sessions: 9 },
          { users: 1, sessions: 1 },
        ]);
        expect(await stage.open('7', '7', { attributes: {} })).toMatchObject({ outcome: 'opened', current: 2 });
      }));

    test('[P14] restored sessions are bounded at 128, the presence-only mark aside', () =>
      onStage(create, async (stage) => {
        await stage.open('u', PRESENCE_ONLY, { owner: 'presence', intent: 'beat' });
        for (let i = 0; i < 128; i += 1) {
          await stage.opened('u', `s${i}`, { intent: 'restore', startedAt: 1000 + i });
        }
        expect(await stage.open('u', 'more', { intent: 'restore', startedAt: 1 })).toMatchObject({
          outcome: 'refused',
          current: 128,
        });
        expect(await stage.open('u', 's5', { intent: 'restore' })).toMatchObject({
          outcome: 'renewed',
          startedAt: 1005,
        });
      }));
  });
}
