/** Who answers a silence of the store, what that extends, and what it leaves as it was (P9). */
import { describe, expect, test } from '@jest/globals';
import type { PresenceStore } from '../../../presence-core/index.ts';
import { type CreateStore, LONG, NODE_LEASE, ref, type StoreFixture, socket, withFixture } from './store-fixture.ts';

/** Longer than any lease that is to be over after it. */
const SILENCE_MS = 2 * NODE_LEASE;
/** An extension that no test outlives, unless it waits for its end. */
const GRACE = { stallGraceMs: LONG };
const SHORT_GRACE = { stallGraceMs: 2 * NODE_LEASE };

const renewal = { userId: 'u', sessionId: 's', owner: socket('n'), leaseMs: LONG };

/** Node `n` holds u/s, and v beats over HTTP; then nobody is heard until their leases are over. */
async function silentAfter(fixture: StoreFixture): Promise<{ nodeEndsAt: number; beatEndsAt: number }> {
  await fixture.join('n', NODE_LEASE);
  await fixture.opened('u', 's', { owner: socket('n'), limit: 1 });
  await fixture.opened('v', 's', { leaseMs: NODE_LEASE, limit: 1 });
  const { now } = await fixture.store.nodes.beat('n', NODE_LEASE);
  const [beat] = await fixture.sessionsOf('v');
  await fixture.advance(SILENCE_MS);
  return { nodeEndsAt: now + NODE_LEASE, beatEndsAt: beat?.expiresAt as number };
}

/** A node's lease ends at an instant of its own in each shard, and a beat tells the latest. */
function expectNear(at: number | undefined, expected: number): void {
  expect(Math.abs((at ?? 0) - expected)).toBeLessThan(100);
}

/** What somebody new may do first, through a handle that joined under a new generation. */
const STRANGERS: [string, (store: PresenceStore) => Promise<unknown>][] = [
  ['a join', async () => {}],
  ['a beat', (store) => store.nodes.beat('new', LONG)],
  ['a sweep', (store) => store.nodes.sweep()],
  ['a read', (store) => store.reads.status(['u', 'v'])],
  [
    'an open',
    (store) =>
      store.sessions.open({
        userId: 'w',
        sessionId: 's',
        owner: socket('new'),
        attributes: {},
        leaseMs: LONG,
        intent: 'fresh',
      }),
  ],
  ['a quit', (store) => store.nodes.quit('new')],
];

/** Each of these is a sign that the generation which the handle joined under is back. */
const SIGNS: [string, (store: PresenceStore) => Promise<unknown>][] = [
  ['its beat', (store) => store.nodes.beat('n', NODE_LEASE)],
  ['its join, repeated', (store) => store.nodes.join('n', NODE_LEASE)],
  ['its sweep', (store) => store.nodes.sweep()],
  ['its renewal', (store) => store.sessions.renew([renewal])],
  [
    'an HTTP beat through it',
    (store) =>
      store.sessions.open({
        userId: 'v',
        sessionId: 's',
        owner: 'heartbeat',
        attributes: {},
        leaseMs: LONG,
        intent: 'beat',
      }),
  ],
];

