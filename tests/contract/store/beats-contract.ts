/** Beats of known sessions: most change nothing but the lease, and must notice when they do (P1–P4, P6, P11). */
import { describe, expect, test } from '@jest/globals';
import type { OpenRequest } from '../../../presence-core/index.ts';
import { PRESENCE_ONLY } from '../../../presence-core/session.ts';
import { type CreateStore, FULL, LONG, PAST, SHORT, socket, withFixture } from './store-fixture.ts';

const BEAT: Partial<OpenRequest> = { intent: 'beat', attributes: FULL };

export function beatsContract(create: CreateStore): void {
  describe('beats', () => {
    test('[P4] a known session keeps what it is and its lease goes on', () =>
      withFixture(create, async (fixture) => {
        const first = await fixture.open('u', 's', BEAT);
        await fixture.advance(20);
        const again = await fixture.open('u', 's', BEAT);
        if (first.outcome !== 'opened' || again.outcome !== 'renewed') throw new Error(`${first.outcome}`);
        expect(again).toEqual({ ...first, outcome: 'renewed', expiresAt: again.expiresAt });
        expect(again.expiresAt).toBeGreaterThanOrEqual(first.expiresAt + 20);
        expect((await fixture.sessionsOf('u'))[0]).toMatchObject({ ...FULL, expiresAt: again.expiresAt });
        expect(await fixture.story()).toEqual(['open s online']);
      }));

    test('[P2] a shorter lease does not move the expiry backwards', () =>
      withFixture(create, async (fixture) => {
        const first = await fixture.open('u', 's', BEAT);
        const again = await fixture.open('u', 's', { ...BEAT, leaseMs: SHORT });
        if (first.outcome !== 'opened') throw new Error(first.outcome);
        expect(again).toMatchObject({ outcome: 'renewed', expiresAt: first.expiresAt });
        expect((await fixture.sessionsOf('u'))[0]?.expiresAt).toBe(first.expiresAt);
      }));

    test('[P2] who takes a session over from a socket by a beat keeps it as long as the beat says, and no longer', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        await store.nodes.join('node', LONG);
        await fixture.opened('u', 's', { owner: socket('node', 1), leaseMs: LONG });
        const taken = await fixture.open('u', 's', { ...BEAT, intent: 'fresh', leaseMs: SHORT });
        expect(taken).toMatchObject({ outcome: 'renewed', displaced: [{ reason: 'moved' }] });
        await fixture.advance(PAST);
        await store.nodes.sweep();
        expect(await fixture.story()).toEqual(['open s online', 'update s', 'close s timeout offline']);
      }));

    test('[P4] an expired session opens anew, and an expired other one ends with the beat', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 'a', { ...BEAT, leaseMs: SHORT });
        await fixture.opened('u', 'b', BEAT);
        await fixture.advance(PAST);
        expect(await fixture.open('u', 'b', BEAT)).toMatchObject({ outcome: 'renewed', current: 1 });
        expect(await fixture.story()).toEqual(['open a online', 'open b', 'close a timeout']);
        await fixture.opened('v', 'a', { ...BEAT, leaseMs: SHORT });
        await fixture.advance(PAST);
        expect(await fixture.open('v', 'a', BEAT)).toMatchObject({ outcome: 'opened', current: 1 });
      }));

    test('[P11] what a beat changes is taken over and logged, what it leaves out is kept', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's', BEAT);
        await fixture.open('u', 's', { ...BEAT, attributes: {} });
        await fixture.open('u', 's', { ...BEAT, attributes: { deviceId: 'other' } });
        expect((await fixture.sessionsOf('u'))[0]).toMatchObject({ ...FULL, deviceId: 'other' });
        await fixture.open('u', 's', { ...BEAT, attributes: { ...FULL, streamId: 'espn' } });
        expect((await fixture.sessionsOf('u'))[0]).toMatchObject({ ...FULL, streamId: 'espn' });
        expect(await fixture.story()).toEqual(['open s online', 'update s', 'update s']);
      }));

    test('[P6] an override set meanwhile holds from the next beat on', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's', BEAT);
        await fixture.store.limits.setOverride('u', 5);
        for (let i = 0; i < 2; i++) expect(await fixture.open('u', 's', BEAT)).toMatchObject({ max: 5 });
        await fixture.store.limits.setOverride('u', null);
        expect(await fixture.open('u', 's', { ...BEAT, limit: 7 })).toMatchObject({ max: 7 });
        expect((await fixture.store.reads.sessions(['u']))[0]?.max).toBe(7);
        expect(await fixture.open('u', 's', BEAT)).toMatchObject({ max: 3 });
      }));

    test('[P7] a session that a socket took meanwhile is held', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's', BEAT);
        await fixture.join('n');
        await fixture.open('u', 's', { attributes: FULL, owner: socket('n') });
        expect(await fixture.open('u', 's', BEAT)).toMatchObject({ outcome: 'held', current: 1 });
      }));

    test('[P4] beats of one turn are carried out in their order', () =>
      withFixture(create, async (fixture) => {
        const known = Array.from({ length: 40 }, (_, i) => `u${i}`);
        for (const userId of known) await fixture.opened(userId, 's', BEAT);
        const results = await Promise.all([
          ...known.map((userId) => fixture.open(userId, 's', BEAT)),
          fixture.open('new', 's', BEAT),
          fixture.open('u0', 's', { ...BEAT, attributes: { ...FULL, streamId: 'espn' } }),
          fixture.open('new', 's', BEAT),
          fixture.open('u0', 's', BEAT),
        ]);
        const outcomes = results.map(({ outcome }) => outcome);
        expect(outcomes).toEqual([...known.map(() => 'renewed'), 'opened', 'renewed', 'renewed', 'renewed']);
        expect((await fixture.sessionsOf('u0'))[0]?.streamId).toBe(FULL.streamId);
        expect(await fixture.story('u0')).toEqual(['open s online', 'update s', 'update s']);
      }));

    test('[P3] a presence-only mark that expired is no longer taken for a member', () =>
      withFixture(create, async (fixture) => {
        await fixture.open('u', PRESENCE_ONLY, { intent: 'beat', owner: 'presence', leaseMs: SHORT });
        await fixture.opened('u', 's', { ...BEAT, leaseMs: LONG });
        expect(await fixture.store.reads.status(['u'])).toMatchObject([{ online: true, sessions: 1 }]);
        await fixture.advance(PAST);
        expect(await fixture.store.reads.status(['u'])).toMatchObject([{ online: true, sessions: 1 }]);
      }));
  });
}
