import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { SharedRead } from '../../presence-core/toolkit/shared-read.ts';

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
