/** Where a user's data lives in Redis. Changing the hash or the number of buckets needs a new prefix. */

/** Hashes of rows per shard. 256 keep a hash within a listpack (128 entries) up to ~32,000 sessions a shard. */
export const BUCKETS = 256;

export interface Place {
  readonly shard: number;
  readonly bucket: string;
}

/** Which of `parts` a user belongs to. */
export function partOf(userId: string, parts: number): number {
  return hash32(userId) % parts;
}

/** FNV-1a over UTF-16 units, finished as murmur3 does so that low bits depend on all of the id. */
function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

export function placeOf(userId: string, shards: number): Place {
  const hash = hash32(userId);
  return { shard: hash % shards, bucket: String(Math.floor(hash / shards) % BUCKETS) };
}

/** All keys of a shard start with this; the braces are its hash tag on Cluster. */
export function shardPrefix(prefix: string, shard: number): string {
  return `{${prefix}:${shard}}:`;
}

/** The keys of a shard that do not depend on a user: declared on Cluster so that a migrating slot is noticed. */
export function shardKeys(K: string): string[] {
  return ['shard', 'due', 'n', 'lim', 'tomb', 'seen', 'log'].map((name) => K + name);
}

/** A user's sessions by expiry. */
export function userSetKey(K: string, userId: string): string {
  return `${K}u:${userId}`;
}

export function userKeys(K: string, userId: string, bucket: string): [string, string] {
  return [userSetKey(K, userId), `${K}m:${bucket}`];
}

export function inboxKey(prefix: string, nodeId: string): string {
  return `{${prefix}:in:${nodeId}}`;
}

/** HyperLogLog of the users of an hour. */
export function uniqueUsersKey(prefix: string, hourAt: number): string {
  return `{${prefix}:uniq:${hourAt}}`;
}

/** Hash of what happened how often in an hour. */
export function hitsKey(prefix: string, hourAt: number): string {
  return `{${prefix}:hits:${hourAt}}`;
}

export function configKey(prefix: string): string {
  return `{${prefix}}:config`;
}
