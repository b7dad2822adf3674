/** Members that share the log: each change to one of them, and again when it was not acknowledged (P17). */
import { describe, expect, test } from '@jest/globals';
import type { ChangeGroup, TakenChanges } from '../../../presence-core/index.ts';
import { type CreateStore, describeChange, PAST, SHORT, type StoreFixture, withFixture } from './store-fixture.ts';

const ALL = 10_000;
/** Until a member is overdue that some hundred entries are written and read beside. */
const TIME_TO_WORK = 1_000;
const NOTHING = { changes: [], lost: 0 };

/** Takes and acknowledges until there is nothing. */
async function drainGroup(member: ChangeGroup): Promise<{ seen: string[]; lost: number }> {
  const seen: string[] = [];
  let lost = 0;
  for (;;) {
    const taken = await member.take(ALL, 0);
    await member.acknowledge(taken);
    seen.push(...names(taken));
    lost += taken.lost;
    if (taken.changes.length === 0 && taken.lost === 0) return { seen, lost };
  }
}

/** One name for each entry of the log. */
function names(taken: Pick<TakenChanges, 'changes'>): string[] {
  return taken.changes.map((change) => `${change.shard}-${change.sequence}`);
}

function expectInOrder({ changes }: TakenChanges): void {
  const last = new Map<number, number>();
  for (const { shard, sequence } of changes) {
    expect(sequence).toBeGreaterThan(last.get(shard) ?? 0);
    last.set(shard, sequence);
  }
}

/** Appends so many entries about one user, hence to one shard. All at once, so that nothing is overdue by it. */
async function switchStreams(fixture: StoreFixture, times: number): Promise<void> {
  const update = () =>
    fixture.store.sessions.update({ userId: 'u', sessionId: 's', attributes: { streamId: `${Math.random()}` } });
  await Promise.all(Array.from({ length: times }, update));
}

