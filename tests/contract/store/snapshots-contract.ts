/** A snapshot and the log after it make the truth, without a gap and without a double (P11); a return admits nobody (P4). */
import { describe, expect, test } from '@jest/globals';
import type { PresenceStore } from '../../../presence-core/index.ts';
import { PRESENCE_ONLY, type Session } from '../../../presence-core/session.ts';
import { pagesOf } from '../../support/snapshots.ts';
import { type CreateStore, drain, FULL, LONG, PAST, SHORT, socket, withFixture } from './store-fixture.ts';

const keyOf = (session: { userId: string; sessionId: string }): string => `${session.userId} ${session.sessionId}`;

async function everything(store: PresenceStore, streamId?: string): Promise<Session[]> {
  const sessions: Session[] = [];
  for await (const page of pagesOf(store, streamId)) sessions.push(...page.sessions);
  return sessions;
}

export function snapshotContract(create: CreateStore): void {
  describe('snapshot', () => {
    test('[P11] all parts together hold each session once, whole, until its close is in the log', () =>
      withFixture(create, async (fixture) => {
        for (let i = 0; i < 40; i++) await fixture.opened(`u${i % 25}`, `s${i}`, { attributes: FULL, limit: 5 });
        await fixture.opened('short', 's', { leaseMs: SHORT });
        await fixture.opened('mark', PRESENCE_ONLY, { owner: 'presence' });
        await fixture.advance(PAST);
        expect((await everything(fixture.store)).map(keyOf)).toContain('short s');
        await fixture.store.nodes.sweep();
        const all = await everything(fixture.store);
        expect(all.map(keyOf)).not.toContain('short s');
        const users = [...Array.from({ length: 25 }, (_, i) => `u${i}`)];
        const expected = (await fixture.store.reads.sessions(users)).flatMap((user) => user.sessions);
        expect(all.filter((s) => s.via !== 'presence').sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))).toEqual(
          [...expected].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
        );
        expect(all.filter((s) => s.via === 'presence').map(keyOf)).toEqual([`mark ${PRESENCE_ONLY}`]);
      }));

    test('[P11] a user is in its part and in its own snapshot, with the sequence of the last change', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        for (const user of ['a', 'b', 'c']) await fixture.opened(user, 's', { attributes: FULL });
        await store.sessions.update({ userId: 'b', sessionId: 's', attributes: { streamId: 'other' } });
        for (const user of ['a', 'b', 'c']) {
          const own = await store.snapshots.ofUser(user);
          const part = await store.snapshots.page(store.snapshots.partOf(user));
          expect(own.sessions.map(keyOf)).toEqual([`${user} s`]);
          expect(part.sessions.map(keyOf)).toContain(`${user} s`);
          expect(part).toMatchObject({ shard: own.shard, sequence: own.sequence });
          expect(store.log.positions(await store.log.tail())[own.shard]).toBe(own.sequence);
        }
        const last = (await fixture.wholeLog()).filter((change) => change.userId === 'b').at(-1);
        const { shard, sequence } = await store.snapshots.ofUser('b');
        expect({ shard, sequence }).toEqual({ shard: last?.shard, sequence: last?.sequence });
        expect(await store.snapshots.ofUser('nobody')).toMatchObject({ sessions: [] });
      }));

    test('[P11] a snapshot taken amid changes, then the log with what it shows left out, make the truth', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        const users = Array.from({ length: 30 }, (_, i) => `u${i}`);
        const start = await store.log.tail();
        let done = false;
        const act = async (): Promise<void> => {
          for (let i = 0; i < 300; i++) {
            const userId = users[(i * 7) % users.length] as string;
            const sessionId = `s${i % 4}`;
            if (i % 3 < 2) await fixture.open(userId, sessionId, { attributes: { streamId: `f${i % 5}` }, limit: 10 });
            else await store.sessions.close({ userId, sessionId, reason: 'left' });
          }
          done = true;
        };
        const acting = act();
        const view = new Map<string, string | undefined>();
        const shown = new Map<number, number>();
        for await (const page of pagesOf(store)) {
          for (let part = page.first; part < page.next; part++) shown.set(part, page.sequence);
          for (const session of page.sessions) {
            expect(view.has(keyOf(session))).toBe(false);
            view.set(keyOf(session), session.streamId);
          }
        }
        await acting;
        expect(done).toBe(true);
        for (const change of await drain(store, start)) {
          if (change.sequence <= (shown.get(store.snapshots.partOf(change.userId)) ?? 0)) continue;
          expect(view.has(keyOf(change))).toBe(change.kind !== 'open');
          if (change.kind === 'close') view.delete(keyOf(change));
          else view.set(keyOf(change), change.streamId);
        }
        const truth = (await store.reads.sessions(users)).flatMap((user) => user.sessions);
        expect(Object.fromEntries(view)).toEqual(Object.fromEntries(truth.map((s) => [keyOf(s), s.streamId])));
      }));

    test('[P11] a snapshot of a stream is of its sessions alone, whenever it was first asked for', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        const onStream = async (streamId: string): Promise<string[]> => {
          const sessions = await everything(store, streamId);
          expect(sessions.map((session) => session.streamId)).toEqual(sessions.map(() => streamId));
          return sessions.map(keyOf).sort();
        };
        const open = (user: string, session: string, streamId?: string) =>
          fixture.opened(user, session, streamId === undefined ? {} : { attributes: { ...FULL, streamId }, limit: 5 });
        for (let i = 0; i < 20; i++) await open(`u${i}`, 's', i % 4 === 0 ? 'few' : 'many');
        await open('idle', 's');
        await open('mark', PRESENCE_ONLY, 'few');
        const few = ['u0 s', 'u12 s', 'u16 s', 'u4 s', 'u8 s'];
        expect(await onStream('few')).toEqual(few);
        expect(await onStream('fe')).toEqual([]);
        await open('u0', 't', 'few');
        await open('u1', 't', 'few');
        await open('v', 's', 'few 2'.replace(' ', '-'));
        await store.sessions.update({ userId: 'u4', sessionId: 's', attributes: { streamId: 'many' } });
        await store.sessions.update({ userId: 'u5', sessionId: 's', attributes: { streamId: 'few' } });
        await store.sessions.close({ userId: 'u8', sessionId: 's', reason: 'left' });
        await store.sessions.kick('u12');
        await fixture.opened('short', 's', { leaseMs: SHORT, attributes: { streamId: 'few' } });
        await fixture.advance(PAST);
        expect(await onStream('few')).toEqual(['short s', 'u0 s', 'u0 t', 'u1 t', 'u16 s', 'u5 s']);
        await store.nodes.sweep();
        expect(await onStream('few')).toEqual(['u0 s', 'u0 t', 'u1 t', 'u16 s', 'u5 s']);
        expect(await onStream('many')).toHaveLength(15);
        for (const user of ['u0', 'u1', 'u16', 'u5']) await store.sessions.kick(user);
        expect(await onStream('few')).toEqual([]);
      }));

    test('[P11] a snapshot of a stream amid changes, then the log with what it shows left out, make the truth', () =>
      withFixture(create, async (fixture) => {
        const { store } = fixture;
        const act = async (i: number): Promise<void> => {
          const userId = `u${(i * 7) % 30}`;
          const sessionId = `s${i % 4}`;
          if (i % 3 < 2) await fixture.open(userId, sessionId, { attributes: { streamId: `f${i % 3}` }, limit: 10 });
          else await store.sessions.close({ userId, sessionId, reason: 'left' });
        };
        for (let i = 0; i < 60; i++) await act(i);
        for (let round = 0; round < 4; round++) {
          const start = await store.log.tail();
          const acting = (async () => {
            for (let i = 0; i < 60; i++) await act(60 + round * 60 + i);
          })();
          const view = new Set<string>();
          const shown = new Map<number, number>();
          for await (const page of pagesOf(store, 'f1')) {
            for (let part = page.first; part < page.next; part++) shown.set(part, page.sequence);
            for (const session of page.sessions) view.add(keyOf(session));
          }
          await acting;
          for (const change of await drain(store, start)) {
            if (change.sequence <= (shown.get(store.snapshots.partOf(change.userId)) ?? 0)) continue;
            if (change.kind !== 'close' && change.streamId === 'f1') view.add(keyOf(change));
            else view.delete(keyOf(change));
          }
          const users = await store.reads.sessions(Array.from({ length: 30 }, (_, i) => `u${i}`));
          const truth = users.flatMap((user) => user.sessions).filter(({ streamId }) => streamId === 'f1');
          expect([...view].sort()).toEqual(truth.map(keyOf).sort());
        }
      }));

    test('[P4] a return takes a live session back and admits none', () =>
      withFixture(create, async (fixture) => {
        await fixture.join('n');
        expect(await fixture.open('u', 's', { owner: socket('n'), intent: 'return' })).toEqual({ outcome: 'gone' });
        await fixture.opened('u', 's', { owner: socket('n') });
        await fixture.store.sessions.detach([{ userId: 'u', sessionId: 's', owner: socket('n') }], LONG);
        expect(await fixture.open('u', 's', { owner: socket('n', 2), intent: 'return' })).toMatchObject({
          outcome: 'renewed',
        });
        const [session] = await fixture.sessionsOf('u');
        const startedAt = (session as Session).startedAt;
        const byToken = { intent: 'return', owner: socket('n', 2) } as const;
        const earlier = await fixture.open('u', 's', { ...byToken, owner: socket('n', 4), startedAt: startedAt - 1 });
        expect(earlier).toEqual({ outcome: 'gone' });
        expect(await fixture.open('u', 's', { ...byToken, startedAt })).toMatchObject({ outcome: 'renewed' });
        const either = { ...byToken, startedAt: startedAt + 5, orStartedAt: [startedAt - 5, startedAt] };
        expect(await fixture.open('u', 's', either)).toMatchObject({ outcome: 'renewed', startedAt });
        const neither = { ...byToken, startedAt: startedAt + 5, orStartedAt: [startedAt - 5] };
        expect(await fixture.open('u', 's', { ...neither, owner: socket('n', 4) })).toEqual({ outcome: 'gone' });
        await fixture.store.sessions.kick('u');
        expect(await fixture.open('u', 's', { owner: socket('n', 3), intent: 'return' })).toMatchObject({
          outcome: 'ended',
          reason: 'kicked',
        });
        expect(await fixture.isOnline('u')).toBe(false);
      }));
  });
}