export function silenceContract(create: CreateStore): void {
  describe('a silence', () => {
    for (const [title, act] of SIGNS) {
      test(`[P9] is answered by a witness: ${title}`, () =>
        withFixture(
          create,
          async (fixture) => {
            await silentAfter(fixture);
            await act(fixture.store);
            expect(await fixture.store.nodes.sweep()).toMatchObject({ ended: 0 });
            expect(await fixture.liveIds('u')).toEqual(['s']);
            expect(await fixture.liveIds('v')).toEqual(['s']);
            expect(await fixture.store.nodes.beat('n', NODE_LEASE)).toMatchObject({ outcome: 'alive' });
            expect(await fixture.story()).toHaveLength(2);
          },
          GRACE,
        ));
    }

    for (const [title, act] of STRANGERS) {
      test(`[P9] is not answered by somebody new: ${title} revives nobody, and all end when their leases did`, () =>
        withFixture(
          create,
          async (fixture) => {
            const { nodeEndsAt, beatEndsAt } = await silentAfter(fixture);
            const other = await fixture.held.second();
            expect(await other.nodes.join('new', LONG)).toMatchObject({ outcome: 'alive' });
            await act(other);
            expect(await other.reads.status(['v'])).toMatchObject([{ online: false, lastSeenAt: beatEndsAt }]);
            const open = { attributes: {}, owner: 'heartbeat', leaseMs: LONG, intent: 'fresh', limit: 1 } as const;
            expect(await other.sessions.open({ ...open, userId: 'v', sessionId: 'tv' })).toMatchObject({
              outcome: 'opened',
              current: 1,
            });
            await other.nodes.sweep();
            expect(await other.sessions.open({ ...open, userId: 'u', sessionId: 'tv' })).toMatchObject({
              outcome: 'opened',
              current: 1,
            });
            const closes = (await fixture.wholeLog()).filter((change) => change.kind === 'close');
            expect(closes.map(({ userId, reason }) => `${userId} ${reason}`).sort()).toEqual([
              'u node_lost',
              'v timeout',
            ]);
            expect(closes.find(({ userId }) => userId === 'v')?.at).toBe(beatEndsAt);
            expectNear(closes.find(({ userId }) => userId === 'u')?.at, nodeEndsAt);
          },
          GRACE,
        ));
    }

    test('[P9] is still answered by its witness after somebody new joined, beat and was heard', () =>
      withFixture(
        create,
        async (fixture) => {
          await silentAfter(fixture);
          const other = await fixture.held.second();
          await other.nodes.join('new', NODE_LEASE);
          await fixture.advance(50);
          expect(await other.nodes.beat('new', NODE_LEASE)).toMatchObject({ outcome: 'alive' });
          expect(await fixture.store.nodes.beat('n', NODE_LEASE)).toMatchObject({ outcome: 'alive' });
          expect(await other.nodes.sweep()).toMatchObject({ ended: 0 });
          expect(await fixture.liveIds('u')).toEqual(['s']);
          expect(await fixture.liveIds('v')).toEqual(['s']);
        },
        GRACE,
      ));

    test('[P9] is over when no witness is left: who came in it is a witness of the next', () =>
      withFixture(
        create,
        async (fixture) => {
          await silentAfter(fixture);
          const other = await fixture.held.second();
          await other.nodes.join('new', NODE_LEASE);
          expect(await other.nodes.sweep()).toMatchObject({ ended: 2 });
          expect(await fixture.store.nodes.beat('n', NODE_LEASE)).toMatchObject({ outcome: 'fenced' });
          await other.nodes.beat('new', NODE_LEASE);
          await fixture.opened('w', 's', { owner: socket('new') });
          await fixture.advance(SILENCE_MS);
          expect(await other.nodes.sweep()).toMatchObject({ ended: 0 });
          expect(await other.nodes.beat('new', NODE_LEASE)).toMatchObject({ outcome: 'alive' });
          expect(await fixture.liveIds('w')).toEqual(['s']);
        },
        GRACE,
      ));

    test('[P9] does not follow an orderly stop of the last node: nobody is revived, another device is let in', () =>
      withFixture(
        create,
        async (fixture) => {
          const { store } = fixture;
          await fixture.join('n', NODE_LEASE);
          await fixture.opened('u', 's', { owner: socket('n'), limit: 1 });
          await fixture.opened('v', 'left', { owner: socket('n', 2) });
          const [detached] = await store.sessions.detach([ref('u', 's', socket('n'))], NODE_LEASE / 4);
          const { now: stoppedAt } = await store.nodes.beat('n', NODE_LEASE);
          await store.nodes.quit('n');
          await fixture.advance(SILENCE_MS);
          const other = await fixture.held.second();
          await other.nodes.join('next', LONG);
          await other.nodes.sweep();
          expect(await fixture.isOnline('u')).toBe(false);
          expect(await fixture.isOnline('v')).toBe(false);
          expect(await fixture.open('u', 'tv', { limit: 1 })).toMatchObject({ outcome: 'opened', current: 1 });
          const closes = (await fixture.wholeLog()).filter((change) => change.kind === 'close');
          expect(closes).toHaveLength(2);
          expect(closes.find(({ userId }) => userId === 'u')).toMatchObject({
            reason: 'timeout',
            at: (detached as { expiresAt: number }).expiresAt,
          });
          const lost = closes.find(({ userId }) => userId === 'v');
          expect(lost).toMatchObject({ reason: 'node_lost' });
          expect((lost?.at as number) - stoppedAt).toBeLessThan(NODE_LEASE / 2);
        },
        GRACE,
      ));

    test('[P9] a generation that quit in a silence is not revived by the answer', () =>
      withFixture(
        create,
        async (fixture) => {
          await fixture.join('m', NODE_LEASE);
          await fixture.opened('w', 's', { owner: socket('m') });
          await silentAfter(fixture);
          await fixture.store.nodes.quit('m');
          expect(await fixture.store.nodes.beat('n', NODE_LEASE)).toMatchObject({ outcome: 'alive' });
          expect(await fixture.store.nodes.beat('m', NODE_LEASE)).toMatchObject({ outcome: 'fenced' });
          await fixture.store.nodes.sweep();
          expect(await fixture.liveIds('w')).toEqual([]);
          expect(await fixture.liveIds('u')).toEqual(['s']);
        },
        GRACE,
      ));

    test('[P1] [P9] reads show what an extension covers: status, sessions, details, snapshot, conflicts', () =>
      withFixture(
        create,
        async (fixture) => {
          const { store } = fixture;
          await silentAfter(fixture);
          // Also before anybody has written the answer down.
          for (const isAnswered of [false, true]) {
            if (isAnswered) await store.nodes.beat('n', NODE_LEASE);
            expect(await store.reads.status(['u', 'v'])).toMatchObject([
              { online: true, sessions: 1 },
              { online: true, sessions: 1 },
            ]);
            const [session] = await fixture.sessionsOf('v');
            // Answers nothing, as there is none of that name; tells the store's clock.
            const { now } = await store.nodes.beat('nobody', LONG);
            expect(session).toMatchObject({ sessionId: 's', via: 'heartbeat' });
            expect(session?.expiresAt).toBeGreaterThan(now);
            const snapshot = await store.snapshots.ofUser('v');
            expect(snapshot.sessions).toHaveLength(1);
            expect(snapshot.sessions[0]?.expiresAt).toBeGreaterThan(now);
          }
          const refused = await fixture.open('v', 'tv', { limit: 1 });
          const [session] = await fixture.sessionsOf('v');
          expect(refused).toMatchObject({ outcome: 'refused', current: 1, conflicts: [session] });
          expect(refused).toMatchObject({ nextFreeAt: session?.expiresAt });
        },
        GRACE,
      ));

    test('[P9] [P15] hides the end of a lease and does not move it: log and last seen tell the true one', () =>
      withFixture(
        create,
        async (fixture) => {
          const { store } = fixture;
          const { nodeEndsAt, beatEndsAt } = await silentAfter(fixture);
          // The answer; from now on nobody is heard, and nothing of theirs is set again.
          expect(await store.nodes.sweep()).toMatchObject({ ended: 0 });
          await fixture.open('v', 'tv', { limit: 1 });
          await fixture.advance(SHORT_GRACE.stallGraceMs + 100);
          expect(await store.reads.status(['v'])).toMatchObject([{ online: false, lastSeenAt: beatEndsAt }]);
          expect(await store.nodes.sweep()).toMatchObject({ ended: 2 });
          const closes = (await fixture.wholeLog()).filter((change) => change.kind === 'close');
          expect(closes.find(({ userId }) => userId === 'v')).toMatchObject({ reason: 'timeout', at: beatEndsAt });
          const lost = closes.find(({ userId }) => userId === 'u');
          expect(lost).toMatchObject({ reason: 'node_lost' });
          expectNear(lost?.at, nodeEndsAt);
          expect(await store.reads.status(['v', 'u'])).toMatchObject([
            { lastSeenAt: beatEndsAt },
            { lastSeenAt: lost?.at },
          ]);
        },
        SHORT_GRACE,
      ));

    test('[P2] [P9] what is set after the answer ends when it says, though the extension goes on', () =>
      withFixture(
        create,
        async (fixture) => {
          const { store } = fixture;
          await silentAfter(fixture);
          await store.nodes.beat('n', LONG);
          await fixture.join('late', NODE_LEASE / 4);
          await store.nodes.beat('n', LONG);
          await fixture.opened('a', 'lost', { owner: socket('late') });
          await fixture.opened('b', 'new', { leaseMs: NODE_LEASE / 4 });
          await fixture.open('v', 's', { intent: 'beat', leaseMs: NODE_LEASE / 4 });
          const [detached] = await store.sessions.detach([ref('u', 's', socket('n'))], NODE_LEASE / 4);
          const { expiresAt } = detached as { expiresAt: number };
          expect(await fixture.sessionsOf('u')).toMatchObject([{ expiresAt }]);
          await fixture.advance(NODE_LEASE / 2);
          expect(await store.nodes.sweep()).toMatchObject({ ended: 4 });
          const closes = (await fixture.wholeLog()).filter((change) => change.kind === 'close');
          expect(closes.map(({ userId, reason }) => `${userId} ${reason}`).sort()).toEqual([
            'a node_lost',
            'b timeout',
            'u timeout',
            'v timeout',
          ]);
          expect(closes.find(({ userId }) => userId === 'u')?.at).toBe(expiresAt);
        },
        GRACE,
      ));

    test('[P9] [P11] a session that switched streams in an extension does not end before that', () =>
      withFixture(
        create,
        async (fixture) => {
          await silentAfter(fixture);
          await fixture.store.nodes.sweep();
          const update = { userId: 'v', sessionId: 's', attributes: { streamId: 'b' } };
          expect(await fixture.store.sessions.update(update)).toMatchObject({ outcome: 'updated', segment: 1 });
          await fixture.advance(SHORT_GRACE.stallGraceMs + 100);
          await fixture.store.nodes.sweep();
          const close = (await fixture.wholeLog()).find(({ kind, userId }) => kind === 'close' && userId === 'v');
          expect(close).toMatchObject({ reason: 'timeout', streamId: 'b' });
          expect(close?.at).toBe(close?.segmentStartedAt);
        },
        SHORT_GRACE,
      ));
  });
}
