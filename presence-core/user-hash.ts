/** Divides users evenly into parts by a hash of their id. Changing it needs a new `REDIS_PREFIX`. */

/** Which of `parts` a user belongs to. */
export function partOf(userId: string, parts: number): number {
  return hash32(userId) % parts;
}

/**
 * FNV-1a over UTF-16 units, finished as murmur3 does so that low bits depend on all of the id.
 * @param seed 32 bits. Whoever does not know it cannot choose ids that fall together.
 */
export function hash32(text: string, seed = 0): number {
  let h = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
