/** What the parent of workers decides without a process: restarts, joint metrics and readiness, and its channel. */
import { EventEmitter } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { jointReadiness, READINESS, type Readiness } from '../../gateway/http/readiness.ts';
import { JointMetrics, singleMetric } from '../../gateway/metrics/joint-metrics.ts';
import { type MetricAbout, Metrics, type MetricValues } from '../../gateway/metrics/metrics.ts';
import { Channel, type Port } from '../../gateway/workers/channel.ts';
import { Liveness } from '../../gateway/workers/liveness.ts';
import { type End, Restarts } from '../../gateway/workers/restarts.ts';
import { parseExposition } from '../support/exposition.ts';

describe('when another worker is started', () => {
  const SERVES: End = { servedMs: 100, refused: false, othersServeMs: 200 };
  const ALONE: End = { servedMs: 100, refused: false, othersServeMs: 0 };
  const WELL: End = { servedMs: 60_000, refused: false, othersServeMs: 0 };
  const REFUSED: End = { servedMs: 0, refused: true, othersServeMs: 59_999 };
  const REFUSED_LATE: End = { servedMs: 0, refused: true, othersServeMs: 60_000 };

  test.each<[what: string, ends: End[], pausesMs: (number | undefined)[]]>([
    ['the first at once, others later', [SERVES, SERVES, SERVES], [250, 500, 1_000]],
    [
      'never later than 30 s, and always while another serves',
      Array(9).fill(SERVES),
      [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000],
    ],
    [
      'no more after five ends in a row of one that is alone',
      Array(5).fill(ALONE),
      [250, 500, 1_000, 2_000, undefined],
    ],
    ['as at first when it had served well', [ALONE, ALONE, WELL, ALONE], [250, 500, 250, 500]],
    ['never when it refuses what no other serves well with', [REFUSED], [undefined]],
    ['later when it refuses what another serves well with', [REFUSED_LATE, REFUSED_LATE], [250, 500]],
    ['again, however often it ends, if it serves well between', Array(7).fill(WELL), Array(7).fill(250)],
    [
      'for as long as others serve, and no longer',
      [SERVES, SERVES, SERVES, SERVES, SERVES, ALONE],
      [250, 500, 1_000, 2_000, 4_000, undefined],
    ],
  ])('%s', (_, ends, pausesMs) => {
    const restarts = new Restarts(() => 1);
    expect(ends.map((end) => restarts.after(end))).toEqual(pausesMs);
  });
});

test.each<[answers: boolean[], isAlive: boolean]>([
  [[true, true, true], true],
  [[false, false], true],
  [[false, false, false], false],
  [[false, false, true, false, false], true],
])('a worker that answers %j is alive: %s', async (answers, isAlive) => {
  const liveness = new Liveness();
  let last: boolean | undefined;
  for (const answer of answers) last = await liveness.look(() => (answer ? Promise.resolve() : Promise.reject()));
  expect(last).toBe(isAlive);
});

describe('readiness of all workers', () => {
  test.each<[all: Readiness[], joint: Readiness]>([
    [['ok', 'draining'], 'ok'],
    [['store_unavailable', 'ok', 'overloaded'], 'ok'],
    [['degraded', 'ok'], 'ok'],
    [['degraded', 'overloaded'], 'degraded'],
    [['overloaded', 'draining'], 'overloaded'],
    [['store_unavailable', 'draining'], 'store_unavailable'],
    [['draining', 'draining'], 'draining'],
  ])('[W22] %j is %s', (all, joint) => {
    expect(jointReadiness(all)).toBe(joint);
    expect(jointReadiness([...all].reverse())).toBe(joint);
  });

  test('of one worker is its own', () => {
    for (const one of READINESS) expect(jointReadiness([one])).toBe(one);
  });
});

