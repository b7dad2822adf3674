/** Each job of the bench with each peer, small: does it work, and does it say what it is to say? */
import { beforeAll, describe, expect, test } from '@jest/globals';
import { CONTENDERS, contendersFor, JOBS, type Job } from '../../bench/peers/contenders.ts';
import { MEASURES } from '../../bench/peers/measures.ts';
import type { Figure } from '../../bench/report.ts';
import { runBench } from '../support/bench-runs.ts';

/** Not given by everybody: who never shows a ghost offline cannot say when. */
const OPTIONAL = ['firstS', 'lastS'];
const SMALL = ['--players', '60', '--rounds', '1'];

beforeAll(() => {
  const missing = CONTENDERS.flatMap((contender) => contender.missing() ?? []);
  if (missing.length > 0) throw new Error(`these tests need all peers; ${[...new Set(missing)].join('; ')}`);
});

async function figuresOf(job: Job): Promise<(contender: string, measure: string) => Figure | undefined> {
  const { code, stderr, result } = await runBench('peers', job, ...SMALL);
  expect({ code, failed: /^failed: .*$/m.exec(stderr)?.[0] }).toEqual({ code: 0, failed: undefined });
  const figures = result?.parts[job]?.figures ?? [];
  return (contender, measure) => figures.find(({ key }) => key === `${contender}/${measure}`);
}

describe.each(JOBS.filter((job) => job !== 'crash'))('%s', (job) => {
  test('every contender that can do it has all its figures, above nothing', async () => {
    const figure = await figuresOf(job);
    for (const { name, usesRedis } of contendersFor(job, undefined)) {
      for (const { name: measure } of MEASURES[job].filter((one) => !OPTIONAL.includes(one.name))) {
        const found = figure(name, measure);
        expect([name, measure, found?.value]).toEqual([name, measure, expect.any(Number)]);
        const mayBeNothing =
          ['overshoot', 'undelivered'].includes(measure) ||
          (measure === 'redisCpu' && (!usesRedis || job === 'status'));
        if (!mayBeNothing) expect([name, measure, (found?.value ?? 0) > 0]).toEqual([name, measure, true]);
      }
      if (job === 'fan-out') expect([name, figure(name, 'undelivered')?.value]).toEqual([name, 0]);
    }
    if (job === 'admission') {
      for (const name of ['gateway-redis', 'gateway-memory', 'nchan']) expect(figure(name, 'overshoot')?.value).toBe(0);
    }
  });
});

test('crash: the gateway shows all offline, and so does whoever has a time to live; sets in Redis never do', async () => {
  const figure = await figuresOf('crash');
  for (const name of ['gateway-redis', 'tutorial', 'tutorial-uws', 'origin', 'soketi']) {
    expect([name, figure(name, 'ghosts')?.value]).toEqual([name, 0]);
    expect(figure(name, 'lastS')?.value).toBeGreaterThan(0);
  }
  for (const name of ['socketio', 'socketio-uws']) {
    // 60 players of whom some share an account.
    expect([name, figure(name, 'ghosts')?.value]).toEqual([name, 50]);
    expect(figure(name, 'lastS')).toBeUndefined();
  }
});
