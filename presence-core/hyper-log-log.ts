/**
 * About how many distinct texts were added: a HyperLogLog of 64 KB, standard error 1.04 / √65,536 = 0.41 %.
 *
 * Estimated as in O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), which needs no
 * correction for small numbers. A register that overflows, expected beyond 2^48 texts, is not corrected for.
 */
import { createHash } from 'node:crypto';

const REGISTERS = 65_536;
/** Ranks 1 to 33 of the 32 bits that follow those of the register. */
const RANKS = 34;

export class HyperLogLog {
  readonly #registers = new Uint8Array(REGISTERS);

  add(text: string): void {
    const hash = createHash('sha256').update(text).digest();
    const register = hash.readUInt16LE(0);
    const rank = Math.clz32(hash.readUInt32LE(2)) + 1;
    if (rank > (this.#registers[register] as number)) this.#registers[register] = rank;
  }

  estimate(): number {
    const registersByRank = new Array<number>(RANKS).fill(0);
    for (const rank of this.#registers) registersByRank[rank] = (registersByRank[rank] as number) + 1;
    let sum = 0;
    for (let rank = RANKS - 1; rank > 0; rank -= 1) sum = (sum + (registersByRank[rank] as number)) / 2;
    sum += REGISTERS * sigma((registersByRank[0] as number) / REGISTERS);
    return Math.round(REGISTERS ** 2 / (2 * Math.LN2 * sum));
  }
}

/** What the untouched registers add: x + Σ x^(2^k) · 2^(k-1), k from 1. */
function sigma(untouched: number): number {
  if (untouched === 1) return Number.POSITIVE_INFINITY;
  let sum = untouched;
  let before = -1;
  for (let power = untouched ** 2, factor = 1; sum !== before; power **= 2, factor *= 2) {
    before = sum;
    sum += power * factor;
  }
  return sum;
}
