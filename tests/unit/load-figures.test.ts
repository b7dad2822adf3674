/** How the load tester counts: histograms that merge, what is required of them, and what a machine is told. */
import { describe, expect, test } from '@jest/globals';
import { Histogram } from '../../bench/load/histogram.ts';
import { ownLimit } from '../../bench/load/own-limit.ts';
import { seeded } from '../../bench/load/random.ts';
import { readRequirement } from '../../bench/load/requirement.ts';
import { COLUMNS, csvOf, rowOf } from '../../bench/load/seconds.ts';
import { Tally } from '../../bench/load/tally.ts';

const PRECISION = 1.008;

function histogramOf(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  return histogram;
}

describe('a histogram', () => {
  test.each([0.001, 0.1, 0.255, 0.256, 0.257, 1, 17.3, 999, 60_000, 7_200_000])('keeps %d ms to 0.8 %%', (value) => {
    // A larger one, so that the maximum does not bound it.
    const histogram = histogramOf([value, value * 10]);
    const kept = histogram.percentileMs(50);
    expect(kept).toBeGreaterThanOrEqual(value);
    expect(kept).toBeLessThanOrEqual(value * PRECISION + 0.001);
  });

  test('percentiles are those of the sorted values', () => {
    const random = seeded(3);
    const values = Array.from({ length: 5_000 }, () => random() ** 4 * 2_000);
    const sorted = [...values].sort((a, b) => a - b);
    const histogram = histogramOf(values);
    for (const percent of [1, 50, 90, 99, 99.9, 100]) {
      const exact = sorted[Math.ceil((5_000 * percent) / 100) - 1] as number;
      expect(histogram.percentileMs(percent)).toBeGreaterThanOrEqual(Math.floor(exact * 1_000) / 1_000);
      expect(histogram.percentileMs(percent)).toBeLessThanOrEqual(exact * PRECISION + 0.001);
    }
    expect(histogram.maxMs).toBe(sorted.at(-1));
    expect(histogram.meanMs).toBeCloseTo(values.reduce((sum, value) => sum + value, 0) / 5_000);
  });

  test('several merge into what one would have counted', () => {
    const random = seeded(4);
    const values = Array.from({ length: 900 }, () => random() * 10 ** (random() * 6));
    const merged = new Histogram();
    for (let i = 0; i < 3; i++) merged.merge(histogramOf(values.filter((_, at) => at % 3 === i)).data());
    expect(merged.data().buckets).toEqual(histogramOf(values).data().buckets);
    expect([merged.count, merged.maxMs]).toEqual([900, Math.max(...values)]);
  });

  test('counts nothing as nothing, a clock that went back as 0, and the extreme as it can', () => {
    expect([new Histogram().percentileMs(99), new Histogram().meanMs, new Histogram().shareAbove(1)]).toEqual([
      0, 0, 0,
    ]);
    expect(histogramOf([-5]).percentileMs(50)).toBe(0);
    expect(histogramOf([1e12]).count).toBe(1);
  });

  test('tells the share above a bound', () => {
    expect(histogramOf([1, 2, 30, 40]).shareAbove(10)).toBe(0.5);
  });
});

function tallyOf(counts: Readonly<Record<string, number>>, welcomes: readonly number[] = []): Tally {
  const tally = new Tally();
  for (const [name, count] of Object.entries(counts)) tally.count(name, count);
  for (const ms of welcomes) tally.latency('welcome', ms);
  return tally;
}

test('tallies of several processes and seconds add up', () => {
  const total = new Tally();
  const one = tallyOf({ acts: 3 }, [1, 2]);
  one.error('timeout');
  one.violation('something');
  total.merge(one.data());
  total.merge(tallyOf({ acts: 4, 'errors.timeout': 1, errors: 1 }, [3]).data());
  expect(Object.fromEntries(total.counts)).toEqual({ acts: 7, errors: 2, 'errors.timeout': 2, violations: 1 });
  expect([total.latencies.get('welcome')?.count, total.violations, total.byCode('errors.')]).toEqual([
    3,
    ['something'],
    [['timeout', 2]],
  ]);
});

test('of many violations all are counted and some are kept', () => {
  const tally = new Tally();
  for (let i = 0; i < 1_000; i++) tally.violation(`number ${i}`);
  const total = tallyOf({});
  total.merge(tally.data());
  total.merge(tally.data());
  expect([total.countOf('violations'), total.violations.length]).toEqual([2_000, 20]);
});

