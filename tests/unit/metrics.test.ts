import { describe, expect, test } from '@jest/globals';
import { byLabel, Metrics, type Read } from '../../gateway/metrics/metrics.ts';
import { type Exposition, parseExposition } from '../support/exposition.ts';
import { until } from '../support/servers.ts';

const scrape = async (metrics: Metrics): Promise<Exposition> => parseExposition(await metrics.text());

describe('what is read at a scrape', () => {
  test('a number, samples by label, or nothing', async () => {
    const metrics = new Metrics();
    metrics.counter({ name: 'done_total', help: 'Done' }, () => 0);
    metrics.gauge({ name: 'by_kind', help: 'Kinds', labels: ['kind'] }, () => byLabel('kind', { a: 1, b: -2.5 }));
    metrics.gauge({ name: 'unknown', help: 'Not known' }, () => undefined);
    metrics.gauge({ name: 'unknown_kinds', help: 'Not known', labels: ['kind'] }, async () => undefined);
    const told = await scrape(metrics);
    expect(told.value('presence_done_total')).toBe(0);
    expect(told.by('kind', 'presence_by_kind')).toEqual({ a: 1, b: -2.5 });
    for (const name of ['presence_unknown', 'presence_unknown_kinds']) {
      expect([told.families.get(name), told.of(name)]).toEqual(['gauge', []]);
    }
  });

  test('what fails or never answers is left out, and the rest is told', async () => {
    const metrics = new Metrics();
    const reads: Record<string, Read> = {
      fails: () => Promise.reject(new Error('away')),
      throws: () => {
        throw new Error('broken');
      },
      silent: () => new Promise(() => undefined),
      works: async () => 7,
    };
    for (const [name, read] of Object.entries(reads)) metrics.gauge({ name, help: 'A figure' }, read);
    const told = await scrape(metrics);
    expect(Object.keys(reads).filter((name) => told.value(`presence_${name}`) !== undefined)).toEqual(['works']);
    expect(told.value('presence_works')).toBe(7);
  });

  test('a figure that is gone at the next scrape is not told again', async () => {
    const metrics = new Metrics(1);
    let kinds: Record<string, number> | undefined = { a: 1, b: 2 };
    metrics.gauge({ name: 'kinds', help: 'Kinds', labels: ['kind'] }, () => kinds && byLabel('kind', kinds));
    expect((await scrape(metrics)).by('kind', 'presence_kinds')).toEqual({ a: 1, b: 2 });
    kinds = { b: 3 };
    await until(async () => (await scrape(metrics)).value('presence_kinds', { kind: 'a' }) === undefined);
    expect((await scrape(metrics)).by('kind', 'presence_kinds')).toEqual({ b: 3 });
    kinds = undefined;
    await until(async () => (await scrape(metrics)).of('presence_kinds').length === 0);
  });

  test('label values of any characters', async () => {
    const metrics = new Metrics();
    const label = 'a "quoted" \\ back\nline';
    metrics.gauge({ name: 'odd', help: 'Of two\nlines', labels: ['label'] }, () => byLabel('label', { [label]: 1 }));
    const [series] = (await scrape(metrics)).of('presence_odd');
    expect(series?.labels.label).toBe('a \\"quoted\\" \\\\ back\\nline');
  });
});

test('durations fall into the bucket whose bound they do not exceed, by labels', async () => {
  const metrics = new Metrics();
  const durations = metrics.histogram({ name: 'took_seconds', help: 'Time' }, [0.1, 1]);
  const open = durations({ verb: 'open' });
  durations({ verb: 'never' });
  durations({ verb: 'close' }).observe(5);
  for (const seconds of [0.05, 0.1, 0.100001, 1, 1.5]) open.observe(seconds);
  const told = await scrape(metrics);
  expect(told.by('le', 'presence_took_seconds_bucket', { verb: 'open' })).toEqual({ 0.1: 2, 1: 4, '+Inf': 5 });
  expect(told.value('presence_took_seconds_count', { verb: 'open' })).toBe(5);
  expect(told.value('presence_took_seconds_sum', { verb: 'open' })).toBeCloseTo(2.750001);
  expect(told.by('le', 'presence_took_seconds_bucket', { verb: 'close' })).toEqual({ '+Inf': 1 });
  expect(told.of('presence_took_seconds_count').map(({ labels }) => labels.verb)).toEqual(['open', 'close']);
});

test('a name is taken once', () => {
  const metrics = new Metrics();
  metrics.gauge({ name: 'one', help: 'One' }, () => 1);
  expect(() => metrics.counter({ name: 'one', help: 'One' }, () => 1)).toThrow('already been registered');
});
