import { describe, expect, test } from '@jest/globals';
import { ExpiringMap } from '../../presence-core/toolkit/expiring-map.ts';

describe('a fading map', () => {
  test('[P5] holds an entry until its instant', () => {
    const map = new ExpiringMap<string>(10);
    map.set('a', 'x', 100);
    expect(map.get('a', 99)).toBe('x');
    expect(map.get('a', 100)).toBeUndefined();
    expect(map.get('b', 0)).toBeUndefined();
  });

  test('[P15] at the bound the entry set first goes first; setting again counts as new', () => {
    const map = new ExpiringMap<number>(3);
    for (const key of ['a', 'b', 'c', 'a', 'd']) map.set(key, 1, 1000);
    expect(['a', 'b', 'c', 'd'].map((key) => map.get(key, 0))).toEqual([1, undefined, 1, 1]);
    map.delete('c');
    map.set('e', 1, 1000);
    map.set('f', 1, 1000);
    expect(['a', 'd', 'e', 'f'].map((key) => map.get(key, 0))).toEqual([undefined, 1, 1, 1]);
  });

  test('[P15] trimming drops what has faded and makes room', () => {
    const map = new ExpiringMap<number>(3);
    map.set('a', 1, 10);
    map.set('b', 1, 20);
    map.set('c', 1, 30);
    map.trim(20);
    expect(['a', 'b', 'c'].map((key) => map.get(key, 0))).toEqual([undefined, undefined, 1]);
    map.trim(30);
    map.trim(30);
    map.set('d', 1, 40);
    expect(map.get('d', 0)).toBe(1);
  });

  test('[P14] stays within its bound and agrees with a plain list under many changes', () => {
    const map = new ExpiringMap<number>(5);
    let plain: { key: string; value: number }[] = [];
    for (let i = 0; i < 2000; i += 1) {
      const key = `k${(i * 7919) % 11}`;
      plain = plain.filter((entry) => entry.key !== key);
      if (i % 4 === 0) {
        map.delete(key);
      } else {
        map.set(key, i, 1);
        plain = [...plain, { key, value: i }].slice(-5);
      }
      for (let k = 0; k < 11; k += 1) {
        expect(map.get(`k${k}`, 0)).toBe(plain.find((entry) => entry.key === `k${k}`)?.value);
      }
    }
  });
});
