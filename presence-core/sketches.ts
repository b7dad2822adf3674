/** Sketches of an hour's users, as the stores give them out and a history keeps them (P16). No bytes: nobody. */
import { StoreError } from './errors.ts';
import { RedisSketch } from './redis/sketch.ts';
import { UserSketch } from './user-sketch.ts';

/**
 * The sketch of all users of both.
 * @throws StoreError `invalid_sketch` for what is damaged, or of two kinds of store: those are counted side by side.
 */
export function mergeSketches(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0 || b.length === 0) return a.length === 0 ? b : a;
  const [mine, other] = [parse(a), parse(b)];
  if (mine instanceof RedisSketch && other instanceof RedisSketch) mine.merge(other);
  else if (mine instanceof UserSketch && other instanceof UserSketch) mine.merge(other);
  else throw new StoreError('invalid_sketch', 'sketches of Redis and of the memory store do not merge');
  return mine.bytes();
}

/**
 * Distinct users of all sketches together: those of one kind of store are merged; of two kinds the sum is an upper bound.
 * @throws StoreError `invalid_sketch`
 */
export function countSketches(sketches: readonly Uint8Array[]): { uniqueUsers: number; approximate: boolean } {
  let redis: RedisSketch | undefined;
  let memory: UserSketch | undefined;
  for (const bytes of sketches) {
    if (bytes.length === 0) continue;
    const sketch = parse(bytes);
    if (sketch instanceof UserSketch) {
      if (memory) memory.merge(sketch);
      else memory = sketch;
    } else if (redis) redis.merge(sketch);
    else redis = sketch;
  }
  const ofRedis = redis?.count() ?? 0;
  // As the stores themselves tell: of no number of Redis' it is known whether it is exact.
  return { uniqueUsers: ofRedis + (memory?.count() ?? 0), approximate: ofRedis > 0 || memory?.isExact === false };
}

function parse(bytes: Uint8Array): RedisSketch | UserSketch {
  if (RedisSketch.isOne(bytes)) return RedisSketch.from(bytes);
  if (UserSketch.isOne(bytes)) return UserSketch.from(bytes);
  throw new StoreError('invalid_sketch', 'not a sketch of users');
}
