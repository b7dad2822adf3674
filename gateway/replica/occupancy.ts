/**
 * How many sessions each user who is online has, for lists of users.
 *
 * A list is a hundred users anywhere in memory. In a `Map` each of them costs several cache misses: its bucket, its key,
 * the text of that, and what it holds. Here a user is 64 bytes of a table with open addressing, id included, and all
 * places of a list are fetched before the first is read, so that the processor waits for many at once.
 */
import { randomBytes } from 'node:crypto';
import { OFFLINE } from './statuses.ts';

const LINE_SHIFT = 4;
const LINE_WORDS = 1 << LINE_SHIFT;
/** Words of a line: the hash, 0 in a free one; the sessions; the length of the id, whose bytes follow. */
const SESSIONS = 1;
const LENGTH = 2;
const ID = 3;
const ID_WORDS = LINE_WORDS - ID;
/** Longer ids are in a `Map`, and so are those with characters of more than a byte. */
const MAX_ID_BYTES = ID_WORDS * 4;
const WIDE = /[^\0-\xff]/;
const isShort = (userId: string): boolean => userId.length <= MAX_ID_BYTES;
const fits = (userId: string): boolean => isShort(userId) && !WIDE.test(userId);

/** A table that grows moves all of its lines at once: of a million users in so many that is 5 to 10 ms. */
const TABLES = 64;
const TABLE_SHIFT = 32 - Math.log2(TABLES);
const FIRST_LINES = 16;
const MAX_LOAD = 0.7;

const BATCH_IDS = 128;

const randomWord = (): number => randomBytes(4).readInt32LE();

export class Occupancy {
  readonly #tables = Array.from({ length: TABLES }, () => new Int32Array(FIRST_LINES * LINE_WORDS));
  readonly #used = new Int32Array(TABLES);
  readonly #others = new Map<string, number>();
  /** Of the hash: who does not know them cannot make ids that fall together. */
  readonly #seed = randomWord();
  readonly #mask = randomWord();
  /** Of the ids at hand: their bytes one after the other, the same as words of a line each, and their hashes. */
  readonly #bytes = Buffer.alloc(BATCH_IDS * MAX_ID_BYTES);
  readonly #view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
  readonly #ids = new Int32Array(BATCH_IDS * ID_WORDS);
  readonly #hashes = new Int32Array(BATCH_IDS);
  /** What stands where the search for each begins. */
  readonly #atHome = new Int32Array(BATCH_IDS);

  /** @param sessions at least 0 */
  set(userId: string, sessions: number): void {
    const { length } = userId;
    if (!fits(userId)) {
      this.#others.set(userId, sessions);
      return;
    }
    const hash = this.#take(userId);
    const number = hash >>> TABLE_SHIFT;
    const table = this.#tables[number] as Int32Array;
    const place = this.#find(table, hash, 0, length);
    if (place >= 0) {
      table[place + SESSIONS] = sessions;
      return;
    }
    const word = ~place;
    table[word] = hash;
    table[word + SESSIONS] = sessions;
    table[word + LENGTH] = length;
    table.set(this.#ids.subarray(0, ID_WORDS), word + ID);
    const used = (this.#used[number] as number) + 1;
    this.#used[number] = used;
    if (used * LINE_WORDS > table.length * MAX_LOAD) this.#tables[number] = grown(table);
  }

  delete(userId: string): void {
    if (!fits(userId)) {
      this.#others.delete(userId);
      return;
    }
    const hash = this.#take(userId);
    const number = hash >>> TABLE_SHIFT;
    const table = this.#tables[number] as Int32Array;
    const place = this.#find(table, hash, 0, userId.length);
    if (place < 0) return;
    free(table, place);
    this.#used[number] = (this.#used[number] as number) - 1;
  }

  /** The sessions of each, `OFFLINE` of who has no entry. */
  of(userIds: readonly string[]): number[] {
    const found = new Array<number>(userIds.length);
    for (let from = 0; from < userIds.length; from += BATCH_IDS) {
      this.#findBatch(userIds, from, Math.min(from + BATCH_IDS, userIds.length), found);
    }
    return found;
  }

  #findBatch(userIds: readonly string[], from: number, to: number, found: number[]): void {
    const [tables, hashes, atHome] = [this.#tables, this.#hashes, this.#atHome];
    const batch = userIds.slice(from, to);
    const text = batch.join('');
    if (!batch.every(isShort) || WIDE.test(text)) {
      for (let i = from; i < to; i += 1) found[i] = this.#sessionsOf(userIds[i] as string);
      return;
    }
    this.#bytes.write(text, 'latin1');
    for (let i = from, at = 0; i < to; i += 1) {
      const { length } = userIds[i] as string;
      hashes[i - from] = this.#pack(i - from, at, length);
      at += length;
    }
    for (let i = 0; i < to - from; i += 1) {
      const hash = hashes[i] as number;
      const table = tables[hash >>> TABLE_SHIFT] as Int32Array;
      atHome[i] = table[homeOf(hash, table)] as number;
    }
    for (let i = from; i < to; i += 1) {
      const { length } = userIds[i] as string;
      if (atHome[i - from] === 0) found[i] = OFFLINE;
      else found[i] = this.#sessionsAt(hashes[i - from] as number, i - from, length);
    }
  }

  #sessionsOf(userId: string): number {
    if (!fits(userId)) return this.#others.get(userId) ?? OFFLINE;
    return this.#sessionsAt(this.#take(userId), 0, userId.length);
  }

  #sessionsAt(hash: number, index: number, length: number): number {
    const table = this.#tables[hash >>> TABLE_SHIFT] as Int32Array;
    const place = this.#find(table, hash, index, length);
    return place < 0 ? OFFLINE : (table[place + SESSIONS] as number);
  }

