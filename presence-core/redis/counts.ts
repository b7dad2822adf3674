/** Counts as the verbs keep them (P12): one field for each thing, in a hash a shard (lua/parts/counts.lua). */
import type { Count, Dimension, TopBy } from '../store/reads.ts';
import { idFrom, keptId } from './keys.ts';

/** What the fields of streams, device types, countries and states begin with. */
const COUNT_PREFIX = { stream: 's:', deviceType: 'd:', country: 'c:', state: 'l:' } as const;

const BY_PREFIX: ReadonlyMap<string, TopBy> = new Map(
  Object.entries(COUNT_PREFIX).map(([by, prefix]) => [prefix, by as TopBy]),
);

export function fieldOf(d: Dimension): string {
  if (d.by === 'total') return 't';
  if (d.by === 'state') return `l:${d.country}/${d.state}`;
  return facetField(d.by, d.key);
}

/** @param key of a state `country/state` */
export function facetField(by: TopBy, key: string): string {
  return COUNT_PREFIX[by] + (by === 'stream' ? keptId(key) : key);
}

/** @returns undefined for the total. */
export function facetOf(field: string): { readonly by: TopBy; readonly key: string } | undefined {
  const by = BY_PREFIX.get(field.slice(0, 2));
  const key = field.slice(2);
  return by && { by, key: by === 'stream' ? idFrom(key) : key };
}

/** Stored as sessions * 1e9 + users. One that drifted below 0 reads as 0 until a recount corrects it (P12). */
export function countOf(text: string | null): Count {
  const value = Number(text);
  const sessions = Math.round(value / 1e9);
  return { users: Math.max(0, value - sessions * 1e9), sessions: Math.max(0, sessions) };
}
