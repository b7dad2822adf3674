/** Who may act on a session, and how it comes to its end: tombstones, owners, leaving (P2, P5, P7, P8). */
import { describe, expect, test } from '@jest/globals';
import type { OpenRequest } from '../../../presence-core/index.ts';
import type { CloseReason } from '../../../presence-core/session.ts';
import { PRESENCE_ONLY } from '../../../presence-core/session.ts';
import {
  type CreateStore,
  FULL,
  LONG,
  PAST,
  ref,
  SHORT,
  type StoreFixture,
  socket,
  withFixture,
} from './store-fixture.ts';

export function leasesContract(create: CreateStore): void {
  describe('tombstones', () => {
    const endings: [CloseReason, (fixture: StoreFixture) => Promise<unknown>][] = [
      ['evicted', (fixture) => fixture.open('u', 'next', { limit: 1, onLimit: 'evict-oldest' })],
      ['replaced', (fixture) => fixture.open('u', 'next', { limit: 1, replace: ['s'] })],
      ['kicked', (fixture) => fixture.store.sessions.kick('u')],
      ['kicked', (fixture) => fixture.store.sessions.close({ userId: 'u', sessionId: 's', reason: 'kicked' })],
      ['left', (fixture) => fixture.store.sessions.close({ userId: 'u', sessionId: 's', reason: 'left' })],
    ];
    for (const [reason, end] of endings) {
      test(`[P5] [P8] after ${reason} every act but a fresh open is told so`, () =>
        withFixture(create, async (fixture) => {
          const { store } = fixture;
          const owner = 'heartbeat';
          await fixture.opened('u', 's');
          await end(fixture);
          const ended = { outcome: 'ended', reason };
          expect(await store.sessions.renew([{ userId: 'u', sessionId: 's', owner, leaseMs: LONG }])).toEqual([ended]);
          expect(await store.sessions.detach([ref('u', 's', owner)], LONG)).toEqual([ended]);
          expect(await store.sessions.update({ userId: 'u', sessionId: 's', attributes: FULL })).toEqual(ended);
          expect(await store.sessions.close({ userId: 'u', sessionId: 's', reason: 'left' })).toEqual(ended);
          for (const intent of ['resume', 'beat', 'restore'] as const) {
            expect(await fixture.open('u', 's', { intent })).toMatchObject(ended);
          }
          expect(await fixture.open('u', 's', { intent: 'fresh' })).toMatchObject({ outcome: 'opened' });
          expect(await fixture.open('u', 's', { intent: 'beat' })).toMatchObject({ outcome: 'renewed' });
        }));
    }

    test('[P5] a session that timed out leaves no tombstone', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's');
        await fixture.store.sessions.close({ userId: 'u', sessionId: 's', reason: 'timeout' });
        expect(await fixture.open('u', 's', { intent: 'resume' })).toMatchObject({ outcome: 'opened' });
      }));

    test('[P8] what was on its way when a session left does not open it anew; a moment later a beat does', () =>
      withFixture(
        create,
        async (fixture) => {
          const { store } = fixture;
          await fixture.opened('u', 's', { intent: 'beat' });
          await fixture.opened('u', 'kicked');
          const left = { userId: 'u', sessionId: 's', reason: 'left' } as const;
          expect(await store.sessions.close(left)).toMatchObject({ outcome: 'closed' });
          expect(await store.sessions.close(left)).toEqual({ outcome: 'ended', reason: 'left' });
          await store.sessions.kick('u');
          const beaten = await fixture.open('u', 's', { intent: 'beat' });
          expect(beaten).toMatchObject({ outcome: 'ended', reason: 'left' });
          const { retryAfterMs } = beaten as { retryAfterMs: number };
          expect(retryAfterMs).toBeGreaterThan(0);
          expect(retryAfterMs).toBeLessThanOrEqual(SHORT);
          expect(await fixture.liveIds('u')).toEqual([]);
          await fixture.advance(PAST);
          expect(await fixture.open('u', 's', { intent: 'beat' })).toMatchObject({ outcome: 'opened' });
          expect(await fixture.open('u', 'kicked', { intent: 'beat' })).toMatchObject({ outcome: 'ended' });
        },
        { leftTombstoneMs: SHORT },
      ));

    test('[P8] a session may leave before the act that opens it comes; only what was on its way is stopped', () =>
      withFixture(
        create,
        async (fixture) => {
          const left = { userId: 'u', sessionId: 's', reason: 'left' } as const;
          expect(await fixture.store.sessions.close(left)).toEqual({ outcome: 'gone' });
          for (const intent of ['beat', 'resume'] as const) {
            expect(await fixture.open('u', 's', { intent })).toMatchObject({ outcome: 'ended', reason: 'left' });
          }
          expect(await fixture.story()).toEqual([]);
          await fixture.opened('u', 's', { intent: 'fresh' });
          // Another reason leaves none.
          expect(await fixture.store.sessions.close({ ...left, sessionId: 'x', reason: 'kicked' })).toEqual({
            outcome: 'gone',
          });
          await fixture.opened('u', 'x', { intent: 'beat' });
        },
        { leftTombstoneMs: LONG },
      ));

    test('[P5] a fresh open that is refused has cleared the tombstone all the same', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 'a', { limit: 1 });
        await fixture.open('u', 'b', { limit: 1, replace: ['a'] });
        expect(await fixture.open('u', 'a', { limit: 1 })).toMatchObject({ outcome: 'refused' });
        expect(await fixture.open('u', 'a', { limit: 1, intent: 'beat' })).toMatchObject({ outcome: 'refused' });
      }));

    test('[P5] a tombstone is gone after its time', () =>
      withFixture(
        create,
        async (fixture) => {
          await fixture.opened('u', 's');
          await fixture.store.sessions.kick('u');
          expect(await fixture.open('u', 's', { intent: 'beat' })).toMatchObject({ outcome: 'ended' });
          await fixture.advance(PAST);
          expect(await fixture.open('u', 's', { intent: 'beat' })).toMatchObject({ outcome: 'opened' });
        },
        { tombstoneMs: SHORT },
      ));

    test('[P5] kick ends all sessions of one user and hands them over', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        await fixture.opened('u', 'a', { owner: socket('n', 4), attributes: FULL });
        await fixture.advance(5);
        await fixture.opened('u', 'b');
        await fixture.opened('u', PRESENCE_ONLY, { owner: 'presence', intent: 'beat' });
        await fixture.opened('v', 'a');
        const [a, b] = await fixture.sessionsOf('u');
        const displaced = await fixture.store.sessions.kick('u');
        expect(displaced).toHaveLength(3);
        expect(displaced).toContainEqual({ session: a, owner: socket('n', 4), reason: 'kicked' });
        expect(displaced).toContainEqual({ session: b, owner: 'heartbeat', reason: 'kicked' });
        expect(await fixture.isOnline('u')).toBe(false);
        expect(await fixture.isOnline('v')).toBe(true);
        expect(await fixture.store.sessions.kick('u')).toEqual([]);
        expect(await fixture.store.sessions.kick('nobody')).toEqual([]);
      }));
  });

  describe('owners', () => {
    test('[P2] a renewal extends the lease and never shortens it; results keep the order asked', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 'a');
        await fixture.opened('v', 'b');
        const before = (await fixture.sessionsOf('u'))[0]?.expiresAt as number;
        const owner = 'heartbeat';
        const results = await fixture.store.sessions.renew([
          { userId: 'v', sessionId: 'b', owner, leaseMs: 2 * LONG },
          { userId: 'nobody', sessionId: 'x', owner, leaseMs: LONG },
          { userId: 'u', sessionId: 'a', owner, leaseMs: 1000 },
        ]);
        expect(results).toMatchObject([
          { outcome: 'renewed' },
          { outcome: 'gone' },
          { outcome: 'renewed', expiresAt: before },
        ]);
        expect((await fixture.sessionsOf('u'))[0]?.expiresAt).toBe(before);
        expect((await fixture.sessionsOf('v'))[0]?.expiresAt).toBeGreaterThanOrEqual(before + LONG);
        expect(await fixture.open('u', 'a', { leaseMs: 1000 })).toMatchObject({
          outcome: 'renewed',
          expiresAt: before,
        });
        expect(await fixture.store.sessions.renew([])).toEqual([]);
      }));

    test('[P2] a renewed session outlives its first lease and the sweep that looks at it', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's', { leaseMs: SHORT });
        await fixture.store.sessions.renew([{ userId: 'u', sessionId: 's', owner: 'heartbeat', leaseMs: 5 * SHORT }]);
        await fixture.advance(PAST);
        expect(await fixture.store.nodes.sweep()).toMatchObject({ ended: 0 });
        expect(await fixture.liveIds('u')).toEqual(['s']);
        await fixture.advance(5 * SHORT);
        expect(await fixture.store.nodes.sweep()).toMatchObject({ ended: 1 });
        expect(await fixture.story()).toEqual(['open s online', 'close s timeout offline']);
      }));

    test('[P7] an open by another owner moves the session and names the former socket', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        await fixture.join('m');
        await fixture.opened('u', 's', { owner: socket('n', 1), attributes: FULL });
        const moved = await fixture.open('u', 's', { owner: socket('m', 9), intent: 'resume' });
        expect(moved).toMatchObject({ outcome: 'renewed', current: 1 });
        expect(moved).toMatchObject({
          displaced: [{ reason: 'moved', owner: socket('n', 1), session: { ...FULL, userId: 'u', sessionId: 's' } }],
        });
        const sameNode = await fixture.open('u', 's', { owner: socket('m', 10) });
        expect(sameNode).toMatchObject({ outcome: 'renewed', displaced: [{ reason: 'moved', owner: socket('m', 9) }] });
        expect(await fixture.open('u', 's', { owner: socket('m', 10) })).toMatchObject({
          outcome: 'renewed',
          displaced: [],
        });
        expect(await fixture.story()).toEqual(['open s online']);
      }));

    test('[P7] the former owner can do nothing any more: moved', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        await fixture.join('n');
        await fixture.opened('u', 's', { owner: socket('n', 1) });
        await fixture.open('u', 's', { owner: socket('n', 2) });
        const owner = socket('n', 1);
        const before = await fixture.sessionsOf('u');
        const moved = { outcome: 'moved' };
        expect(await store.sessions.renew([{ userId: 'u', sessionId: 's', owner, leaseMs: 9 * LONG }])).toEqual([
          moved,
        ]);
        expect(await store.sessions.detach([ref('u', 's', owner)], 1)).toEqual([moved]);
        expect(await store.sessions.update({ userId: 'u', sessionId: 's', owner, attributes: FULL })).toEqual(moved);
        expect(await store.sessions.close({ userId: 'u', sessionId: 's', owner, reason: 'timeout' })).toEqual(moved);
        expect(await store.sessions.close({ userId: 'u', sessionId: 's', owner: 'heartbeat', reason: 'left' })).toEqual(
          moved,
        );
        expect(await fixture.sessionsOf('u')).toEqual(before);
        expect(
          await store.sessions.close({ userId: 'u', sessionId: 's', owner: socket('n', 2), reason: 'left' }),
        ).toMatchObject({
          outcome: 'closed',
          displaced: { owner: socket('n', 2), reason: 'left' },
        });
      }));

    test('[P7] a beat leaves a session that a socket holds as it is: held', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        await fixture.opened('u', 's', { owner: socket('n', 1), attributes: FULL });
        await fixture.advance(20);
        const before = await fixture.sessionsOf('u');
        const beat: Partial<OpenRequest> = { intent: 'beat', leaseMs: 9 * LONG, attributes: { streamId: 'other' } };
        expect(await fixture.open('u', 's', beat)).toEqual({
          outcome: 'held',
          current: 1,
          max: 3,
          startedAt: before[0]?.startedAt,
          segment: 0,
          segmentStartedAt: before[0]?.startedAt,
          expiresAt: before[0]?.expiresAt,
          displaced: [],
        });
        expect(await fixture.sessionsOf('u')).toEqual(before);
        expect(await fixture.story()).toEqual(['open s online']);
      }));

    test('[P7] a beat takes a detached session over, and its old socket cannot detach it again', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        await fixture.opened('u', 's', { owner: socket('n', 1) });
        await fixture.store.sessions.detach([ref('u', 's', socket('n', 1))], LONG);
        expect(await fixture.open('u', 's', { intent: 'beat' })).toMatchObject({ outcome: 'renewed', displaced: [] });
        expect((await fixture.sessionsOf('u'))[0]?.via).toBe('heartbeat');
        expect(await fixture.store.sessions.detach([ref('u', 's', socket('n', 1))], 1)).toEqual([{ outcome: 'moved' }]);
      }));

    test('[P7] a guard’s and a heartbeat’s session tell how they are held', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        await fixture.opened('u', 'g', { owner: 'guard', intent: 'beat' });
        await fixture.opened('v', 'h', { owner: 'heartbeat', intent: 'beat' });
        await fixture.opened('w', 's', { owner: socket('n') });
        const users = await fixture.store.reads.sessions(['u', 'v', 'w']);
        expect(users.map((user) => user.sessions[0]?.via)).toEqual(['guard', 'heartbeat', 'socket']);
      }));

    test('[P7] closing twice changes nothing twice', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's', { attributes: FULL });
        const [session] = await fixture.sessionsOf('u');
        expect(await fixture.store.sessions.close({ userId: 'u', sessionId: 's', reason: 'left' })).toEqual({
          outcome: 'closed',
          displaced: { session, owner: 'heartbeat', reason: 'left' },
        });
        expect(await fixture.store.sessions.close({ userId: 'u', sessionId: 's', reason: 'left' })).toEqual({
          outcome: 'ended',
          reason: 'left',
        });
        expect(await fixture.story()).toEqual(['open s online', 'close s left offline']);
      }));
  });

  describe('leaving', () => {
    test('[P8] detach shortens the lease to the grace; after it the session timed out', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        await fixture.opened('u', 's', { owner: socket('n') });
        const [before] = await fixture.sessionsOf('u');
        const [detached] = await fixture.store.sessions.detach([ref('u', 's', socket('n'))], SHORT);
        const [after] = await fixture.sessionsOf('u');
        expect(detached).toEqual({ outcome: 'detached', expiresAt: after?.expiresAt });
        expect(after?.expiresAt).toBeLessThan(before?.expiresAt as number);
        expect(after).toEqual({ ...before, expiresAt: after?.expiresAt, detached: true });
        await fixture.advanceBeating(PAST, 'n');
        expect(await fixture.isOnline('u')).toBe(false);
        await fixture.store.nodes.sweep();
        const log = await fixture.wholeLog();
        expect(log.at(-1)).toMatchObject({
          kind: 'close',
          reason: 'timeout',
          transition: 'offline',
          at: after?.expiresAt,
        });
      }));

    test('[P8] a return within the grace is a renewal without a flap in the log', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        await fixture.join('m');
        await fixture.opened('u', 's', { owner: socket('n') });
        await fixture.store.sessions.detach([ref('u', 's', socket('n'))], SHORT);
        expect(await fixture.open('u', 's', { owner: socket('m', 3), intent: 'resume' })).toMatchObject({
          outcome: 'renewed',
          displaced: [],
        });
        await fixture.advanceBeating(PAST, 'n', 'm');
        await fixture.store.nodes.sweep();
        expect(await fixture.liveIds('u')).toEqual(['s']);
        expect(await fixture.story()).toEqual(['open s online']);
      }));
  });
}
