import { describe, expect, test } from '@jest/globals';
import { type DueLink, type DueList, DueWheel, unfile } from '../../presence-core/toolkit/due-wheel.ts';

class Member implements DueLink {
  readonly name: string;
  dueNext: DueLink = this;
  duePrev: DueLink = this;

  constructor(name: string) {
    this.name = name;
  }
}

function names(list: DueList<Member>): string[] {
  const found: string[] = [];
  for (let member = list.first(); member !== undefined; member = list.first()) {
    unfile(member);
    found.push(member.name);
  }
  return found;
}

function wheelOf(due: Readonly<Record<string, number>>) {
  const wheel = new DueWheel<Member>(100);
  const members = Object.fromEntries(Object.keys(due).map((name) => [name, new Member(name)]));
  const file = (name: string, dueAt: number) => wheel.file(members[name] as Member, dueAt);
  for (const [name, dueAt] of Object.entries(due)) file(name, dueAt);
  return { wheel, members, file, take: (now: number) => names(wheel.take(now)) };
}

describe('a wheel of deadlines', () => {
  test('gives out who is in a tick that has begun, once, those of older ticks first', () => {
    const { take } = wheelOf({ late: 5_000, b: 350, a: 100, c: 399 });
    expect(take(99)).toEqual([]);
    expect(take(100)).toEqual(['a']);
    expect(take(300)).toEqual(['b', 'c']);
    expect(take(4_999)).toEqual([]);
    expect(take(5_000)).toEqual(['late']);
    expect(take(1_000_000)).toEqual([]);
  });

  test('a member that is filed again, or unfiled, is no longer where it was', () => {
    const { members, file, take } = wheelOf({ a: 100, b: 100, c: 100 });
    file('a', 900);
    unfile(members.b as Member);
    unfile(members.b as Member);
    expect(take(500)).toEqual(['c']);
    expect(take(900)).toEqual(['a']);
  });

  test('a member filed for an instant that has passed is given out at the next take', () => {
    const { file, take } = wheelOf({ a: 1_000, later: 9_000 });
    expect(take(2_000)).toEqual(['a']);
    file('a', 300);
    expect(take(2_000)).toEqual(['a']);
  });

  test('who leaves while the taken are worked off is not met', () => {
    const { wheel, members } = wheelOf({ a: 100, b: 110, c: 120 });
    const due = wheel.take(200);
    unfile(members.b as Member);
    wheel.file(members.c as Member, 700);
    expect(names(due)).toEqual(['a']);
    expect(names(wheel.take(700))).toEqual(['c']);
  });

  test('a clock that goes back, or leaps a century ahead, hides nothing', () => {
    const { file, take } = wheelOf({ a: 1_000_000, b: 2_000_000 });
    expect(take(1_000_000)).toEqual(['a']);
    file('a', 500);
    expect(take(400)).toEqual([]);
    expect(take(500)).toEqual(['a']);
    file('a', 3_200_000_000_000);
    expect(take(3_200_000_000_000)).toEqual(['b', 'a']);
  });

  test('agrees with a plain list under many changes', () => {
    const all = Array.from({ length: 20 }, (_, i) => `m${i}`);
    const { members, file, take } = wheelOf({ ...Object.fromEntries(all.map((name) => [name, 0])) });
    const plain = new Map(all.map((name) => [name, 0]));
    for (let i = 0, now = 0; i < 3_000; i += 1) {
      const name = `m${(i * 7_919) % 20}`;
      if (i % 5 === 0) {
        unfile(members[name] as Member);
        plain.delete(name);
      } else {
        const dueAt = now + ((i * 104_729) % 3_000);
        file(name, dueAt);
        plain.set(name, dueAt);
      }
      if (i % 7 !== 0) continue;
      now += (i * 31) % 900;
      const due = [...plain]
        .filter(([, dueAt]) => Math.floor(dueAt / 100) <= Math.floor(now / 100))
        .map(([key]) => key);
      expect(take(now).sort()).toEqual(due.sort());
      for (const key of due) plain.delete(key);
    }
  });
});
