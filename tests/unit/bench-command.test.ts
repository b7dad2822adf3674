/** How the bench is told what to measure, and how it judges what it measured. */
import { expect, test } from '@jest/globals';
import { readCommand } from '../../bench/options.ts';
import { isMissed } from '../../bench/report.ts';

test('sizes come from an option, else from a variable, else from the default', () => {
  expect(readCommand(['scale'], {})).toMatchObject({ sessions: [200_000, 1_000_000], sockets: 100_000 });
  const env = { BENCH_SESSIONS: '5000', BENCH_SOCKETS: '2k' };
  expect(readCommand(['scale', 'churn'], env)).toMatchObject({ part: 'churn', sessions: [5_000], sockets: 2_000 });
  expect(readCommand(['scale', '--sessions', '200k, 10M'], env).sessions).toEqual([200_000, 10_000_000]);
});

test.each([
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
