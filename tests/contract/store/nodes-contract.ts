/** What happens when a node or the store itself is lost (P9, P10). */
import { describe, expect, test } from '@jest/globals';
import type { OpenRequest } from '../../../presence-core/index.ts';
import type { Attributes } from '../../../presence-core/session.ts';
import { type CreateStore, FULL, LONG, NODE_LEASE, onStage, ref, SHORT, socket } from './store-fixture.ts';

export function nodesContract(create: CreateStore): void {
  describe('nodes', () => {
    test('[P9] a socket owns sessions only under a joined generation: fenced', () =>
      onStage(create, async (stage) => {
        const { store } = stage;
        const owner = socket('never', 1);
        const fenced = { outcome: 'fenced' };
        await stage.opened('u', 's');
        expect(await stage.open('u', 't', { owner })).toEqual(fenced);
        expect(await stage.open('u', 's', { owner })).toEqual(fenced);
        expect(await store.sessions.renew([{ userId: 'u', sessionId: 's', owner, leaseMs: LONG }])).toEqual([fenced]);
        expect(await store.sessions.detach([ref('u', 's', owner)], LONG)).toEqual([fenced]);
        expect(await store.sessions.update({ userId: 'u', sessionId: 's', owner, attributes: FULL })).toEqual(fenced);
        expect(await store.sessions.close({ userId: 'u', sessionId: 's', owner, reason: 'left' })).toEqual(fenced);
        expect(await store.nodes.beat('never', LONG)).toMatchObject(fenced);
        expect(await stage.liveIds('u')).toEqual(['s']);
      }));

    test('[P9] a lost node’s sessions end once, at the end of its lease; others are not touched', () =>
      onStage(create, async (stage) => {
        const { store } = stage;
        await stage.join('live');
        await stage.join('lost', NODE_LEASE);
        const { now } = await store.nodes.beat('lost', NODE_LEASE);
        await store.nodes.beat('live', LONG);
        await stage.opened('a', 's', { owner: socket('lost', 1), attributes: FULL });
        await stage.opened('b', 's', { owner: socket('lost', 2) });
        await stage.opened('b', 'kept', { owner: socket('live', 1) });
        await stage.opened('c', 's', { owner: socket('lost', 3) });
        await store.sessions.detach([ref('c', 's', socket('lost', 3))], LONG);
        await stage.opened('d', 's', { owner: socket('lost', 4) });
        await stage.open('d', 's', { owner: socket('live', 2), intent: 'resume' });
        await stage.advanceBeating(NODE_LEASE + 300, 'live');

        const owner = socket('lost', 1);
        expect(await store.sessions.renew([{ userId: 'a', sessionId: 's', owner, leaseMs: LONG }])).toEqual([
          { outcome: 'fenced' },
        ]);
        expect(await stage.open('e', 's', { owner })).toEqual({ outcome: 'fenced' });
        expect(await store.sessions.close({ userId: 'a', sessionId: 's', owner, reason: 'left' })).toEqual({
          outcome: 'fenced',
        });
        expect(await store.nodes.beat('lost', LONG)).toMatchObject({ outcome: 'fenced' });

        expect(await store.nodes.sweep()).toMatchObject({ ended: 2 });
        expect(await store.nodes.sweep()).toMatchObject({ ended: 0 });
        expect(await store.nodes.beat('lost', LONG)).toMatchObject({ outcome: 'fenced' });
        expect(await stage.story('a')).toEqual(['open s online', 'close s node_lost offline']);
        expect(await stage.story('b')).toEqual(['open s online', 'open kept', 'close s node_lost']);
        const closes = (await stage.wholeLog()).filter((change) => change.kind === 'close');
        expect(closes.map((change) => change.reason)).toEqual(['node_lost', 'node_lost']);
        for (const { at } of closes) expect(Math.abs(at - now - NODE_LEASE)).toBeLessThan(100);
        expect(await stage.liveIds('c')).toEqual(['s']);
        expect(await stage.liveIds('d')).toEqual(['s']);
        const closedAt = closes.find((change) => change.userId === 'a')?.at;
        expect(await store.reads.status(['a'])).toMatchObject([{ online: false, lastSeenAt: closedAt }]);
      }));

    test('[P9] a session that expired by itself timed out, although its node was lost too', () =>
      onStage(create, async (stage) => {
        await stage.join('live');
        await stage.join('lost', NODE_LEASE);
        await stage.join('quits');
        await stage.opened('u', 's', { owner: socket('lost', 1), leaseMs: SHORT });
        await stage.opened('v', 's', { owner: socket('quits', 1), leaseMs: SHORT });
        const [session] = await stage.sessionsOf('u');
        await stage.advanceBeating(NODE_LEASE + 300, 'live');
        await stage.store.nodes.quit('quits');
        await stage.store.nodes.sweep();
        expect(await stage.story('v')).toEqual(['open s online', 'close s timeout offline']);
        expect(
          (await stage.wholeLog()).find((change) => change.kind === 'close' && change.userId === 'u'),
        ).toMatchObject({
          reason: 'timeout',
          at: session?.expiresAt,
        });
      }));

    test('[P9] a node that beats keeps its sessions', () =>
      onStage(create, async (stage) => {
        await stage.join('live');
        await stage.join('n', NODE_LEASE);
        await stage.opened('u', 's', { owner: socket('n') });
        for (let i = 0; i < 6; i += 1) {
          await stage.advanceBeating(200, 'live');
          expect(await stage.store.nodes.beat('n', NODE_LEASE)).toMatchObject({ outcome: 'alive' });
        }
        await stage.store.nodes.sweep();
        expect(await stage.liveIds('u')).toEqual(['s']);
      }));

    test('[P9] quit gives the lease up: what is still owned ends, what was detached lives on', () =>
      onStage(create, async (stage) => {
        const { store } = stage;
        await stage.join('live');
        await stage.join('n');
        await stage.opened('u', 's', { owner: socket('n', 1) });
        await stage.opened('v', 's', { owner: socket('n', 2) });
        await store.sessions.detach([ref('v', 's', socket('n', 2))], LONG);
        await store.nodes.quit('n');
        expect(await store.nodes.beat('n', LONG)).toMatchObject({ outcome: 'fenced' });
        expect(await stage.open('w', 's', { owner: socket('n', 3) })).toEqual({ outcome: 'fenced' });
        await store.nodes.sweep();
        expect(await stage.story('u')).toEqual(['open s online', 'close s node_lost offline']);
        expect(await stage.liveIds('v')).toEqual(['s']);
        await store.nodes.quit('n');
        await store.nodes.quit('never');
      }));

    test('[P9] when nobody could beat for long, leases that ran go on for a grace before any is judged', () =>
      onStage(
        create,
        async (stage) => {
          const { store } = stage;
          await stage.join('over', 1);
          await stage.join('n', NODE_LEASE);
          await stage.opened('u', 's', { owner: socket('n', 1) });
          await stage.opened('v', 'beating', { leaseMs: NODE_LEASE });
          await stage.opened('w', 'over', { leaseMs: 1 });
          await stage.advance(20);
          expect(await store.nodes.beat('n', NODE_LEASE)).toMatchObject({ outcome: 'alive' });
          await stage.advance(2 * NODE_LEASE);
          expect(await store.nodes.sweep()).toMatchObject({ ended: 1 });
          expect(await stage.isOnline('u')).toBe(true);
          expect(await stage.liveIds('v')).toEqual(['beating']);
          expect(await stage.story('w')).toEqual(['open over online', 'close over timeout offline']);
          expect(await store.nodes.beat('n', LONG)).toMatchObject({ outcome: 'alive' });
          expect(await store.nodes.beat('over', LONG)).toMatchObject({ outcome: 'fenced' });
          expect(await store.sessions.renew([{ ...ref('u', 's', socket('n', 1)), leaseMs: LONG }])).toMatchObject([
            { outcome: 'renewed' },
          ]);
        },
        { stallGraceMs: LONG },
      ));

    test('[P9] [P11] a lost node’s session never ends before what it watched last began', () =>
      onStage(
        create,
        async (stage) => {
          const { store } = stage;
          await stage.join('n', NODE_LEASE);
          await stage.opened('u', 's', { owner: socket('n', 1), attributes: { streamId: 'a' } });
          await stage.advance(2 * NODE_LEASE);
          // The silence is answered: the lease that is over by the clock goes on, and with it the session.
          expect(await store.nodes.sweep()).toMatchObject({ ended: 0 });
          const switched = await store.sessions.update({ userId: 'u', sessionId: 's', attributes: { streamId: 'b' } });
          expect(switched).toMatchObject({ outcome: 'updated', segment: 1 });
          await stage.advance(3 * NODE_LEASE);
          await store.nodes.sweep();
          const close = (await stage.wholeLog()).at(-1);
          expect(close).toMatchObject({ kind: 'close', reason: 'node_lost', streamId: 'b' });
          expect(close?.at).toBeGreaterThanOrEqual(close?.segmentStartedAt as number);
        },
        { stallGraceMs: 2 * NODE_LEASE },
      ));

    test('[P9] the first beat after a silence finds its lease extended too', () =>
      onStage(
        create,
        async (stage) => {
          await stage.join('n', NODE_LEASE);
          await stage.advance(2 * NODE_LEASE);
          expect(await stage.store.nodes.beat('n', NODE_LEASE)).toMatchObject({ outcome: 'alive' });
        },
        { stallGraceMs: LONG },
      ));
  });

  describe('loss of the store', () => {
    test('[P10] restore re-opens above the limit with the start it had', () =>
      onStage(create, async (stage) => {
        await stage.join('n');
        await stage.openedInTurn('u', 'a', 'b', 'c');
        const startedAt = 1_700_000_000_000;
        const restored = await stage.open('u', 'd', {
          owner: socket('n'),
          intent: 'restore',
          startedAt,
          attributes: FULL,
        });
        expect(restored).toMatchObject({ outcome: 'opened', current: 4, max: 3, startedAt, displaced: [] });
        expect((await stage.sessionsOf('u'))[0]).toMatchObject({ ...FULL, sessionId: 'd', startedAt });
        expect((await stage.wholeLog()).at(-1)).toMatchObject({ kind: 'open', startedAt, segment: 0 });
        expect(await stage.open('u', 'd', { owner: socket('n'), intent: 'restore', startedAt: 5 })).toMatchObject({
          outcome: 'renewed',
          startedAt,
        });
        expect(await stage.open('u', 'e')).toMatchObject({ outcome: 'refused', current: 4 });
      }));

    test('[P10] the epoch stays while the store remembers, and changes when it forgot', () =>
      onStage(create, async (stage) => {
        await stage.join('n');
        const { epoch } = await stage.store.nodes.beat('n', LONG);
        expect((await stage.store.nodes.beat('n', LONG)).epoch).toBe(epoch);
        if (stage.held.forget === undefined) return;
        await stage.opened('u', 's');
        const cursor = await stage.store.log.tail();
        await stage.held.forget();
        expect(await stage.store.nodes.beat('n', LONG)).toMatchObject({ outcome: 'fenced' });
        const joined = await stage.store.nodes.join('n2', LONG);
        expect(joined.outcome).toBe('alive');
        expect(joined.epoch).not.toBe(epoch);
        expect(await stage.isOnline('u')).toBe(false);
        expect(await stage.open('u', 's', { intent: 'restore', startedAt: 1000 })).toMatchObject({ startedAt: 1000 });
        expect(await stage.store.log.read(cursor, 10, 0)).toMatchObject({ gap: true });
      }));

    test('[P10] [P11] open and update tell the segment; what was forgotten is restored in it', () =>
      onStage(create, async (stage) => {
        const { store } = stage;
        const open = (streamId: string, more: Partial<OpenRequest> = {}) =>
          stage.open('u', 's', { attributes: { streamId }, ...more });
        const update = (attributes: Attributes) => store.sessions.update({ userId: 'u', sessionId: 's', attributes });
        const opened = await open('a');
        const { startedAt } = opened as { startedAt: number };
        expect(opened).toMatchObject({ outcome: 'opened', segment: 0, segmentStartedAt: startedAt });
        await stage.advance(20);
        expect(await update({ streamId: 'b' })).toMatchObject({ outcome: 'updated', segment: 1 });
        await stage.advance(20);
        const renewed = await open('c');
        const { at: segmentStartedAt } = (await stage.wholeLog()).at(-1) as { at: number };
        const place = { segment: 2, segmentStartedAt };
        expect(segmentStartedAt).toBeGreaterThan(startedAt);
        expect(renewed).toMatchObject({ outcome: 'renewed', ...place });
        expect(await update({ deviceType: 'tv' })).toEqual({ outcome: 'updated', ...place });
        expect(await update({ streamId: 'c' })).toEqual({ outcome: 'unchanged', ...place });

        if (stage.held.forget === undefined)
          await store.sessions.close({ userId: 'u', sessionId: 's', reason: 'left' });
        else await stage.held.forget();
        const former = { startedAt, ...place };
        expect(await open('c', { intent: 'restore', ...former })).toMatchObject({ outcome: 'opened', ...former });
        expect((await stage.wholeLog()).at(-1)).toMatchObject({ kind: 'open', ...former });
        // Nothing that was forgotten is taken over twice, nor what another session of that name was.
        const behind = { startedAt, segment: 1, segmentStartedAt: startedAt };
        expect(await open('c', { intent: 'restore', ...behind })).toMatchObject(former);
        const another = { startedAt: startedAt - 1, segment: 7, segmentStartedAt };
        expect(await open('c', { intent: 'restore', ...another })).toMatchObject(former);
        expect(await open('c', { intent: 'fresh', startedAt, segment: 7, segmentStartedAt })).toMatchObject(former);
        await stage.advance(20);
        await store.sessions.close({ userId: 'u', sessionId: 's', reason: 'left' });
        expect((await stage.wholeLog()).at(-1)).toMatchObject({ kind: 'close', streamId: 'c', ...former });
      }));

    test('[P10] a store that went back in time takes over how far a session was', () =>
      onStage(create, async (stage) => {
        const opened = await stage.open('u', 's', { attributes: { streamId: 'a' } });
        const { startedAt } = opened as { startedAt: number };
        await stage.advance(50);
        const segmentStartedAt = startedAt + 30;
        const former = { startedAt, segment: 4, segmentStartedAt };
        const restored = await stage.open('u', 's', { attributes: { streamId: 'a' }, intent: 'restore', ...former });
        expect(restored).toMatchObject({ outcome: 'renewed', ...former });
        expect((await stage.wholeLog()).at(-1)).toMatchObject({
          kind: 'update',
          streamId: 'a',
          ...former,
          previous: { streamId: 'a', segment: 0, segmentStartedAt: startedAt },
        });
        const again = await stage.open('u', 's', { attributes: { streamId: 'b' }, intent: 'restore', ...former });
        expect(again).toMatchObject({ outcome: 'renewed', segment: 5 });
        expect(await stage.story()).toEqual(['open s online', 'update s', 'update s']);
      }));

    test('[P10] what a clock ahead of the store’s remembers is taken for now', () =>
      onStage(create, async (stage) => {
        const { now } = await stage.store.nodes.join('clock', LONG);
        const ahead = { startedAt: now + LONG, segment: 3, segmentStartedAt: now + 2 * LONG };
        const restored = await stage.open('u', 's', { intent: 'restore', ...ahead });
        const { startedAt } = restored as { startedAt: number };
        expect(startedAt).toBeLessThan(now + LONG);
        expect(restored).toMatchObject({ segment: 3, segmentStartedAt: startedAt });
        const odd = await stage.open('v', 's', {
          intent: 'restore',
          startedAt: 2000,
          segment: 1,
          segmentStartedAt: 1000,
        });
        expect(odd).toMatchObject({ startedAt: 2000, segment: 1, segmentStartedAt: 2000 });
      }));
  });
}
