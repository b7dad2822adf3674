import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { SharedRead, singleFlight } from '../../presence-core/toolkit/single-flight.ts';

/** Reads that end when told to. */
function reads() {
  const begun: { resolve(value: number): void; reject(error: Error): void }[] = [];
  const shared = new SharedRead(
    (_key: string) => new Promise<number>((resolve, reject) => begun.push({ resolve, reject })),
  );
  return { begun, shared };
}

describe('a shared read', () => {
  test('whoever asks during a read shares the next one, which begins after it', async () => {
    const { begun, shared } = reads();
    const first = shared.ask('a');
    const later = [shared.ask('a'), shared.ask('a')];
    expect(begun).toHaveLength(1);
    begun[0]?.resolve(1);
    expect(await first).toBe(1);
    await turn();
    expect(begun).toHaveLength(2);
    const last = shared.ask('a');
    begun[1]?.resolve(2);
    expect(await Promise.all(later)).toEqual([2, 2]);
    await turn();
    expect(begun).toHaveLength(3);
    begun[2]?.resolve(3);
    expect(await last).toBe(3);
  });

  test('a failure is told to those who shared it and ends there', async () => {
    const { begun, shared } = reads();
    const first = shared.ask('a');
    const second = shared.ask('a');
    begun[0]?.reject(new Error('away'));
    await expect(first).rejects.toThrow('away');
    await turn();
    begun[1]?.resolve(2);
    expect(await second).toBe(2);
    const third = shared.ask('a');
    expect(begun).toHaveLength(3);
    begun[2]?.resolve(3);
    expect(await third).toBe(3);
  });

  test('reads of different keys do not wait for each other', async () => {
    const { begun, shared } = reads();
    const both = [shared.ask('a'), shared.ask('b')];
    expect(begun).toHaveLength(2);
    begun[1]?.resolve(2);
    begun[0]?.resolve(1);
    expect(await Promise.all(both)).toEqual([1, 2]);
  });
});

describe('singleFlight', () => {
  test('all who ask while it runs get that run; who asks later begins another', async () => {
    let runs = 0;
    let finish: (value: number) => void = () => {};
    const ask = singleFlight(() => {
      runs += 1;
      return new Promise<number>((resolve) => {
        finish = resolve;
      });
    });
    const first = [ask(), ask()];
    finish(1);
    expect(await Promise.all(first)).toEqual([1, 1]);
    const second = ask();
    finish(2);
    expect([await second, runs]).toEqual([2, 2]);
  });

  test('a failure is everybody’s, and the next one begins anew', async () => {
    const outcomes = [Promise.reject(new Error('away')), Promise.resolve('here')];
    const ask = singleFlight(() => outcomes.shift() as Promise<string>);
    const both = await Promise.allSettled([ask(), ask()]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await ask()).toBe('here');
  });
});
