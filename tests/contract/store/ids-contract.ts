/** Every id of P13 is one id, whatever it looks like: wherever ids are kept, none is taken for another. */
import { describe, expect, test } from '@jest/globals';
import type { Change, PresenceStore } from '../../../presence-core/index.ts';
import type { Attributes } from '../../../presence-core/session.ts';
import { HOSTILE_IDS, manyHostileIds } from '../../support/hostile-ids.ts';
import { pagesOf } from '../../support/snapshots.ts';
import { expectCountsToEqualRecount } from './recount.ts';
import { type CreateStore, drain, LONG, ref, socket, withFixture } from './store-fixture.ts';

interface Known {
  readonly userId: string;
  readonly sessionId: string;
  readonly attributes: Attributes & { readonly streamId: string };
}

/** Each id once as a user, and elsewhere beside others. */
function sessionsOf(ids: readonly string[]): Known[] {
  const at = (i: number): string => ids[i % ids.length] as string;
  return ids.map((userId, i) => ({
    userId,
    sessionId: at(i * 7 + 1),
    attributes: { streamId: at(i * 3 + 2), deviceId: at(i * 5 + 3), deviceType: 'tv', meta: { name: at(i) } },
  }));
}

const byName = (a: string, b: string): number => (a < b ? -1 : 1);
const nameOf = ({ userId, sessionId }: { userId: string; sessionId: string }): string =>
  JSON.stringify([userId, sessionId]);

async function snapshotOf(store: PresenceStore, streamId?: string): Promise<string[]> {
  const names: string[] = [];
  for await (const page of pagesOf(store, streamId)) names.push(...page.sessions.map(nameOf));
  return names.sort(byName);
}

