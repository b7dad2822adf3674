/**
 * How many distinct things left these registers of a HyperLogLog, each of which holds the greatest rank it has met.
 *
 * Estimated as in O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), which needs no
 * correction for small numbers: step by step as Redis does it, so that of the same registers both say the same.
 * @param maxRank the rank of a hash without any bit set.
 */
export function estimate(registers: Uint8Array, maxRank: number): number {
  const m = registers.length;
  const registersByRank = new Array<number>(maxRank + 1).fill(0);
  for (const rank of registers) registersByRank[rank] = (registersByRank[rank] as number) + 1;
  let z = m * tau((m - (registersByRank[maxRank] as number)) / m);
  for (let rank = maxRank - 1; rank >= 1; rank -= 1) {
    z += registersByRank[rank] as number;
    z *= 0.5;
  }
  z += m * sigma((registersByRank[0] as number) / m);
  return Math.round((ALPHA * m * m) / z);
}

const ALPHA = 0.5 / Math.LN2;

/** What the untouched registers add: x + Σ x^(2^k) · 2^(k-1), k from 1. */
function sigma(untouched: number): number {
  if (untouched === 1) return Number.POSITIVE_INFINITY;
  let sum = untouched;
  let before = -1;
  for (let power = untouched * untouched, factor = 1; sum !== before; power *= power, factor += factor) {
    before = sum;
    sum += power * factor;
  }
  return sum;
}

/** What the registers at the greatest rank add: (1 - x - Σ (1 - x^(2^-k))² · 2^-k) / 3, k from 1. */
function tau(below: number): number {
  if (below === 0 || below === 1) return 0;
  let sum = 1 - below;
  let before = -1;
  for (let root = Math.sqrt(below), factor = 0.5; sum !== before; root = Math.sqrt(root), factor *= 0.5) {
    before = sum;
    sum -= (1 - root) ** 2 * factor;
  }
  return sum / 3;
}