  /** Makes an id the first of those at hand, and returns its hash. */
  #take(userId: string): number {
    this.#bytes.write(userId, 'latin1');
    return this.#pack(0, 0, userId.length);
  }

  /** Makes words of the bytes from `at`, and a hash of them that is never 0: a step of MurmurHash3 for each word. */
  #pack(index: number, at: number, length: number): number {
    const [view, ids] = [this.#view, this.#ids];
    const first = index * ID_WORDS;
    const last = (length - 1) >> 2;
    let h = this.#seed ^ length;
    for (let i = 0; i <= last; i += 1) {
      let k = view.getInt32(at + i * 4, true);
      // What follows is of the next id.
      if (i === last) k &= -1 >>> ((-length & 3) * 8);
      ids[first + i] = k;
      k = Math.imul(k ^ this.#mask, 0xcc9e2d51);
      h ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593);
      h = (Math.imul((h << 13) | (h >>> 19), 5) + 0xe6546b64) | 0;
    }
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return h ^ (h >>> 16) || 1;
  }

  /** Where the line of an id begins, or the complement of where it would. */
  #find(table: Int32Array, hash: number, index: number, length: number): number {
    const ids = this.#ids;
    const words = (length + 3) >> 2;
    for (let place = homeOf(hash, table); ; place = (place + LINE_WORDS) & (table.length - 1)) {
      const held = table[place];
      if (held === 0) return ~place;
      if (held !== hash || table[place + LENGTH] !== length) continue;
      let word = 0;
      while (word < words && table[place + ID + word] === ids[index * ID_WORDS + word]) word += 1;
      if (word === words) return place;
    }
  }
}

/** Where the search for a hash begins. The lines of a table are a power of two. */
function homeOf(hash: number, table: Int32Array): number {
  return (hash << LINE_SHIFT) & (table.length - 1);
}

function grown(table: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(table.length * 2);
  for (let place = 0; place < table.length; place += LINE_WORDS) {
    const hash = table[place] as number;
    if (hash === 0) continue;
    let to = homeOf(hash, larger);
    while (larger[to] !== 0) to = (to + LINE_WORDS) & (larger.length - 1);
    larger.set(table.subarray(place, place + LINE_WORDS), to);
  }
  return larger;
}

/** Moves lines that follow back into the gap, where else their search would end at it. */
function free(table: Int32Array, place: number): void {
  const last = table.length - 1;
  let gap = place;
  for (let next = (gap + LINE_WORDS) & last; table[next] !== 0; next = (next + LINE_WORDS) & last) {
    const home = homeOf(table[next] as number, table);
    if (((next - home) & last) < ((next - gap) & last)) continue;
    table.copyWithin(gap, next, next + LINE_WORDS);
    gap = next;
  }
  table[gap] = 0;
}
