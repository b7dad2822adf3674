/** What is made of saved results: the comparison in README, bench/README.md, charts. */
import { describe, expect, test } from '@jest/globals';
import { CATALOGUE } from '../../bench/catalogue.ts';
import { benchReadme, chartsOf } from '../../bench/pages/bench-readme.ts';
import { barChart } from '../../bench/pages/chart.ts';
import { comparisonText, MARK_BEGIN, MARK_END, withComparison } from '../../bench/pages/comparison.ts';
import type { Job } from '../../bench/peers/contenders.ts';
import type { PartResult, ScenarioResult } from '../../bench/results.ts';

type Values = Readonly<Record<string, number>>;

const partOf = (values: Values): PartResult => ({
  command: 'npm run bench -- peers --save',
  at: '2026-11-29T08:00:00.000Z',
  tookMs: 61_000,
  commit: 'abc123',
  machine: { node: 'v20.1.0', redis: '7.0.1', cpu: 'A CPU', cores: 2, memoryGb: 8, kernel: '6.1' },
  load: { before: [0.5, 0, 0], after: [1.5, 0, 0], othersPercent: 2.04 },
  figures: Object.entries(values).map(([key, value]) => ({
    key,
    what: key,
    value,
    unit: 'µs',
    samples: [value, value * 2],
  })),
});

const resultOf = (parts: Readonly<Partial<Record<Job, Values>>>): ScenarioResult => ({
  scenario: 'peers',
  parts: Object.fromEntries(Object.entries(parts).map(([job, values]) => [job, partOf(values)])),
});

const MEASURED = resultOf({
  hold: { 'gateway-redis/cpu': 200, 'gateway-memory/cpu': 100, 'nchan/cpu': 55, 'socketio/cpu': 240 },
  'fan-out': { 'gateway-redis/cpu': 300, 'gateway-redis/p50': 1.5, 'gateway-redis/p99': 20 },
  status: { 'gateway-redis/cpu': 400, 'gateway-redis/rate': 2_000, 'tutorial/cpu': 330, 'tutorial-uws/cpu': 320 },
  crash: { 'gateway-redis/lastS': 10.1, 'gateway-redis/ghosts': 0, 'socketio/ghosts': 300 },
});

const rowOf = (text: string, title: string): string[] =>
  (text.split('\n').find((line) => line.startsWith(`| ${title} |`)) ?? '')
    .split(' | ')
    .map((cell) => cell.replace(/^\| | \|$/g, ''));

describe('the comparison', () => {
  const text = comparisonText(MEASURED);

  test('has a row for each contender, with what stands beside a cost', () => {
    expect(rowOf(text, '*this gateway, Redis*')).toEqual([
      '*this gateway, Redis*',
      '200',
      'not measured',
      '300 (1.5, 20)',
      '400 (2,000)',
      'not measured',
      '10.1',
    ]);
  });

  test('marks who does a job for less than the gateway over Redis, and says why', () => {
    expect(rowOf(text, 'nchan')[1]).toBe('**55**');
    expect(rowOf(text, 'socket.io')[1]).toBe('240');
    expect(rowOf(text, '*this gateway, in memory*')[1]).toBe('100');
    expect(text).toContain('- hold: nchan 55 against 200 µs: all is in the memory of one C process');
  });

  test('says a reason once for all to whom it applies', () => {
    const lines = text.split('\n').filter((line) => line.startsWith('- status'));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/ioredis 330, tutorial: uWebSockets\.js \+ ioredis 320 against 400 µs: one command/);
  });

  test('shows what cannot be done, what was not measured, and ghosts that stay', () => {
    expect(rowOf(text, 'nchan').slice(2)).toEqual(['not measured', 'not measured', '–', 'not measured', '–']);
    expect(rowOf(text, '*this gateway, Redis, read replica*').slice(1)).toEqual([
      '–',
      '–',
      '–',
      'not measured',
      '–',
      '–',
    ]);
    expect(rowOf(text, 'socket.io')[6]).toBe('never');
  });

  test('names the run', () => {
    expect(text).toContain(
      '`npm run bench -- peers --save` on 2026-11-29, commit abc123, 2 cores of A CPU, Node v20.1.0, Redis 7.0.1.',
    );
  });

  test('is not written while nobody has said why another is cheaper', () => {
    const values = { 'gateway-redis/cpu': 200, 'tutorial/cpu': 100 };
    expect(() => comparisonText(resultOf({ hold: values }))).toThrow('tutorial: ws + ioredis is cheaper at hold');
  });

  test('has no list of losses when there are none', () => {
    expect(comparisonText(resultOf({ hold: { 'gateway-redis/cpu': 20, 'nchan/cpu': 55 } }))).not.toContain(
      'cheaper, and why',
    );
  });
});

