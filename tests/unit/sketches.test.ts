/** Sketches of users as the memory store gives them out: exact, then estimated, whole or refused (P16). */
import { expect, test } from '@jest/globals';
import { countSketches, mergeSketches } from '../../presence-core/sketches.ts';
import { UserSketch } from '../../presence-core/user-sketch.ts';

const HYLL_EMPTY = Uint8Array.from([...Buffer.from('HYLL'), 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 0xff]);

function sketchOf(from: number, until: number): Uint8Array {
  const sketch = new UserSketch();
  for (let i = from; i < until; i += 1) for (let times = 0; times <= i % 2; times += 1) sketch.add(`user-${i}`);
  return sketch.bytes();
}

test.each([0, 1, 10, 1_000, 10_000])('[P16] %d users are counted exactly, whatever was saved and merged', (users) => {
  const half = Math.floor(users / 2);
  const [a, b] = [sketchOf(0, half + Math.floor(users / 5)), sketchOf(half, users)];
  const exactly = { uniqueUsers: users, approximate: false };
  expect(countSketches([a, b])).toEqual(exactly);
  expect(countSketches([mergeSketches(a, b)])).toEqual(exactly);
  expect(countSketches([mergeSketches(mergeSketches(b, a), sketchOf(0, users))])).toEqual(exactly);
  expect(mergeSketches(a, b)).toEqual(sketchOf(0, users));
  expect(mergeSketches(b, a)).toEqual(sketchOf(0, users));
});

test.each([10_001, 50_000, 300_000])(
  '[P16] an estimate of %d users is within 1.5 %%, however they were merged',
  (users) => {
    const whole = sketchOf(0, users);
    const { uniqueUsers, approximate } = countSketches([whole]);
    expect(approximate).toBe(true);
    expect(Math.abs(uniqueUsers - users)).toBeLessThanOrEqual(users * 0.015);
    const [few, many] = [sketchOf(0, 4_000), sketchOf(3_000, users)];
    for (const parts of [
      [few, many],
      [many, few],
      [mergeSketches(few, many)],
      [mergeSketches(many, few)],
      [whole, few],
    ]) {
      expect(countSketches(parts)).toEqual({ uniqueUsers, approximate });
    }
  },
);

test('[P16] no bytes are nobody; of two kinds of store the sum is told, and they do not merge', () => {
  const nobody = new Uint8Array();
  const some = sketchOf(0, 7);
  expect(countSketches([])).toEqual({ uniqueUsers: 0, approximate: false });
  expect(countSketches([nobody, some])).toEqual({ uniqueUsers: 7, approximate: false });
  expect(mergeSketches(nobody, some)).toEqual(some);
  expect(mergeSketches(some, nobody)).toEqual(some);
  expect(countSketches([HYLL_EMPTY, some])).toEqual({ uniqueUsers: 7, approximate: false });
  const oneOfRedis = HYLL_EMPTY.slice();
  // One register at rank 3, then 16,383 untouched.
  const touched = Uint8Array.from([...oneOfRedis.slice(0, 16), 0x88, 0x7f, 0xfe]);
  expect(countSketches([touched, some])).toEqual({ uniqueUsers: 8, approximate: true });
  expect(() => mergeSketches(some, touched)).toThrow(expect.objectContaining({ code: 'invalid_sketch' }));
});

test('[P16] what is no whole sketch is refused', () => {
  const dense = new Uint8Array(16 + 12_288);
  dense.set(HYLL_EMPTY.slice(0, 4));
  expect(countSketches([dense]).uniqueUsers).toBe(0);
  const [few, many] = [sketchOf(0, 3), sketchOf(0, 10_001)];
  const withByte = (bytes: Uint8Array, at: number, byte: number): Uint8Array => {
    const copy = Uint8Array.from(bytes);
    copy[at] = byte;
    return copy;
  };
  const damaged = [
    Buffer.from('x'),
    Buffer.from('HYL'),
    Buffer.from('HYLL'),
    Buffer.from('nothing of the kind'),
    HYLL_EMPTY.slice(0, -1),
    HYLL_EMPTY.slice(0, -2),
    withByte(HYLL_EMPTY, 17, 0xfe),
    withByte(HYLL_EMPTY, 4, 2),
    Buffer.concat([HYLL_EMPTY, Buffer.from([0])]),
    dense.slice(0, -1),
    withByte(dense, 16, 0x3f),
    few.slice(0, -1),
    Buffer.concat([few, few.slice(4)]),
    Buffer.concat([few, Buffer.alloc(80_000, few.slice(4, 12))]),
    many.slice(0, -1),
    withByte(many, 100, 34),
  ];
  for (const bytes of damaged) {
    const refusal = expect.objectContaining({ name: 'StoreError', code: 'invalid_sketch' });
    expect(() => countSketches([bytes])).toThrow(refusal);
    expect(() => mergeSketches(few, bytes)).toThrow(refusal);
  }
});