export function idsContract(create: CreateStore): void {
  describe('ids', () => {
    test('[P13] whatever its characters, a session is read, counted, shown, renewed and ended under its ids', () =>
      withFixture(
        create,
        async (fixture) => {
          const { store } = fixture;
          const ids = manyHostileIds(40);
          const known = sessionsOf(ids);
          await fixture.join('n');
          const owner = socket('n', 7);
          const member = store.groups.join('g', 'm');
          await Promise.all(
            known.map((k) => store.sessions.open({ ...k, owner, leaseMs: LONG, intent: 'fresh', limit: 3 })),
          );

          const users = await store.reads.sessions(ids);
          expect(users.map(({ userId, sessions }) => ({ userId, sessions }))).toEqual(
            known.map(({ userId, sessionId, attributes }) => ({
              userId,
              sessions: [expect.objectContaining({ userId, sessionId, ...attributes })],
            })),
          );
          expect((await store.reads.status(ids)).map(({ userId, sessions }) => [userId, sessions])).toEqual(
            ids.map((id) => [id, 1]),
          );
          await expectCountsToEqualRecount(store, ids);

          const streams = [...new Set(known.map((k) => k.attributes.streamId))];
          expect(await snapshotOf(store)).toEqual(known.map(nameOf).sort(byName));
          for (const streamId of streams.slice(0, 40)) {
            const there = known.filter((k) => k.attributes.streamId === streamId);
            expect(await snapshotOf(store, streamId)).toEqual(there.map(nameOf).sort(byName));
          }
          for (const k of known.slice(0, 20)) {
            expect((await store.snapshots.ofUser(k.userId)).sessions.map(nameOf)).toEqual([nameOf(k)]);
          }

          const renewed = await store.sessions.renew(
            known.map((k) => ({ ...ref(k.userId, k.sessionId, owner), leaseMs: 2 * LONG })),
          );
          expect(renewed.map(({ outcome }) => outcome)).toEqual(known.map(() => 'renewed'));
          const others = known.map((k, i) => ref(k.userId, known[(i + 1) % known.length]?.sessionId as string, owner));
          const missed = await store.sessions.renew(others.map((other) => ({ ...other, leaseMs: LONG })));
          expect(missed.map(({ outcome }) => outcome)).toEqual(known.map(() => 'gone'));

          for (const k of known) {
            const streamId = `next${k.attributes.streamId}`.slice(0, 250);
            if (Buffer.byteLength(streamId) > 512) continue;
            await store.sessions.update({ ...ref(k.userId, k.sessionId, owner), attributes: { streamId } });
          }
          await expectCountsToEqualRecount(store, ids);
          await store.sessions.close({
            ...ref(ids[0] as string, known[0]?.sessionId as string, owner),
            reason: 'left',
          });
          const [detached] = await store.sessions.detach(
            [ref(ids[1] as string, known[1]?.sessionId as string, owner)],
            0,
          );
          expect(detached?.outcome).toBe('detached');
          for (const id of ids.slice(2)) {
            const ended = await store.sessions.kick(id);
            expect(ended.map(({ session }) => session.userId)).toEqual([id]);
          }
          await store.nodes.sweep();
          expect(await store.reads.counts([{ by: 'total' }])).toEqual([{ users: 0, sessions: 0 }]);
          expect(await store.reads.top('stream', 1_000)).toEqual([]);
          for (const status of await store.reads.status(ids)) {
            expect(status).toMatchObject({ online: false, lastSeenAt: expect.any(Number) });
          }

          const log = await fixture.wholeLog();
          const told = (kind: Change['kind']): string[] =>
            log
              .filter((change) => change.kind === kind)
              .map(nameOf)
              .sort(byName);
          expect(told('open')).toEqual(known.map(nameOf).sort(byName));
          expect(told('close')).toEqual(known.map(nameOf).sort(byName));
          for (const k of known) {
            const own = log.filter((change) => nameOf(change) === nameOf(k));
            expect(own[0]).toMatchObject(k.attributes);
            for (const change of own) {
              if (change.kind === 'update') expect(change.previous?.streamId).toBe(k.attributes.streamId);
            }
          }
          const taken = await member.take(10_000, 0);
          expect(taken.lost).toBe(0);
          expect(taken.changes.map(nameOf).sort(byName)).toEqual(log.map(nameOf).sort(byName));
        },
        { defaultLimit: 3 },
      ));

    test('[P5] [P13] tombstones, limits and what is replaced are of one id alone', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        const pairs = sessionsOf(HOSTILE_IDS);
        for (const { userId, sessionId } of pairs) await fixture.opened(userId, sessionId);
        for (const [i, { userId, sessionId }] of pairs.entries()) {
          await store.limits.setOverride(userId, (i % 90) + 2);
          if (i % 2 === 0) await store.sessions.close({ userId, sessionId, reason: 'kicked' });
          else await fixture.opened(userId, 'newer', { replace: [sessionId] });
        }
        for (const [i, { userId, sessionId }] of pairs.entries()) {
          expect(await store.limits.override(userId)).toBe((i % 90) + 2);
          expect(await fixture.open(userId, sessionId, { intent: 'resume' })).toMatchObject({
            outcome: 'ended',
            reason: i % 2 === 0 ? 'kicked' : 'replaced',
          });
          expect(await fixture.liveIds(userId)).toEqual(i % 2 === 0 ? [] : ['newer']);
          await store.limits.setOverride(userId, null);
          expect(await store.limits.override(userId)).toBeNull();
        }
      }));

    test('[P5] [P13] of sessions that began together the first by code points is the oldest', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        // By UTF-16 units the astral one would come before the wide one, and | after all letters.
        const inOrder = ['!', 'B', 'a', 'b!', 'b|', 'b|z', 'b}', 'é', '\uff41', '😀'];
        const startedAt = Date.now() - 1_000;
        const restored = { intent: 'restore', startedAt, segment: 0, segmentStartedAt: startedAt } as const;
        for (const id of [...inOrder].reverse()) await fixture.opened('u', id, restored);
        expect(await fixture.liveIds('u')).toEqual(inOrder);
        const refused = await fixture.open('u', 'new', { limit: 2 });
        if (refused.outcome !== 'refused') throw new Error(refused.outcome);
        expect(refused.conflicts.map(({ sessionId }) => sessionId)).toEqual(inOrder);
        const evicted = await fixture.open('u', 'new', { limit: 4, onLimit: 'evict-oldest' });
        if (evicted.outcome !== 'opened') throw new Error(evicted.outcome);
        expect(evicted.displaced.map(({ session }) => session.sessionId)).toEqual(inOrder.slice(0, 7));
        expect(await drain(store, await store.log.tail())).toEqual([]);
      }));
  });
}
