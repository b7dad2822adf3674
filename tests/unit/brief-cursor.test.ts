import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../gateway/config/config.ts';
import {
  bitsFor,
  checkBrief,
  decodeBrief,
  encodeBrief,
  MAX_CURSOR_BYTES,
  MAX_SHARDS,
} from '../../presence-core/redis/brief-cursor.ts';
import type { ShardPosition } from '../../presence-core/redis/log-cursor.ts';
import { RedisStore } from '../../presence-core/redis/redis-store.ts';
import { randomBy } from '../support/presence-churn.ts';

const EPOCH = 1_795_900_000_000;
const random = randomBy(11);
const upTo = (max: number): number => Math.floor(random() * (max + 1));

function places(shards: number, max = 2 ** 40): ShardPosition[] {
  return Array.from({ length: shards }, (_, shard) => ({ epoch: EPOCH + (shard % 8), sequence: upTo(max) }));
}

const moved = (from: readonly ShardPosition[], by: () => number): ShardPosition[] =>
  from.map(({ epoch, sequence }) => ({ epoch, sequence: sequence + by() }));

describe.each([1, 2, 3, 8, 64, 100, 512, 1_023, MAX_SHARDS])('[W26] with %s shards', (shards) => {
  const window = 2 ** bitsFor(shards) - 1;

  test('a cursor fits, and leads back while no shard went on too far', () => {
    for (let round = 0; round < 30; round++) {
      const place = places(shards, round < 5 ? 3 : 2 ** 40);
      const text = encodeBrief(place);
      expect(text.length).toBeLessThanOrEqual(MAX_CURSOR_BYTES);
      checkBrief(text, shards);
      expect(decodeBrief(text, place)).toEqual(place);
      expect(
        decodeBrief(
          text,
          moved(place, () => upTo(window)),
        ),
      ).toEqual(place);
    }
  });

  test('it does not lead to a wrong place when one went on too far, or back, or another epoch began', () => {
    for (let round = 0; round < 30; round++) {
      const place = places(shards);
      const text = encodeBrief(place);
      const one = upTo(shards - 1);
      const newest = moved(place, () => upTo(window));
      const changed = (at: Partial<ShardPosition>): ShardPosition[] =>
        newest.map((position, shard) => (shard === one ? { ...position, ...at } : position));
      const { sequence } = place[one] as ShardPosition;
      expect(decodeBrief(text, changed({ sequence: sequence + window + 1 }))).toBeUndefined();
      expect(decodeBrief(text, changed({ sequence: sequence - 1 }))).toBeUndefined();
      expect(decodeBrief(text, changed({ epoch: EPOCH + 100 }))).toBeUndefined();
    }
  });
});

test('[W26] a shard without an entry had no epoch; its first entry does not end the place', () => {
  const place = [
    { epoch: 1, sequence: 0 },
    { epoch: EPOCH, sequence: 5 },
  ];
  const newest = [
    { epoch: EPOCH, sequence: 3 },
    { epoch: EPOCH, sequence: 9 },
  ];
  expect(decodeBrief(encodeBrief(place), newest)).toEqual([{ epoch: EPOCH, sequence: 0 }, place[1]]);
});

test.each(['', 'b:', 'b:00000000000000', 'b:00000000000000$$$', `b:${'0'.repeat(14)}AAAAAAA`, 'r:1.1;', '-'])(
  '[W23] %j is no cursor',
  (text) => {
    expect(() => checkBrief(text, 8)).toThrow('not a cursor');
  },
);

test('[W26] a deployment whose cursors would be longer is refused, and told why', () => {
  expect(() => new RedisStore({ url: 'redis://127.0.0.1:1', shards: MAX_SHARDS + 1 })).toThrow(
    /1025 .* longer than 1024/,
  );
  expect(() => loadConfig({ PRESENCE_SHARDS: String(MAX_SHARDS + 1) }, [])).toThrow(/PRESENCE_SHARDS "1025".*1024/);
});
