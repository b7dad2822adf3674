/** What is told about users and in numbers: status, last seen, counts, top, sweep (P1, P3, P12, P15). */
import { describe, expect, test } from '@jest/globals';
import { PRESENCE_ONLY } from '../../../presence-core/session.ts';
import { expectCountsToEqualRecount } from './recount.ts';
import { type CreateStore, FULL, LONG, PAST, SHORT, socket, withFixture } from './store-fixture.ts';

export function readsContract(create: CreateStore): void {
  describe('reads', () => {
    test('[P3] closing one of several sessions never takes the user offline', () =>
      withFixture(create, async (fixture) => {
        await fixture.openedInTurn('u', 'a', 'b');
        await fixture.store.sessions.close({ userId: 'u', sessionId: 'a', reason: 'left' });
        expect(await fixture.store.reads.status(['u'])).toMatchObject([{ online: true, sessions: 1 }]);
        await fixture.store.sessions.close({ userId: 'u', sessionId: 'b', reason: 'left' });
        expect(await fixture.store.reads.status(['u'])).toMatchObject([{ online: false, sessions: 0 }]);
      }));

    test('[P1] status answers in the order and with the duplicates asked for, unknown users included', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 'a');
        await fixture.opened('v', 'a');
        await fixture.opened('v', 'b');
        const asked = ['never', 'v', 'u', 'v', 'never'];
        const statuses = await fixture.store.reads.status(asked);
        expect(statuses.map((status) => status.userId)).toEqual(asked);
        expect(statuses.map((status) => status.sessions)).toEqual([0, 2, 1, 2, 0]);
        expect(statuses[0]).toEqual({ userId: 'never', online: false, sessions: 0, lastSeenAt: null });
        const users = await fixture.store.reads.sessions(asked);
        expect(users.map((user) => user.userId)).toEqual(asked);
        expect(users.map((user) => user.sessions.length)).toEqual([0, 2, 1, 2, 0]);
        expect(users[0]).toEqual({ userId: 'never', max: 3, sessions: [] });
        expect(await fixture.store.reads.status([])).toEqual([]);
        expect(await fixture.store.reads.sessions([])).toEqual([]);
      }));

    test('[P1] another handle on the same data reads what this one wrote', () =>
      withFixture(create, async (fixture) => {
        const second = await fixture.held.second();
        await fixture.opened('u', 'a', { attributes: FULL });
        await fixture.store.limits.setOverride('u', 9);
        expect(await second.reads.sessions(['u'])).toEqual(await fixture.store.reads.sessions(['u']));
        expect(await second.limits.override('u')).toBe(9);
        expect(second.secret()).toBe(fixture.store.secret());
        expect(second.secret().length).toBeGreaterThanOrEqual(32);
        await second.ping();
      }));

    test('[P1] absent attributes stay absent, present ones come back as they were', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 'bare');
        await fixture.opened('v', 'full', { attributes: FULL });
        const meta = { 'a|b': '{"x":1}', empty: '', '': 'ü€ \n|' };
        await fixture.opened('w', 'odd', { attributes: { meta, deviceType: 'Smart TV 4K', state: 'Île-de-France' } });
        const [u, v, w] = await fixture.store.reads.sessions(['u', 'v', 'w']);
        expect(u?.sessions[0]).toEqual({
          userId: 'u',
          sessionId: 'bare',
          via: 'heartbeat',
          startedAt: expect.any(Number),
          expiresAt: expect.any(Number),
        });
        expect(v?.sessions[0]).toMatchObject(FULL);
        expect(w?.sessions[0]).toMatchObject({ meta, deviceType: 'Smart TV 4K', state: 'Île-de-France' });
      }));

    test('[P1] sweep ends what has expired, each once, and tells how many', () =>
      withFixture(create, async (fixture) => {
        for (let i = 0; i < 20; i += 1) await fixture.opened(`u${i}`, 's', { leaseMs: SHORT });
        await fixture.opened('stays', 's');
        expect(await fixture.store.nodes.sweep()).toMatchObject({ ended: 0 });
        await fixture.advance(PAST);
        const swept = await fixture.store.nodes.sweep();
        expect(swept.ended).toBe(20);
        expect(swept.lagMs).toBeGreaterThan(0);
        expect(await fixture.store.nodes.sweep()).toMatchObject({ ended: 0 });
        expect(await fixture.store.reads.counts([{ by: 'total' }])).toEqual([{ users: 1, sessions: 1 }]);
        expect((await fixture.wholeLog()).filter((change) => change.kind === 'close')).toHaveLength(20);
      }));

    test('[P15] last seen: never, now while online, the instant of the close', () =>
      withFixture(create, async (fixture) => {
        const seen = async () => (await fixture.store.reads.status(['u']))[0]?.lastSeenAt;
        expect(await seen()).toBeNull();
        await fixture.opened('u', 's');
        const first = (await seen()) as number;
        await fixture.advance(100);
        expect(await seen()).toBeGreaterThan(first);
        await fixture.store.sessions.close({ userId: 'u', sessionId: 's', reason: 'left' });
        const closedAt = (await fixture.wholeLog()).at(-1)?.at;
        await fixture.advance(100);
        expect(await seen()).toBe(closedAt);
        await fixture.opened('u', 's');
        expect(await seen()).toBeGreaterThan(closedAt as number);
      }));

    test('[P15] last seen of an expired user is its expiry, before and after the sweep', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 'a', { leaseMs: SHORT / 2 });
        await fixture.opened('u', 'b', { leaseMs: SHORT });
        const sessions = await fixture.sessionsOf('u');
        const expiry = sessions.find((session) => session.sessionId === 'b')?.expiresAt;
        await fixture.advance(PAST);
        expect(await fixture.store.reads.status(['u'])).toMatchObject([
          { online: false, sessions: 0, lastSeenAt: expiry },
        ]);
        await fixture.store.nodes.sweep();
        expect(await fixture.store.reads.status(['u'])).toMatchObject([
          { online: false, sessions: 0, lastSeenAt: expiry },
        ]);
        expect(await fixture.story()).toEqual([
          'open a online',
          'open b',
          'close a timeout',
          'close b timeout offline',
        ]);
      }));

    test('[P15] last seen is forgotten after its time', () =>
      withFixture(
        create,
        async (fixture) => {
          await fixture.opened('u', 's');
          await fixture.store.sessions.kick('u');
          expect((await fixture.store.reads.status(['u']))[0]?.lastSeenAt).not.toBeNull();
          await fixture.advance(PAST);
          await fixture.store.nodes.sweep();
          expect((await fixture.store.reads.status(['u']))[0]?.lastSeenAt).toBeNull();
        },
        { seenTtlMs: SHORT },
      ));

    test('[P15] last seen is kept for so many users in all, oldest out first', () =>
      withFixture(
        create,
        async (fixture) => {
          const ids = Array.from({ length: 300 }, (_, i) => `u${i}`);
          for (const id of ids) {
            await fixture.opened(id, 's');
            await fixture.store.sessions.close({ userId: id, sessionId: 's', reason: 'left' });
          }
          await fixture.store.nodes.sweep();
          const statuses = await fixture.store.reads.status(ids);
          const kept = statuses.filter((status) => status.lastSeenAt !== null);
          expect(kept.length).toBe(64);
          expect(statuses.at(-1)?.lastSeenAt).not.toBeNull();
        },
        { seenMax: 64 },
      ));
  });

  describe('counts', () => {
    test('[P12] sessions and distinct users, per stream, device type, country and state', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 'a', { attributes: FULL });
        await fixture.opened('u', 'b', { attributes: { ...FULL, deviceType: 'phone' } });
        await fixture.opened('v', 'a', { attributes: { streamId: 'film:1', state: 'Bayern' } });
        expect(
          await fixture.store.reads.counts([
            { by: 'total' },
            { by: 'stream', key: 'film:1' },
            { by: 'deviceType', key: 'tv' },
            { by: 'country', key: 'DE' },
            { by: 'state', country: 'DE', state: 'Bayern' },
            { by: 'state', country: 'AT', state: 'Bayern' },
            { by: 'stream', key: 'never' },
          ]),
        ).toEqual([
          { users: 2, sessions: 3 },
          { users: 2, sessions: 3 },
          { users: 1, sessions: 1 },
          { users: 1, sessions: 2 },
          { users: 1, sessions: 2 },
          { users: 0, sessions: 0 },
          { users: 0, sessions: 0 },
        ]);
        await fixture.store.sessions.close({ userId: 'u', sessionId: 'a', reason: 'left' });
        const dimensions = [{ by: 'stream', key: 'film:1' }, { by: 'deviceType', key: 'tv' }, { by: 'total' }] as const;
        expect(await fixture.store.reads.counts(dimensions)).toEqual([
          { users: 2, sessions: 2 },
          { users: 0, sessions: 0 },
          { users: 2, sessions: 2 },
        ]);
        await fixture.store.sessions.kick('u');
        await fixture.store.sessions.kick('v');
        expect(await fixture.store.reads.counts([{ by: 'total' }])).toEqual([{ users: 0, sessions: 0 }]);
        for (const by of ['stream', 'deviceType', 'country', 'state'] as const) {
          expect(await fixture.store.reads.top(by, 10)).toEqual([]);
        }
      }));

    test('[P12] a switch of stream moves the counts and never doubles them', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 'a', { attributes: { streamId: 'x' } });
        await fixture.opened('u', 'b', { attributes: { streamId: 'x' } });
        const counts = () =>
          fixture.store.reads.counts([{ by: 'stream', key: 'x' }, { by: 'stream', key: 'y' }, { by: 'total' }]);
        const total = { users: 1, sessions: 2 };
        await fixture.store.sessions.update({ userId: 'u', sessionId: 'a', attributes: { streamId: 'y' } });
        expect(await counts()).toEqual([{ users: 1, sessions: 1 }, { users: 1, sessions: 1 }, total]);
        await fixture.store.sessions.update({ userId: 'u', sessionId: 'a', attributes: { streamId: 'y' } });
        await fixture.open('u', 'b', { attributes: { streamId: 'y' } });
        expect(await counts()).toEqual([{ users: 0, sessions: 0 }, { users: 1, sessions: 2 }, total]);
      }));

    test('[P12] renewing, moving, detaching and replacing keep the counts right', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        const owner = socket('n');
        await fixture.opened('u', 'a', { owner, attributes: FULL });
        await fixture.open('u', 'a', { owner: socket('n', 2) });
        await fixture.store.sessions.detach([{ userId: 'u', sessionId: 'a', owner: socket('n', 2) }], LONG);
        await fixture.open('u', 'b', { limit: 1, onLimit: 'evict-oldest', attributes: FULL });
        await fixture.open('u', 'c', { limit: 1, replace: ['b'], attributes: FULL });
        expect(await fixture.store.reads.counts([{ by: 'total' }, { by: 'stream', key: 'film:1' }])).toEqual([
          { users: 1, sessions: 1 },
          { users: 1, sessions: 1 },
        ]);
      }));

    test('[P12] a presence-only mark counts as a user in the total and nowhere else', () =>
      withFixture(create, async (fixture) => {
        const mark = { owner: 'presence', intent: 'beat', attributes: { country: 'DE', deviceType: 'tv' } } as const;
        const dimensions = [{ by: 'total' }, { by: 'country', key: 'DE' }, { by: 'deviceType', key: 'tv' }] as const;
        const none = { users: 0, sessions: 0 };
        await fixture.open('u', PRESENCE_ONLY, mark);
        expect(await fixture.store.reads.counts(dimensions)).toEqual([{ users: 1, sessions: 0 }, none, none]);
        await fixture.opened('u', 'a', { attributes: { country: 'DE' } });
        const one = { users: 1, sessions: 1 };
        expect(await fixture.store.reads.counts(dimensions)).toEqual([one, one, none]);
        await fixture.store.sessions.close({ userId: 'u', sessionId: 'a', reason: 'left' });
        expect(await fixture.store.reads.counts(dimensions)).toEqual([{ users: 1, sessions: 0 }, none, none]);
        await fixture.store.sessions.close({ userId: 'u', sessionId: PRESENCE_ONLY, reason: 'left' });
        expect(await fixture.store.reads.counts(dimensions)).toEqual([none, none, none]);
        expect(await fixture.story()).toEqual(['open * online', 'open a', 'close a left', 'close * left offline']);
      }));

    test('[P12] top gives most sessions first, then by key, at most so many', () =>
      withFixture(create, async (fixture) => {
        const streams = ['b', 'c', 'c', 'a', 'd', 'd', 'd'];
        for (const [i, streamId] of streams.entries()) {
          await fixture.opened(i === 6 ? 'u5' : `u${i}`, `s${i}`, {
            attributes: { streamId, country: 'DE', state: `s${i}` },
          });
        }
        expect(await fixture.store.reads.top('stream', 10)).toEqual([
          { key: 'd', sessions: 3, users: 2 },
          { key: 'c', sessions: 2, users: 2 },
          { key: 'a', sessions: 1, users: 1 },
          { key: 'b', sessions: 1, users: 1 },
        ]);
        expect((await fixture.store.reads.top('stream', 3)).map((item) => item.key)).toEqual(['d', 'c', 'a']);
        expect(await fixture.store.reads.top('country', 1)).toEqual([{ key: 'DE', sessions: 7, users: 6 }]);
        expect((await fixture.store.reads.top('state', 2)).map((item) => item.key)).toEqual(['DE/s0', 'DE/s1']);
        expect(await fixture.store.reads.top('deviceType', 5)).toEqual([]);
      }));

    test('[P12] after many random acts the counts equal a recount', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        let seed = 20_251_121;
        const below = (n: number) => {
          seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
          return Math.floor((seed / 2_147_483_648) * n);
        };
        const userIds = ['u0', 'u1', 'u2', 'u3', 'u4'];
        const some = <T>(values: readonly T[]) => values[below(values.length)] as T;
        const attributes = () => ({
          streamId: some(['x', 'y', 'z', undefined]),
          deviceType: some(['tv', 'phone', undefined]),
          country: some(['DE', 'AT', undefined]),
          state: some(['N', 'S', undefined]),
        });
        for (let i = 0; i < 400; i += 1) {
          const userId = some(userIds);
          const sessionId = some(['a', 'b', 'c', 'd', 'e']);
          const act = below(10);
          if (act < 5) {
            const onLimit = some(['reject', 'evict-oldest'] as const);
            await fixture.open(userId, sessionId, { onLimit, replace: [some(['a', 'b'])], attributes: attributes() });
          } else if (act < 8) await store.sessions.update({ userId, sessionId, attributes: attributes() });
          else if (act < 9) await store.sessions.close({ userId, sessionId, reason: 'left' });
          else if (below(4) === 0) await store.sessions.kick(userId);
          else await fixture.open(userId, PRESENCE_ONLY, { owner: 'presence', attributes: attributes() });
        }
        await expectCountsToEqualRecount(store, userIds);
      }));
  });
}