describe('marks in README', () => {
  test('what is between them is replaced, and nothing else', () => {
    const before = `# A\n${MARK_BEGIN}\nold\n${MARK_END}\n\nend\n`;
    expect(withComparison(before, 'new')).toBe(`# A\n${MARK_BEGIN}\nnew\n${MARK_END}\n\nend\n`);
    expect(withComparison(withComparison(before, 'x'), 'new')).toBe(withComparison(before, 'new'));
  });

  test.each([
    ['none', 'text'],
    ['only the first', `a${MARK_BEGIN}b`],
    ['the second first', `a${MARK_END}b${MARK_BEGIN}c`],
    ['twice', `${MARK_BEGIN}${MARK_END}${MARK_BEGIN}${MARK_END}`],
  ])('a README is not touched when there are: %s', (_, readme) => {
    expect(() => withComparison(readme, 'new')).toThrow('once each');
  });
});

describe('bench/README.md', () => {
  const text = benchReadme(CATALOGUE, [
    MEASURED,
    { scenario: 'core', parts: { memory: { ...partOf({ a: 1 }), load: undefined as never } } },
  ]);

  test('says of each part what was measured, on what, and what else the machine did', () => {
    expect(text).toContain('### peers hold\n\n![hold](results/charts/hold.svg)\n\n| figure |');
    expect(text).toContain('| nchan/cpu | 55 | µs | 55 … 110 |  |');
    expect(text).toContain(
      'commit abc123; 61 s; 2 cores of A CPU; 8 GB; Linux 6.1; Node v20.1.0; Redis 7.0.1; load average 0.5 before, 1.5 after, other processes 2.0 % of all cores.',
    );
    expect(text).toContain('load of the machine not kept.');
  });

  test('says what each contender cannot do', () => {
    expect(text).toContain('| mosquitto, last will | admission | no limit for a user');
    expect(text).toContain('npm ci --ignore-scripts --prefix bench/peers');
  });

  test('says that nothing is saved before something is', () => {
    expect(text).not.toContain('No results are saved yet');
    expect(benchReadme(CATALOGUE, [])).toContain('No results are saved yet');
  });
});

describe('charts', () => {
  test('there is one for each job that was measured, the shortest bar first, ours in another colour', () => {
    const charts = chartsOf(MEASURED);
    expect(Object.keys(charts)).toEqual(['hold.svg', 'fan-out.svg', 'status.svg', 'crash.svg']);
    const labels = [...(charts['hold.svg'] ?? '').matchAll(/text-anchor="end"[^>]*>([^<]*)</g)].map(
      ([, label]) => label,
    );
    expect(labels).toEqual(['nchan', 'this gateway, in memory', 'this gateway, Redis', 'socket.io']);
    const fills = [...(charts['hold.svg'] ?? '').matchAll(/<rect [^>]*fill="([^"]*)"/g)].map(([, fill]) => fill);
    expect(fills).toEqual(['#8a94a3', '#0b7a75', '#0b7a75', '#8a94a3']);
  });

  test('bars are as long as their values say, and their spread fits in', () => {
    const svg = barChart('t', [
      { label: 'a', value: 50, text: '50', isOurs: false },
      { label: 'b', value: 80, range: [60, 100], text: '80', isOurs: true },
    ]);
    const widths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(widths).toEqual([190, 304]);
    expect(svg).toContain('M478.0 66H630.0');
  });

  test('text is escaped, and nothing divides by zero', () => {
    const svg = barChart('a < b & "c"', [{ label: '<x>', value: 0, text: '0', isOurs: false }]);
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
    expect(svg).toContain('&lt;x&gt;');
    expect(svg).not.toContain('NaN');
  });
});
