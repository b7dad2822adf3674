import { describe, expect, test } from '@jest/globals';
import { ExpiringMap } from '../../presence-core/toolkit/expiring-map.ts';

interface Entry {
  readonly value: string;
  readonly until: number;
}
const kept = (max: number) => new ExpiringMap<Entry>(max, ({ until }) => until);
/** Numbers that are kept until 1,000. */
const numbers = (max: number) => new ExpiringMap<number>(max, () => 1_000);

describe('an expiring map', () => {
  test('[P5] holds an entry until its instant', () => {
    const map = kept(10);
    map.set('a', { value: 'x', until: 100 });
    expect(map.get('a', 99)?.value).toBe('x');
    expect(map.get('a', 100)).toBeUndefined();
    expect(map.get('b', 0)).toBeUndefined();
  });

  test('[P15] at the bound the entry set first goes first; setting again counts as new', () => {
    const map = numbers(3);
    for (const key of ['a', 'b', 'c', 'a', 'd']) map.set(key, 1);
    expect(['a', 'b', 'c', 'd'].map((key) => map.get(key, 0))).toEqual([1, undefined, 1, 1]);
    map.delete('c');
    map.set('e', 1);
    map.set('f', 1);
    expect(['a', 'd', 'e', 'f'].map((key) => map.get(key, 0))).toEqual([undefined, 1, 1, 1]);
  });

  test('[P15] the oldest one, set again to the same value, is the newest', () => {
    const map = numbers(2);
    for (const key of ['a', 'b', 'c']) map.set(key, 1);
    map.set('b', 1);
    map.set('d', 1);
    expect(['b', 'c', 'd'].map((key) => map.get(key, 0))).toEqual([1, undefined, 1]);
  });

  test('[P15] trimming drops what has expired and makes room', () => {
    const map = kept(3);
    for (const [i, key] of ['a', 'b', 'c'].entries()) map.set(key, { value: key, until: 10 * (i + 1) });
    map.trim(20);
    expect(['a', 'b', 'c'].map((key) => map.get(key, 0)?.value)).toEqual([undefined, undefined, 'c']);
    map.trim(30);
    map.trim(30);
    map.set('d', { value: 'd', until: 40 });
    expect(map.get('d', 0)?.value).toBe('d');
    expect(map.size).toBe(1);
  });

  test('trimming drops no more than it is told to', () => {
    const map = numbers(10);
    for (const key of ['a', 'b', 'c']) map.set(key, 1);
    map.trim(1_000, 2);
    expect([map.size, map.get('c', 0)]).toEqual([1, 1]);
  });

  test('[P14] stays within its bound and agrees with a plain list under many changes', () => {
    const map = numbers(5);
    let plain: { key: string; value: number }[] = [];
    for (let i = 0; i < 2000; i += 1) {
      const key = `k${(i * 7919) % 11}`;
      plain = plain.filter((entry) => entry.key !== key);
      if (i % 4 === 0) {
        map.delete(key);
      } else {
        map.set(key, i % 3);
        plain = [...plain, { key, value: i % 3 }].slice(-5);
      }
      expect(map.size).toBe(plain.length);
      for (let k = 0; k < 11; k += 1) {
        expect(map.get(`k${k}`, 0)).toBe(plain.find((entry) => entry.key === `k${k}`)?.value);
      }
    }
  });
});
