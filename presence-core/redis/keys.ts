/** Names of the keys in Redis, and where a user's data is. Changing the number of buckets needs a new prefix. */
import { createHash } from 'node:crypto';
import { escapeId, unescapeId } from '../ids.ts';
import { hash32 } from '../user-hash.ts';

/** Hashes of rows per shard. 256 keep a hash within a listpack (128 entries) up to ~32,000 sessions a shard. */
export const BUCKETS = 256;

export interface Place {
  readonly shard: number;
  readonly bucket: string;
}

/** @param seed of the deployment (P18). */
export function placeOf(userId: string, shards: number, seed: number): Place {
  const hash = hash32(userId, seed);
  return { shard: hash % shards, bucket: String(Math.floor(hash / shards) % BUCKETS) };
}

/** All keys of a shard start with this; the braces are its hash tag on Cluster. */
export function shardPrefix(prefix: string, shard: number): string {
  return `{${prefix}:${shard}}:`;
}

/**
 * The keys of a shard that do not depend on a user, as a call declares them. Some are there at times only, `r` while a
 * recount runs: so nearly all calls on a shard are refused as long as its slot is moved, and none is half done, as one that
 * found a key gone in its middle would be. The index of watched streams (lua/parts/watched.lua) is left out: what an act
 * cannot write to an index that was moved already shows in its number of sessions, and the index is filled anew.
 */
export function shardKeys(shardPrefix: string): string[] {
  return ['shard', 'due', 'soon', 'held', 'sweep', 'n', 'r', 'lim', 'tomb', 'seen', 'log'].map(
    (name) => shardPrefix + name,
  );
}

/** Between the parts of rows, log entries and replies (lua/parts/rows.lua). Blanks are elsewhere, which no id has. */
const BAR = '|';

/** An id as the verbs take it and as it is kept. */
export function keptId(id: string): string {
  return escapeId(id, BAR);
}

/** The id of what `keptId` made. */
export function idFrom(kept: string): string {
  return unescapeId(kept, BAR);
}

/** A user's sessions by expiry. The hash tag ends before the id, which may hold braces. */
export function userSetKey(shardPrefix: string, userId: string): string {
  return `${shardPrefix}u:${keptId(userId)}`;
}

/** A user's set, and the hash that holds the rows of its bucket. */
export function userKeys(shardPrefix: string, userId: string, bucket: string): [set: string, rows: string] {
  return [userSetKey(shardPrefix, userId), `${shardPrefix}m:${bucket}`];
}

/** Hash of a shard's counts (P12). */
export function countsKey(shardPrefix: string): string {
  return `${shardPrefix}n`;
}

/** Hash of a shard's limit overrides (P6). */
export function limitsKey(shardPrefix: string): string {
  return `${shardPrefix}lim`;
}

/** Stream of a shard's changes (P11). */
export function logKey(shardPrefix: string): string {
  return `${shardPrefix}log`;
}

export function inboxKey(prefix: string, nodeId: string): string {
  return `{${prefix}:in:${nodeId}}`;
}

/** What a node tells of itself. All in one slot, so that one call reads them. */
export function reportKey(prefix: string, nodeId: string): string {
  return `{${prefix}:reports}:${nodeId}`;
}

/** HyperLogLog of the users of an hour. */
export function uniqueUsersKey(prefix: string, hourAt: number): string {
  return `{${prefix}:uniq:${hourAt}}`;
}

/** Hash of what happened how often in an hour. */
export function hitsKey(prefix: string, hourAt: number): string {
  return `{${prefix}:hits:${hourAt}}`;
}

/** What a process writes so that its readers can prove that they see it. */
export function markKey(prefix: string, process: string): string {
  return `{${prefix}:mark:${process}}`;
}

/** Set of the nodes that have opened their sessions again since an epoch began (P10). */
export function restoredKey(prefix: string, epoch: string): string {
  // That of a Cluster is as long as it has shards.
  const digest = createHash('sha1').update(epoch).digest('hex').slice(0, 16);
  return `{${prefix}:restored:${digest}}`;
}

/** A shard's copy of the deployment's layout (P18). */
export function layoutKey(shardPrefix: string): string {
  return `${shardPrefix}layout`;
}

/** Hash of the deployment's layout and secret. */
export function configKey(prefix: string): string {
  return `{${prefix}}:config`;
}
