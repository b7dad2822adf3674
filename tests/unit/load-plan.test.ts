/** The load tester's plan: fixed before the first connection, the same for the same seed, fair in what it draws. */
import { describe, expect, test } from '@jest/globals';
import { Cast } from '../../bench/load/cast.ts';
import { draw, readMix } from '../../bench/load/mix.ts';
import { type PlanOptions, plan } from '../../bench/load/plan.ts';
import { seeded } from '../../bench/load/random.ts';
import { isOfProcess, planShare } from '../../bench/load/share.ts';
import type { Act, Step } from '../../bench/load/step.ts';
import type { StormKind } from '../../bench/load/storm.ts';

const OPTIONS: PlanOptions = {
  players: 100,
  rampMs: 1_000,
  holdMs: 10_000,
  rate: 50,
  mix: readMix('switch=60,join=10,leave=10,drop=10,beat=5,guard=5'),
  awayMs: 500,
  httpPlayers: 7,
  statusRate: 10,
  seed: 1,
  stormAtMs: 5_000,
  stormOverMs: 2_000,
};
const cast = new Cast({ prefix: 'p', screens: [1, 2], streams: 20 });
const stepsOf = (options: Partial<PlanOptions> = {}): Step[] => [...plan({ ...OPTIONS, ...options }, cast)];
const only = (steps: readonly Step[], act: Act): Step[] => steps.filter((step) => step.act === act);

describe('the plan', () => {
  test('is the same for the same seed, and another for another', () => {
    expect(stepsOf()).toEqual(stepsOf());
    expect(stepsOf({ seed: 2 })).not.toEqual(stepsOf());
  });

  test.each<StormKind | undefined>([undefined, 'deploy', 'premiere', 'reconnect'])(
    'is in the order of time, with a storm of %s',
    (storm) => {
      const steps = stepsOf({ storm });
      expect(steps.map(({ atMs }) => atMs)).toEqual(steps.map(({ atMs }) => atMs).sort((a, b) => a - b));
      // A connection that was dropped last comes back after the end.
      expect(steps.at(-1)?.atMs).toBeLessThan(11_000 + OPTIONS.awayMs);
    },
  );

  test('has as many acts as the rates say, evenly spread', () => {
    const steps = stepsOf({ mix: readMix('switch=1') });
    expect(only(steps, 'join')).toHaveLength(100);
    expect(only(steps, 'join').at(49)?.atMs).toBeCloseTo(495);
    expect(only(steps, 'switch')).toHaveLength(500);
    expect(only(steps, 'status')).toHaveLength(110);
    const gaps = only(steps, 'switch').map(({ atMs }, i, all) => atMs - (all[i - 1]?.atMs ?? atMs - 20));
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeLessThan(0.001);
  });

  test('without a ramp all come at the first instant', () => {
    const joins = only(stepsOf({ rampMs: 0, mix: readMix('switch=1') }), 'join');
    expect(joins.map(({ atMs }) => atMs)).toEqual(Array(100).fill(0));
  });

  test('a player acts only while it is there: from its join or return until it leaves or is lost', () => {
    const state = new Map<number, 'here' | 'lost' | 'away'>();
    for (const { act, player } of stepsOf({ storm: 'reconnect' })) {
      const before = state.get(player) ?? 'away';
      if (act === 'join') expect(before).toBe('away');
      if (act === 'resume') expect(before).toBe('lost');
      if (act === 'switch' || act === 'leave') expect(before).toBe('here');
      if (act === 'join' || act === 'resume') state.set(player, 'here');
      if (act === 'leave') state.set(player, 'away');
      if (act === 'drop') state.set(player, 'lost');
    }
    expect(new Set(state.values())).toContain('away');
  });

  test('who loses its connection comes back after the time that is named', () => {
    const steps = stepsOf();
    const drops = only(steps, 'drop');
    expect(drops.length).toBeGreaterThan(20);
    expect(only(steps, 'resume').map(({ player, atMs }) => [player, atMs])).toEqual(
      drops.map(({ player, atMs }) => [player, atMs + OPTIONS.awayMs]),
    );
  });

  test('heartbeats and guards go round the players without a socket', () => {
    const beats = only(stepsOf(), 'beat').map(({ player }) => player);
    expect(beats.slice(0, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 0]);
  });

  test('nobody there: no act, and no end of the plan', () => {
    const steps = stepsOf({ players: 0, mix: readMix('switch=1') });
    expect(new Set(steps.map(({ act }) => act))).toEqual(new Set(['status']));
  });
});

