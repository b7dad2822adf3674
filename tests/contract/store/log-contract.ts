/** The change log and the inboxes: each change once, in order, whole, readable from anywhere (P5, P11). */
import { describe, expect, test } from '@jest/globals';
import type { NodeMessage } from '../../../presence-core/index.ts';
import {
  type CreateStore,
  describeChange,
  drain,
  FULL,
  LONG,
  PAST,
  SHORT,
  type StoreFixture,
  socket,
  withFixture,
} from './store-fixture.ts';

export function logContract(create: CreateStore): void {
  describe('log', () => {
    test('[P11] an open says all of its session that readers need', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's', { attributes: FULL });
        const [session] = await fixture.sessionsOf('u');
        const [change] = await fixture.wholeLog();
        expect(change).toEqual({
          kind: 'open',
          at: session?.startedAt,
          userId: 'u',
          sessionId: 's',
          via: 'heartbeat',
          streamId: FULL.streamId,
          deviceType: FULL.deviceType,
          country: FULL.country,
          state: FULL.state,
          deviceId: FULL.deviceId,
          meta: FULL.meta,
          startedAt: session?.startedAt,
          segment: 0,
          segmentStartedAt: session?.startedAt,
          transition: 'online',
          sequence: 1,
          shard: change?.shard,
        });
      }));

    test('[P11] a switch of stream is one update that starts a segment and carries what ended', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's', { attributes: FULL });
        await fixture.advance(20);
        await fixture.store.sessions.update({
          userId: 'u',
          sessionId: 's',
          attributes: { streamId: 'film:2', deviceType: 'phone' },
        });
        await fixture.advance(20);
        await fixture.open('u', 's', { attributes: { country: 'AT' } });
        const [open, swtch, moved, ...rest] = await fixture.wholeLog();
        expect(rest).toEqual([]);
        const { streamId, deviceType, country, state } = FULL;
        expect(swtch).toMatchObject({
          kind: 'update',
          streamId: 'film:2',
          deviceType: 'phone',
          country,
          state,
          startedAt: open?.startedAt,
          segment: 1,
          segmentStartedAt: swtch?.at,
          previous: { streamId, deviceType, country, state, segment: 0, segmentStartedAt: open?.at },
        });
        expect(swtch?.transition).toBeUndefined();
        expect(moved).toMatchObject({
          kind: 'update',
          streamId: 'film:2',
          country: 'AT',
          segment: 1,
          segmentStartedAt: swtch?.at,
          previous: { streamId: 'film:2', country, segment: 1, segmentStartedAt: swtch?.at },
        });
      }));

    test('[P11] a first stream is a switch too', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's');
        await fixture.store.sessions.update({ userId: 'u', sessionId: 's', attributes: { streamId: 'x' } });
        const update = (await fixture.wholeLog()).at(-1);
        expect(update).toMatchObject({ kind: 'update', streamId: 'x', segment: 1, previous: { segment: 0 } });
        expect(update?.previous?.streamId).toBeUndefined();
      }));

    test('[P11] an update that changes nothing is not logged; opens and updates carry meta and device id, closes do not', () =>
      withFixture(create, async (fixture) => {
        const update = (attributes: object) =>
          fixture.store.sessions.update({ userId: 'u', sessionId: 's', attributes });
        await fixture.opened('u', 's', { attributes: FULL });
        expect(await update(FULL)).toMatchObject({ outcome: 'unchanged' });
        expect(await update({})).toMatchObject({ outcome: 'unchanged' });
        expect(await update({ meta: { app: '2' } })).toMatchObject({ outcome: 'updated' });
        expect(await update({ deviceId: 'other' })).toMatchObject({ outcome: 'updated' });
        expect(await update({ meta: { app: '2' }, deviceId: 'other' })).toMatchObject({ outcome: 'unchanged' });
        await fixture.open('u', 's', { attributes: FULL });
        expect((await fixture.sessionsOf('u'))[0]).toMatchObject(FULL);
        const odd = { 'a|b': '{"x":1}', '': '|' };
        await update({ meta: odd, streamId: 'other' });
        await fixture.store.sessions.close({ userId: 'u', sessionId: 's', reason: 'left' });
        const changes = await fixture.wholeLog();
        const { deviceId, meta } = FULL;
        expect(changes.map((change) => [change.kind, change.deviceId, change.meta])).toEqual([
          ['open', deviceId, meta],
          ['update', deviceId, { app: '2' }],
          ['update', 'other', { app: '2' }],
          ['update', deviceId, meta],
          ['update', deviceId, odd],
          ['close', undefined, undefined],
        ]);
        expect(changes[1]).toMatchObject({ segment: 0, previous: { streamId: FULL.streamId, segment: 0 } });
      }));

    test('[P11] a close carries the whole row, so that its reader needs no earlier entry', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's', { attributes: FULL });
        await fixture.advance(20);
        await fixture.store.sessions.update({ userId: 'u', sessionId: 's', attributes: { streamId: 'film:2' } });
        await fixture.advance(20);
        await fixture.store.sessions.close({ userId: 'u', sessionId: 's', reason: 'left' });
        const [open, update, close] = await fixture.wholeLog();
        const { deviceType, country, state } = FULL;
        expect(close).toEqual({
          kind: 'close',
          at: close?.at,
          userId: 'u',
          sessionId: 's',
          via: 'heartbeat',
          streamId: 'film:2',
          deviceType,
          country,
          state,
          startedAt: open?.at,
          segment: 1,
          segmentStartedAt: update?.at,
          transition: 'offline',
          reason: 'left',
          sequence: 3,
          shard: close?.shard,
        });
        expect(close?.at).toBeGreaterThan(update?.at as number);
      }));

    test('[P11] a session that expired is closed at its expiry, however late the sweep', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's', { leaseMs: SHORT, attributes: FULL });
        const [session] = await fixture.sessionsOf('u');
        await fixture.advance(PAST);
        await fixture.store.nodes.sweep();
        const { streamId, deviceType, country, state } = FULL;
        expect((await fixture.wholeLog()).at(-1)).toMatchObject({
          kind: 'close',
          at: session?.expiresAt,
          reason: 'timeout',
          transition: 'offline',
          startedAt: session?.startedAt,
          streamId,
          deviceType,
          country,
          state,
        });
      }));

    test('[P11] the sequence has no hole and each user’s transitions alternate', () =>
      withFixture(create, async (fixture) => {
        for (let i = 0; i < 120; i += 1) {
          const userId = `u${i % 7}`;
          if (i % 11 === 10) await fixture.store.sessions.kick(userId);
          else if (i % 5 === 4)
            await fixture.store.sessions.close({ userId, sessionId: `s${(i * 3) % 4}`, reason: 'left' });
          else {
            await fixture.open(userId, `s${(i * 3) % 4}`, {
              onLimit: 'evict-oldest',
              limit: 2,
              attributes: { streamId: `f${i % 2}` },
            });
          }
        }
        const changes = await fixture.wholeLog();
        const last = new Map<number, number>();
        for (const { shard, sequence } of changes) {
          expect(sequence).toBe((last.get(shard) ?? 0) + 1);
          last.set(shard, sequence);
        }
        for (let i = 0; i < 7; i += 1) {
          const flags = changes
            .filter((change) => change.userId === `u${i}`)
            .flatMap((change) => change.transition ?? []);
          flags.forEach((flag, at) => void expect(flag).toBe(at % 2 === 0 ? 'online' : 'offline'));
          expect(flags.at(-1) === 'online').toBe(await fixture.isOnline(`u${i}`));
        }
      }));

    test('[P11] a cursor goes on where it stood, on any handle, page by page', () =>
      withFixture(create, async (fixture) => {
        const second = await fixture.held.second();
        const empty = await fixture.store.log.tail();
        expect(await fixture.store.log.read(empty, 10, 0)).toMatchObject({ changes: [], gap: false });
        for (let i = 0; i < 10; i += 1) await fixture.opened('u', `s${i}`, { limit: 100 });
        const page = await fixture.store.log.read(empty, 4, 0);
        expect(page.changes.length).toBeGreaterThan(0);
        expect(page.changes.length).toBeLessThan(10);
        expect(page.more).toBe(true);
        expect((await fixture.store.log.read(empty, 1000, 0)).more).toBe(false);
        const rest = await drain(second, page.cursor);
        const ids = [...page.changes, ...rest].map((change) => change.sessionId);
        expect(ids).toEqual(Array.from({ length: 10 }, (_, i) => `s${i}`));
        const tail = await second.log.tail();
        await fixture.store.sessions.close({ userId: 'u', sessionId: 's3', reason: 'left' });
        expect((await drain(second, tail)).map(describeChange)).toEqual(['close s3 left']);
        expect(await drain(second, await fixture.store.log.head())).toHaveLength(11);
      }));

    test('[P11] a waiting reader is told as soon as something changes', () =>
      withFixture(create, async (fixture) => {
        const second = await fixture.held.second();
        const waiting = second.log.read(await second.log.tail(), 10, 60_000);
        await fixture.opened('u', 's');
        expect((await waiting).changes.map(describeChange)).toEqual(['open s online']);
      }));

    test('[P11] a reader that waits in vain is answered with nothing and the same place', () =>
      withFixture(create, async (fixture) => {
        await fixture.opened('u', 's');
        const page = await fixture.store.log.read(await fixture.store.log.tail(), 10, 50);
        expect(page).toMatchObject({ changes: [], gap: false });
        await fixture.opened('v', 's');
        expect((await drain(fixture.store, page.cursor)).map((change) => change.userId)).toEqual(['v']);
      }));

    test('[P11] the store stands by what was read, also when the log was trimmed behind it', () =>
      withFixture(
        create,
        async (fixture) => {
          const before = await fixture.store.log.tail();
          expect(await fixture.store.log.upholds(before)).toBe(true);
          for (let i = 0; i < 300; i += 1) await fixture.opened(`u${i}`, 's');
          expect(await fixture.store.log.upholds(await fixture.store.log.tail())).toBe(true);
          expect(await fixture.store.log.upholds(before)).toBe(true);
          await expect(fixture.store.log.upholds('nonsense')).rejects.toMatchObject({ code: 'invalid_cursor' });
        },
        { logMax: 100 },
      ));

    test('[P11] a reader whose place was trimmed away is told gap, and goes on without', () =>
      withFixture(
        create,
        async (fixture) => {
          const before = await fixture.store.log.tail();
          for (let i = 0; i < 700; i += 1) {
            await fixture.store.sessions.open({
              userId: 'u',
              sessionId: 's',
              attributes: { streamId: `f${i}` },
              owner: 'heartbeat',
              leaseMs: LONG,
              intent: 'fresh',
            });
          }
          const page = await fixture.store.log.read(before, 1000, 0);
          expect(page.gap).toBe(true);
          expect((await fixture.store.log.read(page.cursor, 1000, 0)).gap).toBe(false);
          await fixture.store.sessions.kick('u');
          expect((await drain(fixture.store, page.cursor)).at(-1)).toMatchObject({ kind: 'close', reason: 'kicked' });
          const kept = await fixture.wholeLog();
          expect(kept.length).toBeGreaterThanOrEqual(40);
          expect(kept.length).toBeLessThan(400);
          expect((await fixture.store.log.read(await fixture.store.log.head(), 10, 0)).gap).toBe(false);
        },
        { logMax: 40 },
      ));

    test('[P11] a place that this log never had is not upheld: of another deployment, however far either has come', () =>
      withFixture(create, (fixture) =>
        withFixture(create, async (other) => {
          const empty = await other.store.log.tail();
          for (let i = 0; i < 40; i += 1) await other.opened(`u${i}`, 's');
          const theirs = await other.store.log.tail();
          expect(await fixture.store.log.upholds(theirs)).toBe(false);
          for (let i = 0; i < 80; i += 1) await fixture.opened(`u${i}`, 's');
          const ours = await fixture.store.log.tail();
          expect(await fixture.store.log.upholds(ours)).toBe(true);
          expect(await fixture.store.log.upholds(theirs)).toBe(false);
          expect(await other.store.log.upholds(ours)).toBe(false);
          expect(await other.store.log.upholds(theirs)).toBe(true);
          // Nothing was read up to here, so nothing can be lost of it.
          expect(await other.store.log.upholds(empty)).toBe(true);
        }),
      ));

    test('[P11] nor is one beyond the newest entry, as of a log that went back', () =>
      withFixture(create, async (fixture) => {
        for (let i = 0; i < 3; i += 1) await fixture.opened('u', `s${i}`);
        const tail = await fixture.store.log.tail();
        const beyond = tail.replace(/(?<=[.:])3(?=[,;]|$)/, '9');
        expect(beyond).not.toBe(tail);
        expect(await fixture.store.log.upholds(beyond)).toBe(false);
        expect(await fixture.store.log.upholds(tail)).toBe(true);
        // What is asked of some shards the others do not matter for.
        const { log } = fixture.store;
        const mine = log.shardsOf(['u']);
        const others = [...log.positions(tail).keys()].filter((shard) => !mine.includes(shard));
        expect(await log.upholds(beyond, mine)).toBe(false);
        if (others.length > 0) expect(await log.upholds(beyond, others)).toBe(true);
      }));

    test('[P11] a text that is no cursor is rejected', () =>
      withFixture(create, async (fixture) => {
        for (const text of ['', 'x', 'm:', 'm:0:1', '0-0', '-1', '{"0":1}', `${await fixture.store.log.tail()}x`]) {
          await expect(fixture.store.log.read(text, 10, 0)).rejects.toMatchObject({
            name: 'StoreError',
            code: 'invalid_cursor',
          });
        }
      }));
  });

  describe('inbox', () => {
    test('[P5] notify tells the node that owns each displaced socket, by what it was displaced', () =>
      withFixture(create, async (fixture) => {
        const inboxes = await inboxesOf(fixture);
        await fixture.opened('u', 'a', { owner: socket('n', 1) });
        await fixture.opened('u', 'b', { owner: socket('m', 2) });
        await fixture.opened('u', 'c');
        const by = { sessionId: 'd', deviceType: 'tv' };
        const moved = await fixture.open('u', 'a', { owner: socket('n', 3) });
        if (moved.outcome === 'renewed') await fixture.store.inbox.notify(moved.displaced);
        await fixture.store.inbox.notify(await fixture.store.sessions.kick('u'), by);
        await arrival(() => inboxes.n.length + inboxes.m.length >= 3);
        const told = { userId: 'u' };
        expect(inboxes.n).toEqual([
          { ...told, sessionId: 'a', connection: 1, reason: 'moved' },
          { ...told, sessionId: 'a', connection: 3, reason: 'kicked', by },
        ]);
        expect(inboxes.m).toEqual([{ ...told, sessionId: 'b', connection: 2, reason: 'kicked', by }]);
      }));

    test('[P7] nodes are asked to renew the sessions of some users, or of all; one that is gone is no error', () =>
      withFixture(create, async (fixture) => {
        const inboxes = await inboxesOf(fixture);
        await fixture.store.inbox.send(['n', 'gone', 'm'], { renew: ['u', 'v'] });
        await fixture.store.inbox.send(['m'], { renew: 'all' });
        await arrival(() => inboxes.n.length + inboxes.m.length >= 3);
        expect(inboxes.n).toMatchObject([{ renew: ['u', 'v'] }]);
        expect(inboxes.m).toMatchObject([{ renew: ['u', 'v'] }, { renew: 'all' }]);
      }));

    test('[P11] a reader of the shards of some users is told of their changes, and its cursor is good for them', () =>
      withFixture(create, async (fixture) => {
        const { log } = fixture.store;
        const before = await log.tail();
        const users = Array.from({ length: 40 }, (_, i) => `u${i}`);
        const shards = log.shardsOf(['u0', 'u1', 'u0']);
        expect(new Set(shards).size).toBe(shards.length);
        const isThere = (userId: string): boolean => shards.includes(log.shardsOf([userId])[0] as number);
        for (const userId of users) await fixture.opened(userId, 's');
        const page = await log.read(before, 1_000, 0, shards);
        expect(page.changes.map(({ userId }) => userId).sort()).toEqual(users.filter(isThere).sort());
        expect(page.gap).toBe(false);
        const [was, is, end] = [before, page.cursor, await log.tail()].map((cursor) => log.positions(cursor));
        for (const shard of was?.keys() ?? []) expect(is?.[shard]).toBe((shards.includes(shard) ? end : was)?.[shard]);
        await fixture.store.sessions.kick('u1');
        const next = await log.read(page.cursor, 1_000, 0, shards);
        expect(next.changes.map(describeChange)).toEqual(['close s kicked offline']);
        const others = [...(was?.keys() ?? [])].filter((shard) => !shards.includes(shard));
        expect(log.positions(log.moved(next.cursor, await log.tail(), others))).toEqual(
          log.positions(await log.tail()),
        );
      }));

    test('[P11] the log tells how far back it will reach when it is full, at the rate so far', () =>
      withFixture(
        create,
        async (fixture) => {
          expect(await fixture.store.log.keptMs()).toBe(Number.POSITIVE_INFINITY);
          const begunAt = performance.now();
          // All of one user, hence of one shard.
          for (let i = 0; i < 10; i += 1) await fixture.opened('u', `s${i}`, { limit: 100 });
          await fixture.advance(PAST);
          const keptMs = await fixture.store.log.keptMs();
          expect(keptMs).toBeGreaterThanOrEqual((PAST * 1_000) / 10);
          const passedMs = PAST + (performance.now() - begunAt) + 10;
          expect(keptMs).toBeLessThanOrEqual((passedMs * 1_000) / 10);
        },
        { logMax: 1_000 },
      ));

    test('[P10] nodes are told of one that joined, also by a store that nobody has joined with', () =>
      withFixture(create, async (fixture) => {
        const second = await fixture.held.second();
        const inbox: NodeMessage[] = [];
        const { epoch } = await fixture.store.nodes.join('n', LONG);
        fixture.store.inbox.listen('n', (message) => void inbox.push(message));
        await second.inbox.send(['n', 'gone'], { joined: 'm', epoch });
        await arrival(() => inbox.length > 0);
        expect(inbox).toMatchObject([{ joined: 'm', epoch }]);
      }));

    test('[P5] a later subscription replaces the earlier one; nobody’s inbox is no error', () =>
      withFixture(create, async (fixture) => {
        const first: NodeMessage[] = [];
        const later: NodeMessage[] = [];
        await fixture.join('n');
        fixture.store.inbox.listen('n', (message) => void first.push(message));
        fixture.store.inbox.listen('n', (message) => void later.push(message));
        await fixture.opened('u', 'a', { owner: socket('n', 1) });
        const displaced = await fixture.store.sessions.kick('u');
        await fixture.store.inbox.notify(displaced);
        await fixture.store.inbox.notify(displaced.map((one) => ({ ...one, owner: socket('elsewhere', 1) })));
        await fixture.store.inbox.notify([]);
        await arrival(() => later.length > 0);
        expect(first).toEqual([]);
        expect(later).toMatchObject([{ sessionId: 'a', reason: 'kicked' }]);
      }));
  });
}

/** Two nodes that listen at another handle of the store, and what each is told. */
async function inboxesOf(fixture: StoreFixture): Promise<Record<'n' | 'm', NodeMessage[]>> {
  const second = await fixture.held.second();
  const inboxes: Record<'n' | 'm', NodeMessage[]> = { n: [], m: [] };
  for (const nodeId of ['n', 'm'] as const) {
    await fixture.join(nodeId);
    second.inbox.listen(nodeId, (message) => void inboxes[nodeId].push(message));
  }
  return inboxes;
}

/** Waits until messages have come; what does not come within 2 s shows in what is expected of them. */
async function arrival(hasCome: () => boolean): Promise<void> {
  for (let i = 0; i < 100 && !hasCome(); i += 1) await new Promise((resolve) => setTimeout(resolve, 20));
}
