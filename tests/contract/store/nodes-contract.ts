/** What happens when a node or the store itself is lost (P9, P10). */
import { describe, expect, test } from '@jest/globals';
import { ConnectionNumbers, type OpenRequest, type Owner } from '../../../presence-core/index.ts';
import type { Attributes } from '../../../presence-core/session.ts';
import type { Restored } from '../../../presence-core/store/nodes.ts';
import { type CreateStore, FULL, LONG, NODE_LEASE, PAST, ref, SHORT, socket, withFixture } from './store-fixture.ts';

export function nodesContract(create: CreateStore): void {
  describe('nodes', () => {
    test('[P9] a socket owns sessions only under a joined generation: fenced', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        const owner = socket('never', 1);
        const fenced = { outcome: 'fenced' };
        await fixture.opened('u', 's');
        expect(await fixture.open('u', 't', { owner })).toEqual(fenced);
        expect(await fixture.open('u', 's', { owner })).toEqual(fenced);
        expect(await store.sessions.renew([{ userId: 'u', sessionId: 's', owner, leaseMs: LONG }])).toEqual([fenced]);
        expect(await store.sessions.detach([ref('u', 's', owner)], LONG)).toEqual([fenced]);
        expect(await store.sessions.update({ userId: 'u', sessionId: 's', owner, attributes: FULL })).toEqual(fenced);
        expect(await store.sessions.close({ userId: 'u', sessionId: 's', owner, reason: 'left' })).toEqual(fenced);
        expect(await store.nodes.beat('never', LONG)).toMatchObject(fenced);
        expect(await fixture.liveIds('u')).toEqual(['s']);
      }));

    test('[P9] a lost node’s sessions end once, at the end of its lease; others are not touched', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        await fixture.join('live');
        await fixture.join('lost', NODE_LEASE);
        const { now } = await store.nodes.beat('lost', NODE_LEASE);
        await store.nodes.beat('live', LONG);
        await fixture.opened('a', 's', { owner: socket('lost', 1), attributes: FULL });
        await fixture.opened('b', 's', { owner: socket('lost', 2) });
        await fixture.opened('b', 'kept', { owner: socket('live', 1) });
        await fixture.opened('c', 's', { owner: socket('lost', 3) });
        await store.sessions.detach([ref('c', 's', socket('lost', 3))], LONG);
        await fixture.opened('d', 's', { owner: socket('lost', 4) });
        await fixture.open('d', 's', { owner: socket('live', 2), intent: 'resume' });
        await fixture.advanceBeating(NODE_LEASE + 300, 'live');

        const owner = socket('lost', 1);
        expect(await store.sessions.renew([{ userId: 'a', sessionId: 's', owner, leaseMs: LONG }])).toEqual([
          { outcome: 'fenced' },
        ]);
        expect(await fixture.open('e', 's', { owner })).toEqual({ outcome: 'fenced' });
        expect(await store.sessions.close({ userId: 'a', sessionId: 's', owner, reason: 'left' })).toEqual({
          outcome: 'fenced',
        });
        expect(await store.nodes.beat('lost', LONG)).toMatchObject({ outcome: 'fenced' });

        expect(await store.nodes.sweep()).toMatchObject({ ended: 2 });
        expect(await store.nodes.sweep()).toMatchObject({ ended: 0 });
        expect(await store.nodes.beat('lost', LONG)).toMatchObject({ outcome: 'fenced' });
        expect(await fixture.story('a')).toEqual(['open s online', 'close s node_lost offline']);
        expect(await fixture.story('b')).toEqual(['open s online', 'open kept', 'close s node_lost']);
        const closes = (await fixture.wholeLog()).filter((change) => change.kind === 'close');
        expect(closes.map((change) => change.reason)).toEqual(['node_lost', 'node_lost']);
        for (const { at } of closes) expect(Math.abs(at - now - NODE_LEASE)).toBeLessThan(100);
        expect(await fixture.liveIds('c')).toEqual(['s']);
        expect(await fixture.liveIds('d')).toEqual(['s']);
        const closedAt = closes.find((change) => change.userId === 'a')?.at;
        expect(await store.reads.status(['a'])).toMatchObject([{ online: false, lastSeenAt: closedAt }]);
      }));

    test('[P9] a session that expired by itself timed out, although its node was lost too', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('live');
        await fixture.join('lost', NODE_LEASE);
        await fixture.join('quits');
        await fixture.opened('u', 's', { owner: socket('lost', 1), leaseMs: SHORT });
        await fixture.opened('v', 's', { owner: socket('quits', 1), leaseMs: SHORT });
        const [session] = await fixture.sessionsOf('u');
        await fixture.advanceBeating(NODE_LEASE + 300, 'live');
        await fixture.store.nodes.quit('quits');
        await fixture.store.nodes.sweep();
        expect(await fixture.story('v')).toEqual(['open s online', 'close s timeout offline']);
        expect(
          (await fixture.wholeLog()).find((change) => change.kind === 'close' && change.userId === 'u'),
        ).toMatchObject({
          reason: 'timeout',
          at: session?.expiresAt,
        });
      }));

    test('[P10] a join and a beat tell the generations whose leases run', () =>
      withFixture(create, async (fixture) => {
        const { nodes } = fixture.store;
        expect(await nodes.join('lost', NODE_LEASE)).toMatchObject({ nodes: ['lost'] });
        await fixture.join('quits');
        const joined = await nodes.join('live', LONG);
        expect([...joined.nodes].sort()).toEqual(['live', 'lost', 'quits']);
        await nodes.quit('quits');
        const beaten = await nodes.beat('live', LONG);
        expect([...beaten.nodes].sort()).toEqual(['live', 'lost']);
        await fixture.advanceBeating(NODE_LEASE + 300, 'live');
        expect(await nodes.beat('live', LONG)).toMatchObject({ nodes: ['live'] });
        expect(await nodes.beat('lost', LONG)).toMatchObject({ outcome: 'fenced', nodes: ['live'] });
      }));

    test('[P10] nodes say in the store that they are done with the restore of an epoch', () =>
      withFixture(create, async (fixture) => {
        const { epoch } = await fixture.store.nodes.join('n', LONG);
        const { nodes } = await fixture.held.second();
        const first = fixture.store.nodes;
        const saidOf = async (said: Promise<Restored>) => {
          const { nodeIds, returnsUntil } = await said;
          return [...[...nodeIds].sort(), returnsUntil];
        };
        expect(await saidOf(first.confirmRestored([], epoch))).toEqual([0]);
        expect(await saidOf(first.confirmRestored(['a', 'a2'], epoch))).toEqual(['a', 'a2', 0]);
        expect(await saidOf(nodes.confirmRestored(['b'], epoch, 5_000))).toEqual(['a', 'a2', 'b', 5_000]);
        expect(await saidOf(first.confirmRestored(['a', 'a2'], epoch, 4_000.5))).toEqual(['a', 'a2', 'b', 5_000]);
        expect(await saidOf(nodes.confirmRestored([], epoch))).toEqual(['a', 'a2', 'b', 5_000]);
        expect(await saidOf(nodes.confirmRestored(['b'], 'the next'))).toEqual(['b', 0]);
      }));

    test('[P10] what one node tells of those who are due again, all are told with their beats', () =>
      withFixture(create, async (fixture) => {
        const { nodes } = fixture.store;
        const { nodes: others } = await fixture.held.second();
        expect(await nodes.join('n', LONG)).toMatchObject({ returnsUntil: 0 });
        expect(await others.join('o', LONG, 5_000.5)).toMatchObject({ returnsUntil: 5_001 });
        expect(await nodes.beat('n', LONG, 4_000)).toMatchObject({ returnsUntil: 5_001 });
        await others.quit('o');
        expect(await nodes.beat('n', LONG)).toMatchObject({ returnsUntil: 5_001 });
        expect(await nodes.beat('n', LONG, 6_000)).toMatchObject({ returnsUntil: 6_000 });
        expect(await nodes.join('late', LONG)).toMatchObject({ returnsUntil: 6_000 });
      }));

    test('[P19] what a node tells of itself, all are given, the latest, for as long as it said', () =>
      withFixture(create, async (fixture) => {
        const { nodes } = fixture.store;
        const { nodes: others } = await fixture.held.second();
        expect(await nodes.reports([])).toEqual([]);
        await nodes.report('short', 'gone soon', SHORT);
        await nodes.report('n', 'former', LONG);
        await nodes.report('n', '{"sockets":1}', LONG);
        // In more than one call.
        const many = Array.from({ length: 300 }, (_, i) => `many-${i}`);
        await Promise.all(many.map((nodeId) => others.report(nodeId, nodeId.padEnd(2_048, '-'), LONG)));
        expect(await others.reports(['short', 'nobody', 'n'])).toEqual(['gone soon', undefined, '{"sockets":1}']);
        const told = await nodes.reports([...many, 'nobody']);
        expect(told).toEqual([...many.map((nodeId) => nodeId.padEnd(2_048, '-')), undefined]);
        await fixture.advance(PAST);
        expect(await nodes.reports(['short', 'n'])).toEqual([undefined, '{"sockets":1}']);
      }));

    test('[P9] a node that beats keeps its sessions', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('live');
        await fixture.join('n', NODE_LEASE);
        await fixture.opened('u', 's', { owner: socket('n') });
        for (let i = 0; i < 6; i += 1) {
          await fixture.advanceBeating(200, 'live');
          expect(await fixture.store.nodes.beat('n', NODE_LEASE)).toMatchObject({ outcome: 'alive' });
        }
        await fixture.store.nodes.sweep();
        expect(await fixture.liveIds('u')).toEqual(['s']);
      }));

    test('[P9] quit gives the lease up: what is still owned ends, what was detached lives on', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        await fixture.join('live');
        await fixture.join('n');
        await fixture.opened('u', 's', { owner: socket('n', 1) });
        await fixture.opened('v', 's', { owner: socket('n', 2) });
        await store.sessions.detach([ref('v', 's', socket('n', 2))], LONG);
        await store.nodes.quit('n');
        expect(await store.nodes.beat('n', LONG)).toMatchObject({ outcome: 'fenced' });
        expect(await fixture.open('w', 's', { owner: socket('n', 3) })).toEqual({ outcome: 'fenced' });
        await store.nodes.sweep();
        expect(await fixture.story('u')).toEqual(['open s online', 'close s node_lost offline']);
        expect(await fixture.liveIds('v')).toEqual(['s']);
        await store.nodes.quit('n');
        await store.nodes.quit('never');
      }));

    test('[P9] when nobody could beat for long, leases that ran go on for a grace before any is judged', () =>
      withFixture(
        create,
        async (fixture) => {
          const { store } = fixture;
          await fixture.join('over', NODE_LEASE / 4);
          await fixture.join('n', NODE_LEASE);
          await fixture.opened('u', 's', { owner: socket('n', 1) });
          await fixture.opened('v', 'beating', { leaseMs: NODE_LEASE });
          await fixture.opened('w', 'over', { leaseMs: 1 });
          await fixture.advance(NODE_LEASE / 4 + 50);
          expect(await store.nodes.beat('n', NODE_LEASE)).toMatchObject({ outcome: 'alive' });
          await fixture.advance(2 * NODE_LEASE);
          expect(await store.nodes.sweep()).toMatchObject({ ended: 1 });
          expect(await fixture.isOnline('u')).toBe(true);
          expect(await fixture.liveIds('v')).toEqual(['beating']);
          expect(await fixture.story('w')).toEqual(['open over online', 'close over timeout offline']);
          expect(await store.nodes.beat('n', LONG)).toMatchObject({ outcome: 'alive' });
          expect(await store.nodes.beat('over', LONG)).toMatchObject({ outcome: 'fenced' });
          expect(await store.sessions.renew([{ ...ref('u', 's', socket('n', 1)), leaseMs: LONG }])).toMatchObject([
            { outcome: 'renewed' },
          ]);
        },
        { stallGraceMs: LONG },
      ));

    test('[P9] [P11] a lost node’s session never ends before what it watched last began', () =>
      withFixture(
        create,
        async (fixture) => {
          const { store } = fixture;
          await fixture.join('n', NODE_LEASE);
          await fixture.opened('u', 's', { owner: socket('n', 1), attributes: { streamId: 'a' } });
          await fixture.advance(2 * NODE_LEASE);
          // The silence is answered: the lease that is over by the clock goes on, and with it the session.
          expect(await store.nodes.sweep()).toMatchObject({ ended: 0 });
          const switched = await store.sessions.update({ userId: 'u', sessionId: 's', attributes: { streamId: 'b' } });
          expect(switched).toMatchObject({ outcome: 'updated', segment: 1 });
          await fixture.advance(3 * NODE_LEASE);
          await store.nodes.sweep();
          const close = (await fixture.wholeLog()).at(-1);
          expect(close).toMatchObject({ kind: 'close', reason: 'node_lost', streamId: 'b' });
          expect(close?.at).toBeGreaterThanOrEqual(close?.segmentStartedAt as number);
        },
        { stallGraceMs: 2 * NODE_LEASE },
      ));

    test('[P7] [P9] [P10] a node that was cut off takes nothing back that somebody else holds by now', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        await fixture.join('former');
        await fixture.join('n');
        await fixture.join('other');
        const [former, own] = [socket('former', 1), socket('n', 1)];
        for (const intent of ['resume', 'restore'] as const) {
          const again: Partial<OpenRequest> = { intent, owner: own, socketWas: 'held', attributes: FULL };
          const others = intent === 'resume' ? (['heartbeat', 'guard'] as const) : [];
          for (const holder of [socket('other', 7), ...others]) {
            const userId = `${intent} ${typeof holder}`.replace(' ', '-') + String(holder).length;
            await fixture.opened(userId, 's', { owner: former });
            await fixture.open(userId, 's', { owner: holder, attributes: { streamId: 'x' } });
            const [before] = await fixture.sessionsOf(userId);
            expect(await fixture.open(userId, 's', again)).toEqual({ outcome: 'moved' });
            expect(await fixture.sessionsOf(userId)).toEqual([before]);
            expect(await store.sessions.renew([{ ...ref(userId, 's', holder), leaseMs: LONG }])).toMatchObject([
              { outcome: 'renewed' },
            ]);
          }
          // What it held itself, was left to the grace, or has been opened by this very act before, it takes.
          await fixture.opened(`${intent}-own`, 's', { owner: former });
          expect(await fixture.open(`${intent}-own`, 's', again)).toMatchObject({ outcome: 'renewed' });
          expect(await fixture.open(`${intent}-own`, 's', again)).toMatchObject({ outcome: 'renewed', displaced: [] });
          await fixture.opened(`${intent}-left`, 's', { owner: socket('other', 8) });
          await store.sessions.detach([ref(`${intent}-left`, 's', socket('other', 8))], LONG);
          expect(await fixture.open(`${intent}-left`, 's', again)).toMatchObject({ outcome: 'renewed' });
          expect(await fixture.open(`${intent}-gone`, 's', again)).toMatchObject({ outcome: 'opened' });
        }
      }));

    test('[P7] of two sockets the one whose hello came later has the session, whichever asks last', () =>
      withFixture(create, async (fixture) => {
        for (const node of ['n', 'm']) await fixture.join(node);
        const [older, newer] = [socket('m', 1), socket('n', 2)];
        const acts: [string, Partial<OpenRequest>][] = [
          ['late', { intent: 'fresh', socketWas: 'late' }],
          ['resumed', { intent: 'resume', socketWas: 'late' }],
          ['held', { intent: 'resume', socketWas: 'held' }],
          ['restore', { intent: 'restore', socketWas: 'held' }],
        ];
        for (const [userId, act] of acts) {
          await fixture.opened(userId, 's', { owner: newer });
          const [before] = await fixture.sessionsOf(userId);
          expect(await fixture.open(userId, 's', { ...act, owner: older, attributes: FULL })).toEqual({
            outcome: 'moved',
          });
          expect(await fixture.sessionsOf(userId)).toEqual([before]);
          // The newer one takes it from the older, and the same socket under another id of its node from itself.
          await fixture.opened(`${userId}-2`, 's', { owner: older });
          expect(await fixture.open(`${userId}-2`, 's', { ...act, owner: newer })).toMatchObject({
            outcome: 'renewed',
            displaced: [{ owner: older, reason: 'moved' }],
          });
          const again = socket('m', newer.connection);
          expect(await fixture.open(`${userId}-2`, 's', { ...act, owner: again })).toMatchObject({
            outcome: 'renewed',
          });
          // What came just now is the latest hello there is.
          expect(await fixture.open(userId, 's', { owner: older })).toMatchObject({ outcome: 'renewed' });
        }
      }));

    test('[P2] [P7] a socket from before the clock was set back is no newer one', () =>
      withFixture(create, async (fixture) => {
        const { now } = await fixture.store.nodes.join('n', LONG);
        const numbers = new ConnectionNumbers(() => false);
        const [before, earlier, next] = [3_600_000, 3_500_000, -1_000].map((ms) => socket('n', numbers.next(now + ms)));
        if (!before || !earlier || !next) return;
        const late = { intent: 'resume', socketWas: 'late' } as const;
        await fixture.opened('u', 's', { owner: before });
        // Two of one time are told apart by their numbers, and exactly.
        expect(await fixture.open('u', 's', { ...late, owner: earlier })).toEqual({ outcome: 'moved' });
        const twin = socket('n', before.connection - 1);
        expect(await fixture.open('u', 's', { ...late, owner: twin })).toEqual({ outcome: 'moved' });
        expect(await fixture.open('u', 's', { ...late, owner: next })).toMatchObject({ outcome: 'renewed' });
        expect(await fixture.open('u', 's', { ...late, owner: before })).toEqual({ outcome: 'moved' });
      }));

    test('[P10] what is restored is taken from a beat, which holds it only since', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        await fixture.opened('u', 's', { owner: 'heartbeat', intent: 'beat' });
        const again = { owner: socket('n'), socketWas: 'held' } as const;
        expect(await fixture.open('u', 's', { ...again, intent: 'resume' })).toEqual({ outcome: 'moved' });
        expect(await fixture.open('u', 's', { ...again, intent: 'restore' })).toMatchObject({ outcome: 'renewed' });
        expect(await fixture.open('u', 's', { owner: 'heartbeat', intent: 'beat' })).toMatchObject({ outcome: 'held' });
      }));

    test('[P9] the first beat after a silence finds its lease extended too', () =>
      withFixture(
        create,
        async (fixture) => {
          await fixture.join('n', NODE_LEASE);
          await fixture.advance(2 * NODE_LEASE);
          expect(await fixture.store.nodes.beat('n', NODE_LEASE)).toMatchObject({ outcome: 'alive' });
        },
        { stallGraceMs: LONG },
      ));
  });

  describe('loss of the store', () => {
    test('[P10] restore re-opens above the limit with the start it had', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        await fixture.openedInTurn('u', 'a', 'b', 'c');
        const startedAt = 1_700_000_000_000;
        const restored = await fixture.open('u', 'd', {
          owner: socket('n'),
          intent: 'restore',
          startedAt,
          attributes: FULL,
        });
        expect(restored).toMatchObject({ outcome: 'opened', current: 4, max: 3, startedAt, displaced: [] });
        expect((await fixture.sessionsOf('u'))[0]).toMatchObject({ ...FULL, sessionId: 'd', startedAt });
        expect((await fixture.wholeLog()).at(-1)).toMatchObject({ kind: 'open', startedAt, segment: 0 });
        expect(await fixture.open('u', 'd', { owner: socket('n'), intent: 'restore', startedAt: 5 })).toMatchObject({
          outcome: 'renewed',
          startedAt,
        });
        expect(await fixture.open('u', 'e')).toMatchObject({ outcome: 'refused', current: 4 });
      }));

    test('[P10] the epoch stays while the store remembers, and changes when it forgot', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        const { epoch } = await fixture.store.nodes.beat('n', LONG);
        expect((await fixture.store.nodes.beat('n', LONG)).epoch).toBe(epoch);
        if (fixture.held.forget === undefined) return;
        await fixture.opened('u', 's');
        const cursor = await fixture.store.log.tail();
        await fixture.held.forget();
        expect(await fixture.store.nodes.beat('n', LONG)).toMatchObject({ outcome: 'fenced' });
        const joined = await fixture.store.nodes.join('n2', LONG);
        expect(joined.outcome).toBe('alive');
        expect(joined.epoch).not.toBe(epoch);
        expect(await fixture.isOnline('u')).toBe(false);
        expect(await fixture.open('u', 's', { intent: 'restore', startedAt: 1000 })).toMatchObject({ startedAt: 1000 });
        expect(await fixture.store.log.read(cursor, 10, 0)).toMatchObject({ gap: true });
      }));

    test('[P10] [P11] open and update tell the segment; what was forgotten is restored in it', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        const open = (streamId: string, more: Partial<OpenRequest> = {}) =>
          fixture.open('u', 's', { attributes: { streamId }, ...more });
        const update = (attributes: Attributes) => store.sessions.update({ userId: 'u', sessionId: 's', attributes });
        const opened = await open('a');
        const { startedAt } = opened as { startedAt: number };
        expect(opened).toMatchObject({ outcome: 'opened', segment: 0, segmentStartedAt: startedAt });
        await fixture.advance(20);
        expect(await update({ streamId: 'b' })).toMatchObject({ outcome: 'updated', segment: 1 });
        await fixture.advance(20);
        const renewed = await open('c');
        const { at: segmentStartedAt } = (await fixture.wholeLog()).at(-1) as { at: number };
        const place = { segment: 2, segmentStartedAt };
        expect(segmentStartedAt).toBeGreaterThan(startedAt);
        expect(renewed).toMatchObject({ outcome: 'renewed', ...place });
        expect(await update({ deviceType: 'tv' })).toEqual({ outcome: 'updated', ...place });
        expect(await update({ streamId: 'c' })).toEqual({ outcome: 'unchanged', ...place });

        if (fixture.held.forget === undefined)
          await store.sessions.close({ userId: 'u', sessionId: 's', reason: 'timeout' });
        else await fixture.held.forget();
        const former = { startedAt, ...place };
        expect(await open('c', { intent: 'restore', ...former })).toMatchObject({ outcome: 'opened', ...former });
        expect((await fixture.wholeLog()).at(-1)).toMatchObject({ kind: 'open', ...former });
        // Nothing that was forgotten is taken over twice, nor what another session of that name was.
        const behind = { startedAt, segment: 1, segmentStartedAt: startedAt };
        expect(await open('c', { intent: 'restore', ...behind })).toMatchObject(former);
        const another = { startedAt: startedAt - 1, segment: 7, segmentStartedAt };
        expect(await open('c', { intent: 'restore', ...another })).toMatchObject(former);
        expect(await open('c', { intent: 'fresh', startedAt, segment: 7, segmentStartedAt })).toMatchObject(former);
        await fixture.advance(20);
        await store.sessions.close({ userId: 'u', sessionId: 's', reason: 'left' });
        expect((await fixture.wholeLog()).at(-1)).toMatchObject({ kind: 'close', streamId: 'c', ...former });
      }));

    test('[P10] a store that went back in time takes over how far a session was', () =>
      withFixture(create, async (fixture) => {
        const opened = await fixture.open('u', 's', { attributes: { streamId: 'a' } });
        const { startedAt } = opened as { startedAt: number };
        await fixture.advance(50);
        const segmentStartedAt = startedAt + 30;
        const former = { startedAt, segment: 4, segmentStartedAt };
        const restored = await fixture.open('u', 's', { attributes: { streamId: 'a' }, intent: 'restore', ...former });
        expect(restored).toMatchObject({ outcome: 'renewed', ...former });
        expect((await fixture.wholeLog()).at(-1)).toMatchObject({
          kind: 'update',
          streamId: 'a',
          ...former,
          previous: { streamId: 'a', segment: 0, segmentStartedAt: startedAt },
        });
        const again = await fixture.open('u', 's', { attributes: { streamId: 'b' }, intent: 'restore', ...former });
        expect(again).toMatchObject({ outcome: 'renewed', segment: 5 });
        expect(await fixture.story()).toEqual(['open s online', 'update s', 'update s']);
      }));

    test('[P5] [P10] the end of an earlier session of its id keeps none from being restored', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        await fixture.join('n');
        const ends: [string, () => Promise<unknown>][] = [
          ['kicked', () => store.sessions.kick('kicked')],
          ['left', () => store.sessions.close({ userId: 'left', sessionId: 's', reason: 'left' })],
        ];
        for (const [userId, end] of ends) {
          const { startedAt } = (await fixture.open(userId, 's')) as { startedAt: number };
          await fixture.advance(30);
          await end();
          await fixture.advance(30);
          const again = { intent: 'restore', owner: socket('n'), segment: 0 } as const;
          const former = { ...again, startedAt, segmentStartedAt: startedAt };
          expect(await fixture.open(userId, 's', former)).toMatchObject({ outcome: 'ended', reason: userId });
          const last = (await fixture.wholeLog()).findLast((change) => change.userId === userId);
          const later = { startedAt: (last?.at ?? 0) + 10, segmentStartedAt: (last?.at ?? 0) + 10 };
          expect(await fixture.open(userId, 's', { ...again, ...later })).toMatchObject({
            outcome: 'opened',
            ...later,
          });
          expect(await fixture.open(userId, 's', { intent: 'beat' })).toMatchObject({ outcome: 'held' });
        }
      }));

    test('[P10] [P11] a session is restored after an earlier one of its id, whose end the store forgot', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        for (const node of ['former', 'other', 'n']) await fixture.join(node);
        const again = { intent: 'restore', owner: socket('n', 9), socketWas: 'held' } as const;
        const holders: [string, Owner, boolean][] = [
          ['former', socket('former'), true],
          ['other', socket('other'), true],
          ['beats', 'heartbeat', false],
          ['detached', socket('other'), false],
        ];
        for (const [userId, owner, isTold] of holders) {
          const attributes = { streamId: 'a' };
          const earlier = await fixture.open(userId, 's', { owner, attributes });
          if (userId === 'detached') await store.sessions.detach([ref(userId, 's', owner)], LONG);
          await fixture.advance(50);
          const { startedAt: before } = earlier as { startedAt: number };
          const later = { startedAt: before + 30, segment: 2, segmentStartedAt: before + 40 };
          expect(await fixture.open(userId, 's', { ...again, attributes, ...later })).toMatchObject({
            outcome: 'opened',
            current: 1,
            ...later,
            displaced: isTold ? [{ owner, reason: 'moved' }] : [],
          });
          expect(await fixture.story(userId)).toEqual(['open s online', 'close s timeout', 'open s']);
          expect((await fixture.wholeLog()).filter((change) => change.userId === userId).slice(-2)).toMatchObject([
            { kind: 'close', startedAt: before, segment: 0, at: later.startedAt },
            { kind: 'open', ...later },
          ]);
          // Nobody restores the earlier one over it, nor ends it twice.
          const stale = { ...again, owner: socket('other'), startedAt: before };
          expect(await fixture.open(userId, 's', stale)).toEqual({ outcome: 'moved' });
          expect(await fixture.open(userId, 's', { ...again, attributes, ...later })).toMatchObject({
            outcome: 'renewed',
            ...later,
          });
        }
        expect(await store.reads.counts([{ by: 'total' }, { by: 'stream', key: 'a' }])).toEqual([
          { users: 4, sessions: 4 },
          { users: 4, sessions: 4 },
        ]);
      }));

    test('[P10] a restore that knows no segment comes after an earlier session of its id, too', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        const { startedAt: before } = (await fixture.open('u', 's', { owner: socket('n') })) as { startedAt: number };
        await fixture.advance(50);
        const startedAt = before + 30;
        const again = { intent: 'restore', owner: socket('n', 2), socketWas: 'held', startedAt } as const;
        expect(await fixture.open('u', 's', again)).toMatchObject({ outcome: 'opened', startedAt, segment: 0 });
        expect(await fixture.story()).toEqual(['open s online', 'close s timeout', 'open s']);
      }));

    test('[P9] [P10] what goes on under a start that its player was told is not live yet, and keeps to the limit', () =>
      withFixture(create, async (fixture) => {
        const { now } = await fixture.store.nodes.join('n', LONG);
        const known = { startedAt: now - 5_000, segment: 2, segmentStartedAt: now - 4_000 };
        const again = { owner: socket('n', 3), socketWas: 'held', intent: 'resume', limit: 1, ...known } as const;
        expect(await fixture.open('u', 's', again)).toMatchObject({ outcome: 'opened', ...known });
        expect(await fixture.open('u', 'other', { ...again, startedAt: now })).toMatchObject({ outcome: 'refused' });
        // Of a live one the store knows better.
        const later = { startedAt: now - 1_000, segment: 9, segmentStartedAt: now };
        expect(await fixture.open('u', 's', { ...again, ...later })).toMatchObject({ outcome: 'renewed', ...known });
        // Nor is it taken for one that began after an end that its player knows of.
        await fixture.store.sessions.kick('u');
        expect(await fixture.open('u', 's', again)).toMatchObject({ outcome: 'ended', reason: 'kicked' });
      }));

    test('[P10] a beat that returns is let in above the limit, up to twice, and changes no tombstone', () =>
      withFixture(create, async (fixture) => {
        const { sessions } = fixture.store;
        const terms = { limit: 1, onLimit: 'evict-oldest', intent: 'beat', owner: 'heartbeat' } as const;
        await fixture.open('u', 'other', terms);
        const returning = { ...terms, returns: true } as const;
        expect(await fixture.open('u', 's', returning)).toMatchObject({ outcome: 'opened', current: 2, displaced: [] });
        const third = { ...returning, owner: 'guard' } as const;
        expect(await fixture.open('u', 'guard', third)).toMatchObject({ outcome: 'refused', current: 2, max: 1 });
        await sessions.kick('u');
        expect(await fixture.open('u', 's', returning)).toMatchObject({ outcome: 'ended', reason: 'kicked' });
      }));

    test('[P10] so is a resume that returns; what it finds it takes back as ever', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        const terms = { limit: 1, onLimit: 'evict-oldest', intent: 'resume', returns: true } as const;
        await fixture.open('u', 'other', { limit: 1, owner: socket('n', 1) });
        const late = { ...terms, owner: socket('n', 2), socketWas: 'late' } as const;
        expect(await fixture.open('u', 's', late)).toMatchObject({ outcome: 'opened', current: 2, displaced: [] });
        expect(await fixture.open('u', 's', { ...late, owner: socket('n', 1) })).toEqual({ outcome: 'moved' });
        const again = { ...terms, owner: socket('n', 3) };
        expect(await fixture.open('u', 's', again)).toMatchObject({ outcome: 'renewed', current: 2 });
        await fixture.store.sessions.kick('u');
        expect(await fixture.open('u', 's', again)).toMatchObject({ outcome: 'ended', reason: 'kicked' });
      }));

    test('[P10] what a clock ahead of the store’s remembers is taken for now', () =>
      withFixture(create, async (fixture) => {
        const { now } = await fixture.store.nodes.join('clock', LONG);
        const ahead = { startedAt: now + LONG, segment: 3, segmentStartedAt: now + 2 * LONG };
        const restored = await fixture.open('u', 's', { intent: 'restore', ...ahead });
        const { startedAt } = restored as { startedAt: number };
        expect(startedAt).toBeLessThan(now + LONG);
        expect(restored).toMatchObject({ segment: 3, segmentStartedAt: startedAt });
        const odd = await fixture.open('v', 's', {
          intent: 'restore',
          startedAt: 2000,
          segment: 1,
          segmentStartedAt: 1000,
        });
        expect(odd).toMatchObject({ startedAt: 2000, segment: 1, segmentStartedAt: 2000 });
      }));
  });
}
