/** Bounds of calls to the database (P14). */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { CallLimiter } from '../../gateway/history/sql/call-limiter.ts';

const BOUND_MS = 1_000;
const unavailable = { code: 'history_unavailable', retryable: true };

beforeEach(() => {
  jest.useFakeTimers({ doNotFake: ['setImmediate'] });
});
afterEach(() => {
  jest.useRealTimers();
});

const limiterOf = (maxRunning: number, maxWaiting: number): CallLimiter =>
  new CallLimiter({ maxRunning, maxWaiting, boundMs: BOUND_MS });

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

test('[P14] so many run at once, so many more wait in their order, and one more is refused', async () => {
  const limiter = limiterOf(2, 2);
  const jobs = [work(), work(), work(), work()];
  const calls = jobs.map((job) => limiter.run(job.run));
  await expect(limiter.run(work().run)).rejects.toMatchObject(unavailable);
  expect(jobs.map((job) => job.hasBegun())).toEqual([true, true, false, false]);
  jobs[1]?.fail(new Error('its own'));
  await expect(calls[1]).rejects.toThrow('its own');
  await tick();
  expect(jobs.map((job) => job.hasBegun())).toEqual([true, true, true, false]);
  for (const job of jobs) job.end('done');
  expect(await Promise.all([calls[0], calls[2], calls[3]])).toEqual(['done', 'done', 'done']);
});

test('[P14] when the time is up the caller gets an error, begun work counts as running, and the rest never begins', async () => {
  const limiter = limiterOf(1, 1);
  const [slow, late, next] = [work(), work(), work()];
  const calls = Promise.allSettled([limiter.run(slow.run), limiter.run(late.run)]);
  jest.advanceTimersByTime(BOUND_MS - 1);
  await tick();
  expect(slow.isOver()).toBe(false);
  jest.advanceTimersByTime(1);
  for (const call of await calls) expect(call).toMatchObject({ reason: unavailable });
  expect(slow.isOver()).toBe(true);
  const call = limiter.run(next.run);
  await tick();
  expect(next.hasBegun()).toBe(false);
  slow.end('nobody listens');
  next.end('done');
  expect(await call).toBe('done');
  expect(late.hasBegun()).toBe(false);
});

test('it is drained when the last work has ended, or when the time for that is up', async () => {
  const limiter = limiterOf(1, 1);
  await limiter.drained(BOUND_MS);
  const jobs = [work(), work()];
  const calls = jobs.map((job) => limiter.run(job.run));
  jest.useRealTimers();
  await limiter.drained(10);
  let drained = false;
  const draining = limiter.drained(60_000).then(() => {
    drained = true;
  });
  jobs[0]?.end('done');
  await calls[0];
  await tick();
  expect(drained).toBe(false);
  jobs[1]?.end('done');
  await draining;
});