export function groupsContract(create: CreateStore): void {
  describe('change groups', () => {
    test('[P17] two members share the changes, in order, none twice', () =>
      withFixture(create, async (fixture) => {
        const second = await fixture.held.second();
        const members = [fixture.store.groups.join('g', 'a'), second.groups.join('g', 'b')] as const;
        for (let i = 0; i < 300; i += 1) await fixture.opened(`u${i % 40}`, `s${i}`, { limit: 100 });
        const taken: TakenChanges[] = [];
        for (let more = true; more; ) {
          const both = await Promise.all(members.map((member) => member.take(80, 0)));
          for (const [i, some] of both.entries()) await members[i]?.acknowledge(some);
          taken.push(...both);
          more = both.some((some) => some.changes.length > 0);
        }
        taken.forEach(expectInOrder);
        expect(taken.map((some) => some.lost)).toEqual(taken.map(() => 0));
        const expected = names({ changes: await fixture.wholeLog() }).sort();
        expect(taken.flatMap(names).sort()).toEqual(expected);
        const given = [0, 1].map((one) => taken.filter((some, i) => i % 2 === one && some.changes.length > 0).length);
        expect(Math.min(...given)).toBeGreaterThan(0);
      }));

    test('[P17] what was not acknowledged in time comes to another, in order with what is new', () =>
      withFixture(
        create,
        async (fixture) => {
          const [a, b] = [fixture.store.groups.join('g', 'a'), fixture.store.groups.join('g', 'b')];
          for (let i = 0; i < 20; i += 1) await fixture.opened(`u${i}`, 's');
          const silent = await a.take(ALL, 0);
          expect(silent.changes).toHaveLength(20);
          expect(await b.take(ALL, 0)).toMatchObject(NOTHING);
          await fixture.advance(PAST);
          await fixture.opened('u0', 'new');
          const claimed = await b.take(ALL, 0);
          expectInOrder(claimed);
          expect(names(claimed)).toEqual(expect.arrayContaining(names(silent)));
          expect(claimed).toMatchObject({ lost: 0 });
          expect(claimed.changes).toHaveLength(21);
          await b.acknowledge(claimed);
          await a.acknowledge(silent);
          await fixture.advance(PAST);
          expect(await a.take(ALL, 0)).toMatchObject(NOTHING);
          expect(await b.take(ALL, 0)).toMatchObject(NOTHING);
        },
        { claimMs: SHORT },
      ));

    test('[P17] what a member did not acknowledge comes back to itself when it is alone', () =>
      withFixture(
        create,
        async (fixture) => {
          const alone = fixture.store.groups.join('g', 'a');
          await fixture.opened('u', 's');
          expect((await alone.take(ALL, 0)).changes.map(describeChange)).toEqual(['open s online']);
          await fixture.advance(PAST);
          expect((await alone.take(ALL, 0)).changes.map(describeChange)).toEqual(['open s online']);
        },
        { claimMs: SHORT },
      ));

    test('[P17] groups do not share: each has all changes, from the oldest kept on', () =>
      withFixture(
        create,
        async (fixture) => {
          const early = fixture.store.groups.join('early', 'a');
          expect(await early.take(ALL, 0)).toMatchObject({ ...NOTHING, backlog: 0 });
          await fixture.opened('u', 's');
          await switchStreams(fixture, 500);
          const kept = names({ changes: await fixture.wholeLog() });
          expect(kept.length).toBeLessThan(400);
          const late = await drainGroup(fixture.store.groups.join('late', 'a'));
          expect(late).toEqual({ seen: kept, lost: 0 });
          const { seen, lost } = await drainGroup(early);
          expect(seen).toEqual(kept);
          expect(lost).toBe(501 - kept.length);
        },
        { logMax: 40 },
      ));

    test('[P17] what was trimmed away before anybody was given it is counted, to the entry, once', () =>
      withFixture(
        create,
        async (fixture) => {
          const [a, b] = [fixture.store.groups.join('g', 'a'), fixture.store.groups.join('g', 'b')];
          await fixture.opened('u', 's');
          expect((await drainGroup(a)).seen).toHaveLength(1);
          for (const times of [470, 1, 330]) {
            await switchStreams(fixture, times);
            const { seen, lost } = await drainGroup(b);
            expect(seen.length + lost).toBe(times);
            expect(lost > 0).toBe(times > 200);
            expect(await drainGroup(a)).toEqual({ seen: [], lost: 0 });
          }
        },
        { logMax: 40 },
      ));

    test('[P17] what was trimmed away while nobody acknowledged it is lost when it is overdue, not before', () =>
      withFixture(
        create,
        async (fixture) => {
          const [a, b] = [fixture.store.groups.join('g', 'a'), fixture.store.groups.join('g', 'b')];
          await fixture.opened('u', 's');
          await switchStreams(fixture, 9);
          const working = await a.take(ALL, 0);
          expect(working.changes).toHaveLength(10);
          await switchStreams(fixture, 500);
          const first = await drainGroup(b);
          expect(first.seen.length + first.lost).toBe(500);
          await a.acknowledge(working);
          await fixture.advance(TIME_TO_WORK + 200);
          expect(await drainGroup(b)).toEqual({ seen: [], lost: 0 });

          await switchStreams(fixture, 7);
          expect((await a.take(ALL, 0)).changes).toHaveLength(7);
          await switchStreams(fixture, 500);
          const second = await drainGroup(b);
          expect(second.seen.length + second.lost).toBe(500);
          await fixture.advance(TIME_TO_WORK + 200);
          expect(await drainGroup(b)).toEqual({ seen: [], lost: 7 });
          expect(await drainGroup(a)).toEqual({ seen: [], lost: 0 });
        },
        { logMax: 40, claimMs: TIME_TO_WORK },
      ));

    test('[P17] the backlog reaches back to the oldest entry that is not acknowledged', () =>
      withFixture(
        create,
        async (fixture) => {
          const member = fixture.store.groups.join('g', 'a');
          await fixture.opened('u', 's');
          await switchStreams(fixture, 19);
          const first = await member.take(ALL, 0);
          expect(first).toMatchObject({ backlog: 0.2 });
          await switchStreams(fixture, 30);
          const second = await member.take(8, 0);
          expect(second.backlog).toBe(0.5);
          await member.acknowledge(second);
          expect(await member.take(8, 0)).toMatchObject({ backlog: 0.5 });
          await member.acknowledge(first);
          expect((await member.take(8, 0)).backlog).toBeLessThan(0.3);
          await switchStreams(fixture, 300);
          expect(await member.take(ALL, 0)).toMatchObject({ backlog: 1 });
          const other = fixture.store.groups.join('other', 'a');
          expect((await drainGroup(other)).lost).toBe(0);
          expect(await other.take(ALL, 0)).toMatchObject({ backlog: 0 });
        },
        { logMax: 100 },
      ));

    test('[P17] a waiting member is given what comes; who leaves waits no longer and takes nothing', () =>
      withFixture(create, async (fixture) => {
        const second = await fixture.held.second();
        const [a, b] = [fixture.store.groups.join('g', 'a'), second.groups.join('g', 'b')];
        expect(await a.take(ALL, 50)).toMatchObject(NOTHING);
        const waiting = a.take(ALL, 60_000);
        await fixture.opened('u', 's');
        const taken = await waiting;
        expect(taken.changes.map(describeChange)).toEqual(['open s online']);
        await a.acknowledge(taken);
        const ended = a.take(ALL, 60_000);
        await a.leave();
        expect(await ended).toMatchObject(NOTHING);
        await fixture.opened('v', 's');
        expect(await a.take(ALL, 0)).toMatchObject(NOTHING);
        expect((await b.take(ALL, 0)).changes.map(describeChange)).toEqual(['open s online']);
      }));

    test('[P17] a member is given as many as it asks for', () =>
      withFixture(create, async (fixture) => {
        const member = fixture.store.groups.join('g', 'a');
        await Promise.all(Array.from({ length: 1_600 }, (_, i) => fixture.opened(`u${i}`, 's')));
        const first = await member.take(1_200, 0);
        expect(first.changes).toHaveLength(1_200);
        expectInOrder(first);
        await member.acknowledge(first);
        expect((await drainGroup(member)).seen).toHaveLength(400);
      }));

    test('[P17] what a member that left had not acknowledged goes to others', () =>
      withFixture(
        create,
        async (fixture) => {
          const [a, b] = [fixture.store.groups.join('g', 'a'), fixture.store.groups.join('g', 'b')];
          await fixture.opened('u', 's');
          expect((await a.take(ALL, 0)).changes).toHaveLength(1);
          await a.leave();
          await fixture.advance(PAST);
          expect((await b.take(ALL, 0)).changes.map(describeChange)).toEqual(['open s online']);
        },
        { claimMs: SHORT },
      ));

    test('[P17] a group whose store forgot goes on by itself with what the log then holds', () =>
      withFixture(create, async (fixture) => {
        if (fixture.held.forget === undefined) return;
        const member = fixture.store.groups.join('g', 'a');
        await fixture.opened('u', 's');
        await fixture.opened('v', 's');
        const before = await member.take(ALL, 0);
        await fixture.held.forget();
        await fixture.opened('w', 's');
        expect(await drainGroup(member)).toMatchObject({ seen: [expect.stringMatching(/-1$/)], lost: 0 });
        await member.acknowledge(before);
        await member.leave();
        const next = fixture.store.groups.join('g', 'b');
        await fixture.store.sessions.kick('w');
        expect((await next.take(ALL, 0)).changes.map(describeChange)).toEqual(['close s kicked offline']);
      }));
  });
}