describe('a storm', () => {
  const calm = { mix: readMix('beat=1') };
  const stormOf = (storm: StormKind): Step[] => stepsOf({ ...calm, storm }).filter(({ isStorm }) => isStorm);

  test('deploy: each player once, evenly', () => {
    const steps = stormOf('deploy');
    expect(steps.map(({ act }) => act)).toEqual(Array(100).fill('reconnect'));
    expect(new Set(steps.map(({ player }) => player)).size).toBe(100);
    expect([steps[0]?.atMs, steps[50]?.atMs, steps[99]?.atMs]).toEqual([6_000, 7_000, 7_980]);
  });

  test('reconnect: all are lost at one instant and come back in a window', () => {
    const steps = stormOf('reconnect');
    const [drops, resumes] = [only(steps, 'drop'), only(steps, 'resume')];
    expect(new Set(drops.map(({ atMs }) => atMs))).toEqual(new Set([6_000]));
    expect(resumes).toHaveLength(100);
    expect(Math.max(...resumes.map(({ atMs }) => atMs))).toBeLessThan(8_000);
  });

  test('premiere: half come only then, and all watch one stream', () => {
    expect(only(stepsOf({ ...calm, storm: 'premiere' }), 'join')).toHaveLength(100);
    const steps = stormOf('premiere');
    expect([only(steps, 'join').length, only(steps, 'switch').length]).toEqual([50, 50]);
    expect(new Set(steps.map(({ stream }) => cast.streamId(stream as number)))).toEqual(new Set(['p-premiere']));
  });
});

describe('processes', () => {
  test.each([1, 2, 3])(
    '%d share the plan: each step is of one of them, all steps of a user of the same',
    (processes) => {
      const shares = Array.from({ length: processes }, (_, i) => [...planShare(OPTIONS, cast, i, processes)]);
      expect(shares.flat()).toHaveLength(stepsOf().length);
      for (const step of stepsOf()) {
        const owners = shares.map((_, i) => isOfProcess(step, cast, i, processes)).filter(Boolean);
        expect(owners).toHaveLength(1);
      }
      const usersOf = (share: Step[]): Set<number> =>
        new Set(share.filter(({ act }) => act === 'join').map(({ player }) => cast.userOf(player)));
      const users = shares.flatMap((share) => [...usersOf(share)]);
      expect(new Set(users).size).toBe(users.length);
    },
  );
});

describe('the cast', () => {
  test.each([
    [[1], [0, 1, 2, 3]],
    [[2], [0, 0, 1, 1]],
    [
      [1, 1, 4],
      [0, 1, 2, 2, 2, 2, 3, 4, 5, 5],
    ],
  ])('screens %j: the users of the first players are %j', (screens, users) => {
    const each = new Cast({ prefix: 'p', screens, streams: 1 });
    expect(users.map((_, player) => each.userOf(player))).toEqual(users);
    expect(each.usersOf(users.length)).toBe(new Set(users).size);
  });

  test('with tokens the users are theirs, again and again', () => {
    const few = new Cast({ prefix: 'p', screens: [1], streams: 1, users: ['ann', 'bob'] });
    expect([0, 1, 2].map((player) => few.userId(few.userOf(player)))).toEqual(['ann', 'bob', 'ann']);
    expect([few.usersOf(1), few.usersOf(100)]).toEqual([1, 2]);
    expect([few.has('bob'), few.has('p-u1'), cast.has('p-u1'), cast.has('px')]).toEqual([true, false, true, false]);
  });

  test('a list of ids is the same for the same number', () => {
    expect(cast.userIds(3, 5, 100)).toEqual(cast.userIds(3, 5, 100));
    expect(cast.userIds(3, 5, 100)).not.toEqual(cast.userIds(4, 5, 100));
  });
});

describe('the mix', () => {
  test('acts are drawn by weight', () => {
    const mix = readMix('switch=3,leave=1,drop=0');
    const random = seeded(7);
    const drawn = Array.from({ length: 20_000 }, () => draw(mix, random));
    const share = drawn.filter((act) => act === 'switch').length / drawn.length;
    expect(share).toBeGreaterThan(0.73);
    expect(share).toBeLessThan(0.77);
    expect(new Set(drawn)).toEqual(new Set(['switch', 'leave']));
  });

  test.each([
    ['', "''"],
    ['switch', "'switch'"],
    ['switch=-1', "'switch=-1'"],
    ['zap=1', "'zap' is no act; there are join, leave, switch, drop, beat, guard"],
    ['switch=1,switch=2', 'twice'],
    ['switch=0', 'no act has a weight above 0'],
  ])("'%s' is refused", (text, words) => {
    expect(() => readMix(text)).toThrow(words);
  });
});
