/** Divides users evenly into parts by a hash of their id. Changing it needs a new `REDIS_PREFIX`. */

/** Which of `parts` a user belongs to. */
export function partOf(userId: string, parts: number): number {
  return hash32(userId) % parts;
}

/** FNV-1a over UTF-16 units, finished as murmur3 does so that low bits depend on all of the id. */
export function hash32(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