describe('metrics of all workers', () => {
  const OWN = [singleMetric('gauge', 'workers', 'Workers', 2)];

  /** A worker with one figure, as it tells it. */
  function values(about: Partial<MetricAbout>, kind: 'gauge' | 'counter', value: number): Promise<MetricValues[]> {
    const metrics = new Metrics();
    metrics[kind]({ name: kind === 'counter' ? 'x_total' : 'x', help: 'A figure', ...about }, () => value);
    return metrics.values();
  }

  async function joined(joint: JointMetrics) {
    return parseExposition(await joint.text(OWN));
  }

  test.each<['gauge' | 'counter', MetricAbout['jointly'], number]>([
    ['counter', undefined, 7],
    ['counter', 'max', 4],
    ['counter', 'first', 3],
    ['gauge', undefined, 7],
    ['gauge', 'max', 4],
    ['gauge', 'min', 3],
    ['gauge', 'first', 3],
  ])('a %s told by %s', async (kind, jointly, expected) => {
    const joint = new JointMetrics();
    joint.set(1, await values({ ...(jointly && { jointly }) }, kind, 3));
    joint.set(2, await values({ ...(jointly && { jointly }) }, kind, 4));
    const told = await joined(joint);
    expect(told.value(kind === 'counter' ? 'presence_x_total' : 'presence_x')).toBe(expected);
    expect(told.value('presence_workers')).toBe(2);
  });

  test('labels are kept apart, and histograms added by bucket', async () => {
    const joint = new JointMetrics();
    for (const id of [1, 2]) {
      const metrics = new Metrics();
      const durations = metrics.histogram({ name: 'd_seconds', help: 'Durations' }, [1, 2]);
      durations({ verb: 'a' }).observe(0.5);
      durations({ verb: `b${id}` }).observe(5);
      joint.set(id, await metrics.values());
    }
    const told = await joined(joint);
    expect(told.value('presence_d_seconds_bucket', { verb: 'a', le: '1' })).toBe(2);
    expect(told.by('verb', 'presence_d_seconds_count')).toEqual({ a: 2, b1: 1, b2: 1 });
    expect(told.by('verb', 'presence_d_seconds_sum')).toEqual({ a: 1, b1: 5, b2: 5 });
  });

  test.each<[MetricAbout['jointly'], before: number, after: number]>([
    [undefined, 7, 8],
    ['max', 4, 4],
    // Of Redis: what a worker saw of it before is not added, nor kept when Redis began anew.
    ['first', 3, 1],
  ])('a counter told by %s does not go back when a worker ends and another starts', async (jointly, before, after) => {
    const joint = new JointMetrics();
    const about = { ...(jointly && { jointly }) };
    joint.set(1, await values(about, 'counter', 3));
    joint.set(2, await values(about, 'counter', 4));
    expect((await joined(joint)).value('presence_x_total')).toBe(before);
    await joint.gone(1);
    await joint.gone(2);
    joint.set(3, await values(about, 'counter', 1));
    expect((await joined(joint)).value('presence_x_total')).toBe(after);
    await joint.gone(3);
    if (jointly !== 'first') expect((await joined(joint)).value('presence_x_total')).toBe(after);
  });

  test('a gauge of one that is gone is gone', async () => {
    const joint = new JointMetrics();
    joint.set(1, await values({}, 'gauge', 3));
    joint.set(2, await values({}, 'gauge', 4));
    await joint.gone(1);
    expect((await joined(joint)).value('presence_x')).toBe(4);
    expect((await joined(joint)).of('process_resident_memory_bytes')).toHaveLength(1);
  });

  test('what Node tells of each process has one value: of lags the worst, of starts the first', async () => {
    const joint = new JointMetrics();
    const told = (name: string, value: number): MetricValues => ({
      ...singleMetric('gauge', '', 'Of Node', value),
      name,
      aggregator: 'average',
    });
    for (const value of [1, 3]) {
      joint.set(value, [told('nodejs_eventloop_lag_p99_seconds', value), told('process_start_time_seconds', value)]);
    }
    const text = await joint.text([]);
    expect(text).toContain('nodejs_eventloop_lag_p99_seconds 3\n');
    expect(text).toContain('process_start_time_seconds 1\n');
  });
});

describe('the channel between parent and worker', () => {
  type Acts = { double(n: number): Promise<number>; fail(): never; never(): Promise<void> };
  const ACTS: Acts = {
    double: async (n) => 2 * n,
    fail: () => {
      throw new Error('broken');
    },
    never: () => new Promise(() => undefined),
  };

  class HandPort extends EventEmitter implements Port {
    other: HandPort | undefined;
    isGone = false;
    send(message: unknown, done: (error: Error | null) => void): boolean {
      if (this.isGone) done(new Error('channel closed'));
      else setImmediate(() => this.other?.emit('message', structuredClone(message)));
      return !this.isGone;
    }
  }

  function pair(answerMs = 10_000) {
    const [here, there] = [new HandPort(), new HandPort()];
    here.other = there;
    there.other = here;
    new Channel<Acts, Record<string, never>>(there, ACTS, answerMs);
    return { here, asking: new Channel<Record<string, never>, Acts>(here, {}, answerMs) };
  }

  test('answers each question, whatever the order, and says what failed', async () => {
    const { asking } = pair();
    expect(await Promise.all([asking.ask('double', 2), asking.ask('double', 3)])).toEqual([4, 6]);
    await expect(asking.ask('fail')).rejects.toThrow('broken');
  });

  test('gives up when there is no answer in time, or nobody there', async () => {
    const { here, asking } = pair(1);
    await expect(asking.ask('never')).rejects.toThrow('no answer from the other process');
    here.isGone = true;
    await expect(asking.ask('double', 1)).rejects.toThrow('channel closed');
    await asking.tell('double', 1);
  });

  test('messages of others are let be', async () => {
    const { here, asking } = pair();
    for (const message of ['settled', 7, {}, null]) here.emit('message', message);
    await turn();
    expect(await asking.ask('double', 1)).toBe(2);
  });
});
