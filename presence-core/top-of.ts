/** The first of many by what is counted, without sorting all of them. */
import type { TopItem } from './store/reads.ts';

/** Most sessions first, then by key. */
export function byCount(a: TopItem, b: TopItem): number {
  return b.sessions - a.sessions || (a.key < b.key ? -1 : 1);
}

/** At most `limit` items in order. Twice as many are kept in between; what comes after the last of them is passed over. */
export function topOf<T extends TopItem>(items: Iterable<T>, limit: number): T[] {
  const kept: T[] = [];
  let last: T | undefined;
  for (const item of items) {
    if (last !== undefined && byCount(item, last) > 0) continue;
    kept.push(item);
    if (kept.length < 2 * limit) continue;
    kept.sort(byCount);
    kept.length = limit;
    last = kept[limit - 1];
  }
  return kept.sort(byCount).slice(0, limit);
}
