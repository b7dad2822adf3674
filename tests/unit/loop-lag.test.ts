import { expect, test } from '@jest/globals';
import { Registry } from 'prom-client';
import { addLoopLag, loopTurned } from '../../gateway/metrics/loop-lag.ts';

const FIGURES = ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'];

test('the lag of the event loop is that of the time since the last scrape, and left out where nothing was measured', async () => {
  const register = new Registry();
  addLoopLag(register);
  const scrape = async (): Promise<[string, number][]> =>
    [...(await register.metrics()).matchAll(/^nodejs_eventloop_lag_(\w+)_seconds (\S+)$/gm)].map(
      ([, figure, seconds]) => [figure as string, Math.round(Number(seconds) * 1_000)],
    );
  expect(await scrape()).toEqual([]);
  for (const lateMs of [0, 0, 0, 400]) loopTurned(lateMs);
  expect(await scrape()).toEqual(FIGURES.map((figure, i) => [figure, [0, 400, 100, 173, 0, 400, 400][i]]));
  loopTurned(20);
  expect(await scrape()).toEqual(FIGURES.map((figure) => [figure, figure === 'stddev' ? 0 : 20]));
  expect(await scrape()).toEqual([]);
});
