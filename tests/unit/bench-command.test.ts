/** How the bench is told what to measure, and how it judges what it measured. */
import { expect, test } from '@jest/globals';
import { BOUND_MS, CATALOGUE, type Catalogue, isBounded, partsOf } from '../../bench/catalogue.ts';
import { durationText, listText, usageText } from '../../bench/help.ts';
import { readCommand, sizeName } from '../../bench/options.ts';
import { exitCode, isMissed } from '../../bench/report.ts';

test('sizes come from an option, else from a variable, else from the default', () => {
  expect(readCommand(['scale'], {})).toMatchObject({ sessions: [200_000, 1_000_000], sockets: 100_000 });
  const env = { BENCH_SESSIONS: '5000', BENCH_SOCKETS: '2k' };
  expect(readCommand(['scale', 'churn'], env)).toMatchObject({ part: 'churn', sessions: [5_000], sockets: 2_000 });
  expect(readCommand(['scale', '--sessions', '200k, 10M'], env).sessions).toEqual([200_000, 10_000_000]);
});

test('idle nodes are numbers too', () => {
  expect(readCommand(['scale', 'idle'], {}).nodes).toEqual([1, 50, 200]);
  expect(readCommand(['scale', 'idle', '--nodes', '1,5'], {}).nodes).toEqual([1, 5]);
});

test('peers have a size, rounds and contenders of their own', () => {
  expect(readCommand(['peers'], {})).toMatchObject({ players: 5_000, rounds: 3, only: undefined });
  const argv = ['peers', 'hold', '--players', '2k', '--rounds', '5', '--only', 'nchan, origin'];
  expect(readCommand(argv, {})).toMatchObject({ players: 2_000, rounds: 5, only: ['nchan', 'origin'] });
});

test('nothing is saved, strict, listed or explained unless it is asked for', () => {
  const none = { isSaved: false, isStrict: false, isList: false, isHelp: false, out: undefined };
  expect(readCommand(['core'], {})).toMatchObject(none);
  const all = { isSaved: true, isStrict: true, isList: true, isHelp: true };
  expect(readCommand(['core', '--save', '--strict', '--list', '--help'], {})).toMatchObject(all);
  expect(readCommand(['core', '--out', 'x'], {})).toMatchObject({ isSaved: false, out: 'x' });
});

test.each([
  [['peers', '--rounds', 'many'], "'many'"],
  [['peers', '--save', '--out', 'x'], "'--out'"],
  [['scale', '--sessions', '10G'], "'10G'"],
  [['scale', '--sessions', '0'], "'0'"],
  [['scale', '--sockets', ''], "''"],
  [['scale', 'churn', 'loss'], "'loss'"],
  [['scale', '--size', '1'], "'--size'"],
])('%j is refused, with the word that is wrong', (argv, word) => {
  expect(() => readCommand(argv, {})).toThrow(word);
});

test.each([
  ['≤ 40', 40, false],
  ['≤ 40', 40.1, true],
  ['≥ 12,000', 12_000, false],
  ['≥ 12,000', 11_999, true],
  ['0', 0, false],
  ['0', 1, true],
  ['≤ 3', Number.NaN, true],
  ['≤ 3', Number.POSITIVE_INFINITY, true],
  ['about 3', 3, true],
])('a target of %s is missed by %d: %s', (target, value, expected) => {
  expect(isMissed({ what: 'anything', value, unit: '', target })).toBe(expected);
});

test('a figure without a target misses nothing', () => {
  expect(isMissed({ what: 'anything', value: 1, unit: '' })).toBe(false);
});

const RUN = async (): Promise<never[]> => [];
const SMALL: Catalogue = {
  core: { memory: { shows: 'the store', takesMs: 90_000, run: RUN } },
  http: {
    status: { shows: 'who is online', takesMs: 150_000, run: RUN, isInAll: true },
    routes: { shows: 'each route', takesMs: 1_000, run: RUN },
  },
  scale: { loss: { shows: 'a loss', takesMs: { base: 60_000, perMillion: 90_000 }, runAt: async () => [] } },
};

