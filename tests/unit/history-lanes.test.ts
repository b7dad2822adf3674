/** Bounds of calls to the database (P14). */
import { expect, test } from '@jest/globals';
import { Lanes } from '../../gateway/history/sql/lanes.ts';

const LONG_MS = 60_000;

/** Work that ends when it is told to. */
function work() {
  let begun = false;
  let wasOver = (): boolean => false;
  let end: (value: string) => void = () => {};
  let fail: (error: Error) => void = () => {};
  const done = new Promise<string>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return {
    run: (isOver: () => boolean) => {
      begun = true;
      wasOver = isOver;
      return done;
    },
    hasBegun: () => begun,
    isOver: () => wasOver(),
    end,
    fail,
  };
}
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('[P14] as many run as there are lanes, so many more wait in their order, and one more is refused', async () => {
  const lanes = new Lanes(2, 2);
  const jobs = [work(), work(), work(), work()];
  const calls = jobs.map((job) => lanes.run(LONG_MS, job.run));
  await expect(lanes.run(LONG_MS, work().run)).rejects.toMatchObject({ code: 'history_unavailable', retryable: true });
  expect(jobs.map((job) => job.hasBegun())).toEqual([true, true, false, false]);
  jobs[1]?.fail(new Error('its own'));
  await expect(calls[1]).rejects.toThrow('its own');
  await tick();
  expect(jobs.map((job) => job.hasBegun())).toEqual([true, true, true, false]);
  for (const job of jobs) job.end('done');
  expect(await Promise.all([calls[0], calls[2], calls[3]])).toEqual(['done', 'done', 'done']);
});

test('[P14] a caller whose time is up is told, its work keeps the lane, and what waited too long never begins', async () => {
  const lanes = new Lanes(1, 1);
  const [slow, late, next] = [work(), work(), work()];
  const calls = [lanes.run(20, slow.run), lanes.run(10, late.run)];
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'history_unavailable' });
  expect(slow.isOver()).toBe(true);
  const call = lanes.run(LONG_MS, next.run);
  await tick();
  expect(next.hasBegun()).toBe(false);
  slow.end('nobody listens');
  next.end('done');
  expect(await call).toBe('done');
  expect(late.hasBegun()).toBe(false);
});

test('lanes are drained when the last work has ended, or when the time for that is up', async () => {
  const lanes = new Lanes(1, 1);
  await lanes.drained(LONG_MS);
  const jobs = [work(), work()];
  const calls = jobs.map((job) => lanes.run(LONG_MS, job.run));
  await lanes.drained(10);
  let drained = false;
  const draining = lanes.drained(LONG_MS).then(() => {
    drained = true;
  });
  jobs[0]?.end('done');
  await calls[0];
  await tick();
  expect(drained).toBe(false);
  jobs[1]?.end('done');
  await draining;
});
