/**
 * Cursors as clients keep them: at most 1,024 bytes, however many shards there are.
 *
 * The whole cursor does not fit, so of each position only the last bits are told, and a digest of the whole. Who comes with
 * it is behind the newest entries by little: each position is the last one up to the newest entry that ends in these bits.
 * The digest tells whether that is what was meant. If it is not, as some shard went on too far, or the epoch is another,
 * the place is not known any more.
 */
import { StoreError } from '../errors.ts';
import { hash32 } from '../user-hash.ts';
import { encodeCursor, type ShardPosition } from './log-cursor.ts';

export const MAX_CURSOR_BYTES = 1_024;
/** More would leave each shard fewer than 5 bits: a cursor would be of no use 32 changes later. */
export const MAX_SHARDS = 1_024;

const PREFIX = 'b:';
const DIGEST_LENGTH = 14;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const BITS_OF_A_CHARACTER = 6;
/** Enough for all of the log that anybody catches up on (100,000 changes). */
const MAX_BITS = 17;
const BRIEF = /^b:[0-9a-z]{14}[A-Za-z0-9_-]+$/;

/** Two seeds of the digest's halves. */
const SEEDS = [0x2545f491, 0x1b873593] as const;

/** Bits that are told of each position. */
export function bitsFor(shards: number): number {
  const characters = MAX_CURSOR_BYTES - PREFIX.length - DIGEST_LENGTH;
  return Math.min(MAX_BITS, Math.floor((characters * BITS_OF_A_CHARACTER) / shards));
}

export function encodeBrief(positions: readonly ShardPosition[]): string {
  const bits = bitsFor(positions.length);
  let text = '';
  let held = 0;
  let heldBits = 0;
  for (const { sequence } of positions) {
    held = held * 2 ** bits + (sequence % 2 ** bits);
    heldBits += bits;
    while (heldBits >= BITS_OF_A_CHARACTER) {
      heldBits -= BITS_OF_A_CHARACTER;
      text += ALPHABET.charAt(Math.floor(held / 2 ** heldBits));
      held %= 2 ** heldBits;
    }
  }
  if (heldBits > 0) text += ALPHABET.charAt(held * 2 ** (BITS_OF_A_CHARACTER - heldBits));
  return PREFIX + digestOf(positions) + text;
}

/** @throws StoreError `invalid_cursor` for what is not in the form of a deployment of so many shards. */
export function checkBrief(cursor: string, shards: number): void {
  const length = PREFIX.length + DIGEST_LENGTH + Math.ceil((shards * bitsFor(shards)) / BITS_OF_A_CHARACTER);
  if (!BRIEF.test(cursor) || cursor.length !== length) {
    throw new StoreError('invalid_cursor', 'not a cursor of this deployment');
  }
}

/**
 * @param cursor in the right form, see `checkBrief`.
 * @param newest the newest entry of each shard.
 * @returns undefined when the newest entries do not lead back to the place.
 */
export function decodeBrief(cursor: string, newest: readonly ShardPosition[]): ShardPosition[] | undefined {
  const bits = bitsFor(newest.length);
  const text = cursor.slice(PREFIX.length + DIGEST_LENGTH);
  let at = 0;
  let held = 0;
  let heldBits = 0;
  const positions = newest.map(({ epoch, sequence }) => {
    while (heldBits < bits) {
      held = held * 2 ** BITS_OF_A_CHARACTER + ALPHABET.indexOf(text.charAt(at));
      heldBits += BITS_OF_A_CHARACTER;
      at += 1;
    }
    heldBits -= bits;
    const last = Math.floor(held / 2 ** heldBits);
    held %= 2 ** heldBits;
    const behind = (((sequence - last) % 2 ** bits) + 2 ** bits) % 2 ** bits;
    return { epoch, sequence: sequence - behind };
  });
  const isPlace = positions.every(({ sequence }) => sequence >= 0);
  if (!isPlace || digestOf(positions) !== cursor.slice(PREFIX.length, PREFIX.length + DIGEST_LENGTH)) return undefined;
  return positions;
}

export function isBrief(cursor: string): boolean {
  return cursor.startsWith(PREFIX);
}

/** Before its first entry a shard has no epoch. */
function digestOf(positions: readonly ShardPosition[]): string {
  const text = encodeCursor(positions.map(({ epoch, sequence }) => ({ epoch: sequence === 0 ? 0 : epoch, sequence })));
  return SEEDS.map((seed) =>
    hash32(text, seed)
      .toString(36)
      .padStart(DIGEST_LENGTH / 2, '0'),
  ).join('');
}