describe('a requirement', () => {
  const tally = tallyOf({ acts: 1_000, errors: 2, 'errors.timeout': 2, 'closes.4100': 1 }, [10, 20, 30, 40]);

  test.each([
    ['welcome.p99<50ms', true, '40 ms'],
    ['welcome.p99<40ms', false, '40 ms'],
    ['welcome.p99<=40ms', true, '40 ms'],
    ['welcome.p50 < 0.021s', true, '20.1 ms'],
    ['welcome.p99.9<39.5ms', false, '40 ms'],
    ['welcome.max<41ms', true, '40 ms'],
    ['welcome.mean>25ms', false, '25 ms'],
    ['errors<0.1%', false, '0.2 %'],
    ['errors<0.3%', true, '0.2 %'],
    ['errors<=2', true, '2'],
    ['errors.timeout<2', false, '2'],
    ['errors.internal<1', true, '0'],
    ['closes.4100<1', false, '1'],
    ['violations<=0', true, '0'],
    ['acts>=100/s', true, '100/s'],
    ['acts>100/s', false, '100/s'],
  ])('%s: %s, as it is %s', (text, isMet, measured) => {
    expect(readRequirement(text).isMet(tally, 10_000)).toEqual({ isMet, measured });
  });

  test.each(['change.p99<1s', 'change.max>0ms'])('%s is missed when nothing was measured', (text) => {
    expect(readRequirement(text).isMet(tally, 10_000)).toEqual({ isMet: false, measured: 'nothing measured' });
  });

  test('a share of no acts is missed', () => {
    expect(readRequirement('errors<1%').isMet(new Tally(), 0).isMet).toBe(false);
  });

  test.each([
    ['', 'not a requirement'],
    ['welcome', 'not a requirement'],
    ['welcome.p99=5ms', 'not a requirement'],
    ['welcome.p99<50', 'compared in ms or s'],
    ['welcome.p99<5%', 'compared in ms or s'],
    ['welcome.p95<5ms', 'a latency has p50, p90'],
    ['welcome<5ms', 'a latency has p50, p90'],
    ['welcom.p99<5ms', "nothing is called 'welcom.p99'"],
    ['errors<5ms', 'errors is a number'],
    ['mistakes<5', "nothing is called 'mistakes'"],
    ['refused.timeout<5', "nothing is called 'refused.timeout'"],
  ])("'%s' is refused: %s", (text, words) => {
    expect(() => readRequirement(text)).toThrow(words);
  });
});

describe('the generator is the limit', () => {
  const calm = Array<number>(100).fill(0.5);
  const late = (share: number): Histogram =>
    histogramOf([...Array<number>(1_000 - share * 1_000).fill(1), ...Array<number>(share * 1_000).fill(50)]);

  test.each([
    ['not at half a core', [calm], 0, []],
    ['not for a second of a full core', [[...calm.slice(1), 1]], 0, []],
    [
      'when one process uses a core for long',
      [calm, [...calm.slice(20), ...Array(20).fill(0.97)]],
      0,
      ['process 2 used a whole core in 20 of 100 s'],
    ],
    ['when many acts are late', [calm], 0.05, ['5 % of the acts were sent more than 10 ms late']],
  ])('%s', (_, shares, lateShare, reasons) => {
    expect(
      ownLimit(
        shares.map((cpuShares) => ({ cpuShares })),
        late(lateShare),
      ).reasons,
    ).toEqual(reasons);
  });
});

test('each second is a row of as many cells as there are columns', () => {
  const tally = tallyOf({ acts: 5, errors: 1 }, [7]);
  const text = csvOf([rowOf({ atMs: 1_004, phase: 'hold', here: 3, tally, cpuShare: 0.25 })]);
  const [head, row, end] = text.split('\n').map((line) => line.split(','));
  expect([head?.length, row?.length, end]).toEqual([COLUMNS.length, COLUMNS.length, ['']]);
  const cells = Object.fromEntries((head ?? []).map((name, i) => [name, row?.[i]]));
  expect(cells).toMatchObject({
    second: '1',
    phase: 'hold',
    players: '3',
    acts: '5',
    errors: '1',
    welcome_p99_ms: '7',
  });
});
