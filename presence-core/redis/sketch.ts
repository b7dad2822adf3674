/**
 * Redis' own HyperLogLog of users, read and written as Redis keeps it in a string (hyperloglog.c): a header of 16 bytes,
 * then 16,384 registers of 6 bits (dense) or their runs (sparse). What is counted here is what PFCOUNT says.
 */
import { StoreError } from '../errors.ts';
import { estimate } from '../hyper-log-log.ts';

const MAGIC = [0x48, 0x59, 0x4c, 0x4c]; // HYLL
const ENCODING_AT = 4;
const DENSE = 0;
const SPARSE = 1;
/** Begins with magic, encoding, three unused bytes; then eight of a count, of which the last one's top bit says: stale. */
const HEADER_BYTES = 16;
const STALE_AT = 15;
const STALE = 0x80;
const REGISTERS = 16_384;
const REGISTER_BITS = 6;
const DENSE_BYTES = HEADER_BYTES + (REGISTERS * REGISTER_BITS) / 8;
/** Of the 50 bits that follow the 14 of the register. */
const MAX_RANK = 51;

export class RedisSketch {
  readonly #registers: Uint8Array;

  private constructor(registers: Uint8Array) {
    this.#registers = registers;
  }

  static isOne(bytes: Uint8Array): boolean {
    return MAGIC.every((byte, i) => bytes[i] === byte);
  }

  /** @throws StoreError `invalid_sketch` */
  static from(bytes: Uint8Array): RedisSketch {
    const encoding = bytes[ENCODING_AT];
    const registers = encoding === DENSE ? readDense(bytes) : encoding === SPARSE ? readSparse(bytes) : undefined;
    if (registers === undefined) throw new StoreError('invalid_sketch', 'a HyperLogLog of Redis is damaged');
    return new RedisSketch(registers);
  }

  merge(other: RedisSketch): void {
    other.#registers.forEach((rank, register) => {
      if (rank > (this.#registers[register] as number)) this.#registers[register] = rank;
    });
  }

  count(): number {
    return estimate(this.#registers, MAX_RANK);
  }

  /** Dense; Redis takes it by SET. */
  bytes(): Uint8Array {
    const bytes = new Uint8Array(DENSE_BYTES);
    bytes.set(MAGIC);
    bytes[ENCODING_AT] = DENSE;
    bytes[STALE_AT] = STALE;
    this.#registers.forEach((rank, register) => {
      const { at, shift } = placeOf(register);
      bytes[at] = (bytes[at] as number) | (rank << shift);
      if (shift > 2) bytes[at + 1] = (bytes[at + 1] as number) | (rank >> (8 - shift));
    });
    return bytes;
  }
}

/** Registers follow each other from the lowest bit of a byte up. */
function placeOf(register: number): { at: number; shift: number } {
  const bit = register * REGISTER_BITS;
  return { at: HEADER_BYTES + (bit >> 3), shift: bit & 7 };
}

function readDense(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length !== DENSE_BYTES) return undefined;
  const registers = new Uint8Array(REGISTERS);
  for (let register = 0; register < REGISTERS; register += 1) {
    const { at, shift } = placeOf(register);
    const rank = (((bytes[at] as number) >> shift) | ((bytes[at + 1] ?? 0) << (8 - shift))) & 63;
    if (rank > MAX_RANK) return undefined;
    registers[register] = rank;
  }
  return registers;
}

/** Runs: 00llllll of untouched registers, 01llllll llllllll of many, 1rrrrrll of registers of one rank; each less 1. */
function readSparse(bytes: Uint8Array): Uint8Array | undefined {
  const registers = new Uint8Array(REGISTERS);
  let register = 0;
  for (let at = HEADER_BYTES; at < bytes.length; at += 1) {
    const op = bytes[at] as number;
    if (op & 0x80) {
      const length = (op & 3) + 1;
      registers.fill(((op >> 2) & 31) + 1, register, register + length);
      register += length;
    } else if (op & 0x40) {
      at += 1;
      register += (((op & 63) << 8) | (bytes[at] ?? 0)) + 1;
    } else {
      register += (op & 63) + 1;
    }
  }
  return register === REGISTERS ? registers : undefined;
}