test.each([
  ['core', undefined, ['core memory']],
  ['http', undefined, ['http status', 'http routes']],
  ['http', 'routes', ['http routes']],
  ['all', undefined, ['http status']],
])('%s %s runs %j', (scenario, part, names) => {
  expect(partsOf(SMALL, scenario, part, [200_000]).map(([one, other]) => `${one} ${other}`)).toEqual(names);
});

test.each([
  ['', undefined, 'name a scenario'],
  ['nothing', undefined, "no such scenario: 'nothing'"],
  ['core', 'status', "no such part: 'status'"],
  ['all', 'core', "'all' has no parts: 'core'"],
])('%s %s is refused', (scenario, part, message) => {
  expect(() => partsOf(SMALL, scenario, part, [])).toThrow(message);
});

test('a part that is measured at any size is a part of its own at each size', async () => {
  const figure = (value: number) => ({ what: 'sessions', value, unit: '' });
  const sized: Catalogue = {
    scale: {
      loss: {
        shows: 'a loss',
        takesMs: { base: 60_000, perMillion: 90_000 },
        runAt: async (sessions) => [figure(sessions)],
      },
    },
  };
  const sizes = [5_000, 200_000, 10_000_000];
  const parts = partsOf(sized, 'scale', 'loss', sizes);
  expect(parts.map(([, name, { takesMs }]) => [name, takesMs])).toEqual([
    ['loss 5k', 60_450],
    ['loss 200k', 78_000],
    ['loss 10M', 960_000],
  ]);
  const command = readCommand(['scale'], {});
  expect(await Promise.all(parts.map(([, , part]) => part.run(command)))).toEqual(sizes.map((size) => [figure(size)]));
});

test.each([
  [1, '1'],
  [1_500, '1500'],
  [200_000, '200k'],
  [10_000_000, '10M'],
])('%d sessions are called %s, as the option takes them', (size, name) => {
  expect(sizeName(size)).toBe(name);
  expect(readCommand(['scale', '--sessions', name], {}).sessions).toEqual([size]);
});

test('the list says of each part what it shows, how long it takes, and whether all runs it', () => {
  expect(listText(SMALL)).toBe(
    [
      'core memory                   90 s       the store',
      'http status                  3 min  all  who is online',
      'http routes                    1 s       each route',
      'scale loss --sessions 200k    78 s       a loss',
      'scale loss --sessions 1M     3 min       a loss',
      'scale loss --sessions 10M   16 min       a loss',
      '',
    ].join('\n'),
  );
  expect(usageText(SMALL)).toContain(
    '\n  core   memory\n  http   status, routes\n  scale  loss\n  all    the parts that --list marks, within 15 min\n',
  );
});

test.each([
  [1_000, '1 s'],
  [119_000, '119 s'],
  [120_000, '2 min'],
  [900_000, '15 min'],
])('%d ms is shown as %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test.each(['all', 'peers'])('%s takes no more than a quarter of an hour', (scenario) => {
  expect(isBounded(scenario)).toBe(true);
  const takesMs = partsOf(CATALOGUE, scenario, undefined, []).reduce((sum, [, , part]) => sum + part.takesMs, 0);
  expect(takesMs).toBeLessThanOrEqual(BOUND_MS);
});

test.each([
  ['all is well', 1, [], true, 0],
  ['a target is missed', 3, [], false, 0],
  ['a target is missed, and that counts', 3, [], true, 1],
  ['a part failed', 1, ['core memory'], false, 1],
])('the exit code when %s', (_, value, failures, isStrict, expected) => {
  expect(exitCode([{ what: 'a', value, unit: 's', target: '≤ 2' }], failures, isStrict)).toBe(expected);
});
